"""Labelling: people answer rows of a dataset version, and what they say becomes the next one."""
