"""Versions of datasets at places that several workspaces reach: pushed, pulled, read from there."""
