"""A new SQLite database of MLflow's, made by MLflow itself and filled here."""

import math
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tidemill.core.errors import MissingExtra
from tidemill.core.ids import new_id
from tidemill.integrations.trackers.mlflow.databases import SQLite
from tidemill.integrations.trackers.mlflow.places import Address
from tidemill.integrations.trackers.mlflow.schema import Schema
from tidemill.objects.trees import check_relative
from tidemill.tracking.ports import (
    CarriedExperiment,
    CarriedFile,
    CarriedModel,
    CarriedName,
    CarriedRun,
    CarriedVersion,
    FileRoot,
    InvalidTracker,
    Point,
    TrackerFailed,
)
from tidemill.tracking.records import InputDataset, Output

_LARGEST = 1.7976931348623157e308
_PATIENCE_S = 300
_STATUSES = {"PENDING": 1, "READY": 2, "FAILED": 3}
_CONTEXT = "mlflow.data.context"
Row = Mapping[str, object]


class DatabaseTarget:
    """A database that does not exist yet, or is empty. It is a `TrackerTarget`; it appears whole at `finish`.

    Args:
        address: Where it shall be.
        artifact_root: The folder of the files; beside the database when left out.

    Raises:
        InvalidTracker: If something is there.
        MissingExtra: If it does not exist and MLflow, which alone can make one, is not installed.
    """

    notes: Sequence[str] = ()
    keeps_ids = True

    def __init__(self, address: Address, artifact_root: str) -> None:
        self.place = address.shown
        self._path = Path(address.url)
        self._root = Path(artifact_root).absolute() if artifact_root else self._path.with_suffix(".artifacts")
        self._temporary = self._path.with_name(f".{self._path.name}.{new_id()}")
        try:
            _prepare(self._path, self._temporary, address.shown)
            source = SQLite(self._temporary)
            try:
                self._schema = Schema(source)
            finally:
                source.close()
        except BaseException:
            self._temporary.unlink(missing_ok=True)
            raise
        self._connection = sqlite3.connect(self._temporary, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous=OFF")  # it is synced once, when it is whole
        self._connection.execute("BEGIN")
        self._locations: dict[str, str] = {}
        self._files: dict[tuple[str, str], Path] = {}
        self._datasets: dict[tuple[str, str, str], str] = {}

    def put_experiment(self, experiment: CarriedExperiment) -> str:
        """Write an experiment under its id."""
        identifier = experiment.experiment_id
        location = experiment.artifact_location or str(self._root / identifier)
        self._locations[identifier] = location
        row = {
            "experiment_id": int(identifier),
            "name": experiment.name,
            "artifact_location": location,
            "lifecycle_stage": experiment.lifecycle_stage,
            "creation_time": experiment.created_ms,
            "last_update_time": experiment.updated_ms,
        }
        self._insert("experiments", [row], replace=True)
        self._texts("experiment_tags", {"experiment_id": int(identifier)}, experiment.tags)
        return identifier

    def put_run(self, run: CarriedRun, experiment_id: str, points: Iterable[list[Point]]) -> str:
        """Write a run under its id."""
        where = f"{self._locations[experiment_id].rstrip('/')}/{run.run_id}/artifacts"
        self._files["run", run.run_id] = Path(where)
        row = {
            "run_uuid": run.run_id,
            "name": run.name,
            "source_type": "UNKNOWN",
            "source_name": "",
            "entry_point_name": "",
            "source_version": "",
            "user_id": run.user,
            "status": run.status,
            "start_time": run.start_ms,
            "end_time": run.end_ms,
            "deleted_time": run.deleted_ms,
            "lifecycle_stage": run.lifecycle_stage,
            "artifact_uri": where,
            "experiment_id": int(experiment_id),
        }
        self._insert("runs", [row])
        self._texts("params", {"run_uuid": run.run_id}, run.params)
        self._texts("tags", {"run_uuid": run.run_id}, run.tags)
        self._points(run.run_id, points)
        for dataset in run.inputs:
            self._input(run.run_id, experiment_id, dataset)
        return run.run_id

    def _points(self, run_id: str, points: Iterable[list[Point]]) -> None:
        latest: dict[str, tuple[int, int, float, int]] = {}
        add = "INSERT OR IGNORE INTO metrics (run_uuid, key, step, timestamp, value, is_nan) VALUES (?, ?, ?, ?, ?, ?)"
        for some in points:
            rows = [(run_id, key, step, at, *_kept(value)) for _, key, step, at, value in some]
            for row in rows:
                if row[1] not in latest or row[2:] > latest[row[1]]:
                    latest[row[1]] = row[2:]
            self._connection.executemany(add, rows)
        last = [(run_id, key, *place) for key, place in latest.items()]
        self._connection.executemany(add.replace(" metrics", " latest_metrics"), last)

    def _input(self, run_id: str, experiment_id: str, dataset: InputDataset) -> None:
        key = (experiment_id, dataset.name, dataset.digest)
        if key not in self._datasets:
            self._datasets[key] = uuid.uuid4().hex
            row = {
                "dataset_uuid": self._datasets[key],
                "experiment_id": int(experiment_id),
                "name": dataset.name,
                "digest": dataset.digest,
                "dataset_source_type": dataset.source_type,
                "dataset_source": dataset.source,
                "dataset_schema": dataset.schema or None,
                "dataset_profile": dataset.profile or None,
            }
            self._insert("datasets", [row])
        identifier = self._link("DATASET", self._datasets[key], "RUN", run_id, 0)
        tags = dataset.tags | ({_CONTEXT: dataset.context} if dataset.context else {})
        rows = [{"input_uuid": identifier, "name": name, "value": value} for name, value in tags.items()]
        self._insert("input_tags", rows)

    def _link(self, source_type: str, source: str, target_type: str, target: str, step: int) -> str:
        row = {
            "input_uuid": uuid.uuid4().hex,
            "source_type": source_type,
            "source_id": source,
            "destination_type": target_type,
            "destination_id": target,
            "step": step,
        }
        self._insert("inputs", [row])
        return str(row["input_uuid"])

    def put_logged_model(self, model: CarriedModel, experiment_id: str, run_id: str) -> str:
        """Write a logged model under its id."""
        if not self._schema.has_logged_models:
            return ""
        where = f"{self._locations[experiment_id].rstrip('/')}/models/{model.model_id}/artifacts"
        self._files["logged_model", model.model_id] = Path(where)
        own = {"model_id": model.model_id, "experiment_id": int(experiment_id)}
        row = own | {
            "name": model.name,
            "artifact_location": where,
            "creation_timestamp_ms": model.created_ms,
            "last_updated_timestamp_ms": model.updated_ms,
            "status": _STATUSES.get(model.status, 1),
            "lifecycle_stage": model.lifecycle_stage,
            "model_type": model.model_type,
            "source_run_id": run_id or None,
            "status_message": model.status_message,
        }
        self._insert("logged_models", [row])
        self._texts("logged_model_params", own, model.params, "param_key", "param_value")
        self._texts("logged_model_tags", own, model.tags, "tag_key", "tag_value")
        rows = [
            own
            | {
                "metric_name": point.key,
                "metric_timestamp_ms": point.timestamp,
                "metric_step": point.step,
                "metric_value": point.value,
                "run_id": point.run_id,
                "dataset_name": point.dataset_name or None,
                "dataset_digest": point.dataset_digest or None,
            }
            for point in model.metrics
        ]
        self._insert("logged_model_metrics", rows)
        return model.model_id

    def link(self, run_id: str, inputs: Sequence[str], outputs: Sequence[Output]) -> None:
        """Say which logged models a run used and made."""
        for model_id in inputs:
            self._link("RUN_INPUT", run_id, "MODEL_INPUT", model_id, 0)
        for output in outputs:
            self._link("RUN_OUTPUT", run_id, "MODEL_OUTPUT", output.model_id, output.step)

    def put_name(self, name: CarriedName) -> None:
        """Write a registered model."""
        row = {
            "name": name.name,
            "creation_time": name.created_ms,
            "last_updated_time": name.updated_ms,
            "description": name.description,
        }
        self._insert("registered_models", [row])
        self._texts("registered_model_tags", {"name": name.name}, name.tags)

    def put_version(self, version: CarriedVersion, files: FileRoot | None) -> int:
        """Write a version under its number."""
        folder = self._files.get((files[0], files[1])) if files else None
        source = str(folder / files[2]) if folder and files else version.source
        row = {
            "name": version.name,
            "version": version.number,
            "creation_time": version.created_ms,
            "last_updated_time": version.updated_ms,
            "description": version.description,
            "user_id": version.user,
            "current_stage": "Deleted_Internal" if version.is_deleted else version.stage,
            "source": source,
            "storage_location": source,
            "run_id": version.run_id or None,
            "status": "READY",
            "run_link": version.run_link or None,
        }
        self._insert("model_versions", [row])
        self._texts("model_version_tags", {"name": version.name, "version": version.number}, version.tags)
        return version.number

    def put_aliases(self, name: str, aliases: Mapping[str, int]) -> None:
        """Write aliases."""
        rows = [{"name": name, "alias": alias, "version": number} for alias, number in aliases.items()]
        self._insert("registered_model_aliases", rows)

    def has_file(self, kind: str, identifier: str, file: CarriedFile) -> bool:
        """Return whether a file is there already."""
        path = self._files[kind, identifier] / file.path
        return path.is_file() and path.stat().st_size == file.size

    def put_file(self, kind: str, identifier: str, path: str, pieces: Iterator[bytes]) -> None:
        """Write a file; it appears whole."""
        target = self._files[kind, identifier] / check_relative(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{new_id()}")
        try:
            with temporary.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def finish(self) -> None:
        """Let the database appear under its name."""
        self._connection.execute("COMMIT")
        self._connection.close()
        with self._temporary.open("rb") as file:
            os.fsync(file.fileno())
        self._temporary.replace(self._path)

    def close(self) -> None:
        """Leave nothing half-written behind."""
        self._connection.close()
        self._temporary.unlink(missing_ok=True)

    def _texts(self, table: str, own: Row, texts: Mapping[str, str], key: str = "key", value: str = "value") -> None:
        self._insert(table, [{**own, key: name, value: text} for name, text in texts.items()])

    def _insert(self, table: str, rows: Sequence[Row], *, replace: bool = False) -> None:
        """Insert rows: those of their columns that this release has."""
        if not rows:
            return
        names = [name for name in rows[0] if self._schema.has(table, name)]
        extra = ["workspace"] if self._schema.has(table, "workspace") else []
        columns = ", ".join(f'"{name}"' for name in (*names, *extra))
        marks = ", ".join("?" * (len(names) + len(extra)))
        word = "INSERT OR REPLACE" if replace else "INSERT"
        values = [(*(row[name] for name in names), *("default" for _ in extra)) for row in rows]
        self._connection.executemany(f"{word} INTO {table} ({columns}) VALUES ({marks})", values)


def _kept(value: float) -> tuple[float, int]:
    """Return a value and whether it is NaN, as MLflow keeps it."""
    if math.isnan(value):
        return 0.0, 1
    return (math.copysign(_LARGEST, value), 0) if math.isinf(value) else (value, 0)


def _prepare(path: Path, temporary: Path, shown: str) -> None:
    if not path.parent.is_dir():
        raise InvalidTracker("There is no such folder", hint="Make it first.", where=str(path.parent))
    if path.exists():
        source = SQLite(path)
        try:
            Schema(source)
            used = sum(
                source.rows(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608 - ours
                for table in ("runs", "registered_models", "experiment_tags")
            )
        finally:
            source.close()
        if used:
            raise InvalidTracker("There is something in this database", hint="Name a new file.", where=shown)
        shutil.copyfile(path, temporary)
        return
    program = shutil.which("mlflow", path=str(Path(sys.executable).parent)) or shutil.which("mlflow")
    if program is None:
        raise MissingExtra(
            "Only MLflow can make a database of its own, and it is not installed here",
            hint="Run `pip install mlflow`; or let any mlflow make an empty one, and give this command again: "
            f"`MLFLOW_TRACKING_URI={shown} mlflow experiments search`.",
        )
    # `mlflow db upgrade` makes the tables of a new file in new releases only; asking a store for anything, in all.
    said = {"MLFLOW_TRACKING_URI": f"sqlite:///{temporary}", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    command = [program, "experiments", "search"]
    try:
        with tempfile.TemporaryDirectory() as folder:  # where it leaves a folder for files
            environment = os.environ | said
            subprocess.run(command, check=True, capture_output=True, timeout=_PATIENCE_S, env=environment, cwd=folder)
    except (subprocess.SubprocessError, OSError) as error:
        raise TrackerFailed(
            f"`mlflow experiments search` did not make a database: {type(error).__name__}",
            hint=f"Run `MLFLOW_TRACKING_URI={shown} mlflow experiments search` to see why, then this again.",
        ) from error
