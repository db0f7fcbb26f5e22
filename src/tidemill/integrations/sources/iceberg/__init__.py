"""Iceberg tables, at a snapshot or as of a moment."""

from tidemill.integrations.sources.iceberg.source import Iceberg

__all__ = ["Iceberg"]
