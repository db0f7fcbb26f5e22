"""BigQuery: tables, also as of an earlier moment, and queries."""

from tidemill.integrations.sources.bigquery.source import BigQuery

__all__ = ["BigQuery"]
