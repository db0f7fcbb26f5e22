"""What must hold of a row, as people write it: text to tree to Polars; nothing is ever evaluated as code."""
