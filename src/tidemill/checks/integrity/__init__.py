"""Does a table hold what it seems to hold, and nothing that misleads a training."""
