"""Is the table what it should be: missing, doubled, out of range, of another type."""
