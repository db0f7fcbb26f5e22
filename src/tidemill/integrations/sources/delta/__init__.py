"""Delta tables, at a version or as of a moment."""

from tidemill.integrations.sources.delta.source import Delta

__all__ = ["Delta"]
