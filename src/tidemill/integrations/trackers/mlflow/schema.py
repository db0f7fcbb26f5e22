"""What MLflow's tables look like, from release 2.9 on; newer ones add tables and columns."""

from tidemill.core.names import shown
from tidemill.integrations.trackers.mlflow.databases import Database
from tidemill.tracking.ports import UnknownSchema

_NEEDED: dict[str, str] = {
    "alembic_version": "version_num",
    "experiments": "experiment_id name artifact_location lifecycle_stage creation_time last_update_time",
    "experiment_tags": "experiment_id key value",
    "runs": "run_uuid name user_id status start_time end_time deleted_time lifecycle_stage artifact_uri experiment_id",
    "metrics": "run_uuid key value timestamp step is_nan",
    "latest_metrics": "run_uuid key value timestamp step is_nan",
    "params": "run_uuid key value",
    "tags": "run_uuid key value",
    "datasets": "dataset_uuid name digest dataset_source_type dataset_source dataset_schema dataset_profile",
    "inputs": "input_uuid source_type source_id destination_type destination_id",
    "input_tags": "input_uuid name value",
    "registered_models": "name creation_time last_updated_time description",
    "registered_model_tags": "name key value",
    "registered_model_aliases": "name alias version",
    "model_versions": "name version creation_time last_updated_time description user_id current_stage source run_id"
    " run_link",
    "model_version_tags": "name version key value",
}
_LOGGED: dict[str, str] = {
    "logged_models": "model_id experiment_id name artifact_location creation_timestamp_ms last_updated_timestamp_ms"
    " status lifecycle_stage model_type source_run_id status_message",
    "logged_model_params": "model_id param_key param_value",
    "logged_model_tags": "model_id tag_key tag_value",
    "logged_model_metrics": "model_id metric_name metric_timestamp_ms metric_step metric_value run_id dataset_name"
    " dataset_digest",
}
_NOT_CARRIED = {
    "trace_info": "traces",
    "evaluation_datasets": "evaluation datasets",
    "scorers": "scorers",
    "webhooks": "webhooks",
    "endpoints": "gateway endpoints",
}


class Schema:
    """Which parts a store's database has.

    Args:
        database: The database.

    Raises:
        UnknownSchema: If it is no store of MLflow, or of a release that is not known.
    """

    def __init__(self, database: Database) -> None:
        self._columns = database.columns()
        if "alembic_version" not in self._columns or "experiments" not in self._columns:
            raise UnknownSchema(
                "This is no database of an MLflow server", hint="Give the value of its --backend-store-uri."
            )
        found = database.rows("SELECT version_num FROM alembic_version")
        self.revision = str(found[0][0]) if found else ""
        self.has_logged_models = "logged_models" in self._columns
        needed = _NEEDED | (_LOGGED if self.has_logged_models else {})
        lacking = [
            f"{table}.{column}"
            for table, columns in needed.items()
            for column in columns.split()
            if column not in self._columns.get(table, ())
        ]
        if lacking:
            raise UnknownSchema(
                f"MLflow's schema {shown(self.revision)} is not one of those that are read: it lacks "
                f"{', '.join(lacking[:4])}",
                hint="Known are those of MLflow 2.9 to 3.17. Upgrade an older store with `mlflow db upgrade`, or give "
                "the address of its server instead.",
                details={"revision": self.revision, "lacking": lacking},
            )

    def has(self, table: str, column: str) -> bool:
        """Return whether a table has a column."""
        return column in self._columns.get(table, ())

    def here(self, table: str, alias: str = "") -> str:
        """Return the condition that a row is in the default workspace, where the release has several."""
        prefix = f"{alias}." if alias else ""
        return f"{prefix}workspace = 'default'" if self.has(table, "workspace") else "1 = 1"

    def left_out(self, database: Database) -> dict[str, int]:
        """Return what the store holds that is not carried over."""
        found = {}
        for table, what in _NOT_CARRIED.items():
            if table in self._columns and (count := _count(database, table, "1 = 1")):
                found[f"{what} have no place here"] = count
        for table, what in (("experiments", "experiments"), ("registered_models", "registered models")):
            if self.has(table, "workspace") and (count := _count(database, table, "workspace <> 'default'")):
                found[f"{what} of workspaces other than the default one"] = count
        return found


def _count(database: Database, table: str, where: str) -> int:
    return int(database.rows(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])  # noqa: S608 - words of ours
