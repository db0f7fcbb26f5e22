"""Snowflake: tables, also as of an earlier moment, and queries."""

from tidemill.integrations.sources.snowflake.source import Snowflake

__all__ = ["Snowflake"]
