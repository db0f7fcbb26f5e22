"""SQLite: tables and queries of a file, all as of one moment."""

from tidemill.integrations.sources.sqlite.source import SQLite

__all__ = ["SQLite"]
