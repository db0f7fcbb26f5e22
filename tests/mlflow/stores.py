"""MLflow databases written row by row, for tests that need no MLflow: the columns of two ages."""

import sqlite3
from pathlib import Path

OLD = "acf3f17fdcc7"
"""The schema of MLflow 2.9."""
NEW = "dc11669786a5"
"""The schema of MLflow 3.17."""
BORN = 1_600_000_000_000

_TABLES = """
experiments: experiment_id name artifact_location lifecycle_stage creation_time last_update_time
experiment_tags: key value experiment_id
runs: run_uuid name source_type source_name entry_point_name user_id status start_time end_time source_version lifecycle_stage artifact_uri experiment_id deleted_time
metrics: key value timestamp run_uuid step is_nan
latest_metrics: key value timestamp step is_nan run_uuid
params: key value run_uuid
tags: key value run_uuid
datasets: dataset_uuid experiment_id name digest dataset_source_type dataset_source dataset_schema dataset_profile
inputs: input_uuid source_type source_id destination_type destination_id
input_tags: input_uuid name value
registered_models: name creation_time last_updated_time description
registered_model_tags: key value name
registered_model_aliases: alias version name
model_versions: name version creation_time last_updated_time description user_id current_stage source run_id status status_message run_link storage_location
model_version_tags: key value name version
"""
_NEW_TABLES = """
logged_models: model_id experiment_id name artifact_location creation_timestamp_ms last_updated_timestamp_ms status lifecycle_stage model_type source_run_id status_message
logged_model_params: model_id experiment_id param_key param_value
logged_model_tags: model_id experiment_id tag_key tag_value
logged_model_metrics: model_id metric_name metric_timestamp_ms metric_step metric_value experiment_id run_id dataset_uuid dataset_name dataset_digest
trace_info: request_id experiment_id timestamp_ms
"""
_IN_WORKSPACES = {
    "experiments",
    "registered_models",
    "registered_model_tags",
    "registered_model_aliases",
    "model_versions",
    "model_version_tags",
}
ONE, TWO, GONE = "1" * 32, "2" * 32, "3" * 32
"""Ids of the runs of `fill`: two that stand, and one in the trash."""
NET = "m-" + "4" * 32
"""The id of the logged model of `fill`."""


class Store:
    """A database to put rows into.

    Args:
        path: The file; made anew.
        revision: Which schema.
    """

    def __init__(self, path: Path, revision: str = NEW) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"
        self.is_new = revision != OLD
        self.connection = sqlite3.connect(path, isolation_level=None)
        for line in (_TABLES + (_NEW_TABLES if self.is_new else "")).split("\n"):
            if not line:
                continue
            table, _, columns = line.partition(": ")
            names = [f'"{name}"' for name in columns.split()]
            if self.is_new and table in _IN_WORKSPACES:
                names.append("workspace TEXT DEFAULT 'default'")
            if self.is_new and table == "inputs":
                names.append("step INTEGER DEFAULT 0")
            self.connection.execute(f"CREATE TABLE {table} ({', '.join(names)})")
        self.connection.execute("CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid)")
        self.connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        self.put("alembic_version", version_num=revision)

    def put(self, table: str, **row: object) -> None:
        """Insert a row."""
        columns, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
        self.connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))

    def experiment(self, number: int, name: str, location: str = "", **more: object) -> None:
        """Insert an experiment."""
        row = {"lifecycle_stage": "active", "creation_time": BORN + number, "last_update_time": BORN + number} | more
        self.put("experiments", experiment_id=number, name=name, artifact_location=location, **row)

    def run(self, run_id: str, experiment: int, uri: str = "", **more: object) -> None:
        """Insert a run."""
        row: dict[str, object] = {"status": "FINISHED", "lifecycle_stage": "active", "start_time": BORN + 10}
        row |= {"end_time": BORN + 20, "user_id": "ada", "name": "tree", **more}
        self.put("runs", run_uuid=run_id, experiment_id=experiment, artifact_uri=uri, **row)

    def point(self, run_id: str, key: str, value: float, step: int = 0, at: int = BORN, is_nan: int = 0) -> None:
        """Insert a point."""
        self.put("metrics", key=key, value=value, timestamp=at, run_uuid=run_id, step=step, is_nan=is_nan)


def fill(store: Store, root: Path) -> Store:
    """Put in one of each, with files below a folder."""
    store.experiment(0, "Default", "mlflow-artifacts:/0")
    store.experiment(5, "churn", "mlflow-artifacts:/5")
    store.experiment(6, "gone", "mlflow-artifacts:/6", lifecycle_stage="deleted")
    store.put("experiment_tags", experiment_id=5, key="team", value="growth")
    for run_id in (ONE, TWO):
        store.run(run_id, 5, f"mlflow-artifacts:/5/{run_id}/artifacts")
        store.put("params", run_uuid=run_id, key="depth", value="3")
        store.put("tags", run_uuid=run_id, key="mlflow.runName", value="tree")
        for step in range(3):
            store.point(run_id, "loss", 1 / (step + 1), step)
        folder = root / "5" / run_id / "artifacts" / "model"
        folder.mkdir(parents=True)
        (folder / "MLmodel").write_text("flavors: {}\n")
        (folder.parent / "notes.txt").write_text(run_id)
    store.point(ONE, "odd", 0.0, is_nan=1)
    store.point(ONE, "big", 1.7976931348623157e308)
    store.point(ONE, "low", -1.7976931348623157e308)
    store.run(GONE, 5, lifecycle_stage="deleted", deleted_time=BORN + 30)
    store.put("datasets", dataset_uuid="d", experiment_id=5, name="customers", digest="abc",
              dataset_source_type="local", dataset_source="{}", dataset_schema=None, dataset_profile=None)  # fmt: skip
    store.put(
        "inputs", input_uuid="i", source_type="DATASET", source_id="d", destination_type="RUN", destination_id=ONE
    )
    store.put("input_tags", input_uuid="i", name="mlflow.data.context", value="training")
    store.put(
        "registered_models", name="delay", creation_time=BORN, last_updated_time=BORN + 5, description="Says when."
    )
    store.put("registered_model_aliases", name="delay", alias="champion", version=1)
    for number, run_id, stage in ((1, ONE, "Production"), (2, "REDACTED-RUN-ID", "Deleted_Internal"), (3, TWO, "None")):
        source = f"mlflow-artifacts:/5/{run_id}/artifacts/model"
        store.put("model_versions", name="delay", version=number, creation_time=BORN + number, run_id=run_id,
                  last_updated_time=BORN + number, current_stage=stage, source=source, status="READY")  # fmt: skip
    if store.is_new:
        store.put("logged_models", model_id=NET, experiment_id=5, name="net", creation_timestamp_ms=BORN, status=2,
                  artifact_location=f"mlflow-artifacts:/5/models/{NET}/artifacts", last_updated_timestamp_ms=BORN,
                  lifecycle_stage="active", source_run_id=ONE)  # fmt: skip
        store.put("logged_model_metrics", model_id=NET, metric_name="auc", metric_timestamp_ms=BORN, metric_step=1,
                  metric_value=0.9, experiment_id=5, run_id=ONE)  # fmt: skip
        store.put("inputs", input_uuid="o", source_type="RUN_OUTPUT", source_id=ONE, destination_type="MODEL_OUTPUT",
                  destination_id=NET, step=4)  # fmt: skip
        store.put("trace_info", request_id="t", experiment_id=5, timestamp_ms=BORN)
    return store
