"""Values between steps: each has one safe form, and nothing is ever unpickled."""
