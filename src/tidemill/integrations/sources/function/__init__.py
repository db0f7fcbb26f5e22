"""A Python function of the user's as a source."""

from tidemill.integrations.sources.function.source import Function

__all__ = ["Function"]
