"""One test of data or of a model a file: pure judgements that state their interval and their error rate."""
