"""MLflow: its servers through REST, its SQLite and PostgreSQL databases as they are."""

from tidemill.integrations.trackers.mlflow.tracker import MLflow

__all__ = ["MLflow"]
