"""The process that a project's code runs in."""
