"""Doing a run: which step is next, who runs it, and what is written down of it."""
