"""Does the training know what it could not know."""
