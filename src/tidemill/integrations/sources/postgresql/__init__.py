"""PostgreSQL: tables and queries, all as of one moment."""

from tidemill.integrations.sources.postgresql.source import PostgreSQL

__all__ = ["PostgreSQL"]
