"""Finders of personal data: one folder a finder."""
