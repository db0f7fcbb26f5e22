"""An MLflow store read from its database and its folder of artifacts, without a server."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tidemill.core.moments import Moment, to_ms
from tidemill.integrations.trackers.mlflow.databases import Database, PostgreSQL, Rows, SQLite
from tidemill.integrations.trackers.mlflow.files import files_of, read_file
from tidemill.integrations.trackers.mlflow.places import Address, FileRoots
from tidemill.integrations.trackers.mlflow.schema import Schema
from tidemill.tracking.ports import (
    CarriedExperiment,
    CarriedFile,
    CarriedModel,
    CarriedName,
    CarriedRun,
    CarriedVersion,
    FileRoot,
    FilesElsewhere,
    Point,
)
from tidemill.tracking.records import InputDataset, Metric, Output

_SOME = 200
_CONTEXT = "mlflow.data.context"
_STATUSES = {0: "PENDING", 1: "PENDING", 2: "READY", 3: "FAILED"}
_DELETED = "Deleted_Internal"
_NAN = float("nan")


class StoredMLflow:
    """A store by its database. It is a `TrackerSource`.

    Args:
        address: The database.
        artifact_root: The folder that `mlflow-artifacts:/` stands for; empty when none was named.

    Raises:
        UnknownSchema: If the database is no store that is known.
    """

    at_once = 4

    def __init__(self, address: Address, artifact_root: str) -> None:
        self.place = address.shown
        beside = Path(address.url).parent if address.kind == "sqlite" else None
        self._roots = FileRoots(artifact_root, beside)
        self._database: Database = SQLite(Path(address.url)) if beside else PostgreSQL(address)
        try:
            self._schema = Schema(self._database)
            # A store that was made anew at the same address has another first moment.
            born = self._database.rows("SELECT min(creation_time) FROM experiments")[0][0]
        except BaseException:
            self._database.close()
            raise
        self.identity = f"{address.shown}#{born or ''}"

    def count_runs(self, since: Moment | None) -> int:
        """Return how many runs there are to read."""
        where, given = _since("start_time", "end_time", since)
        query = (
            "SELECT count(*) FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id"
            " WHERE {here} AND {since}"
        )
        query = query.replace("{here}", self._schema.here("experiments", "e")).replace("{since}", where)
        return int(self._database.rows(query, (), *given)[0][0])

    def experiments(self) -> Iterator[CarriedExperiment]:
        """Yield all experiments of the default workspace."""
        tags = _texts(self._database.rows("SELECT experiment_id, key, value FROM experiment_tags"))
        query = (
            "SELECT experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time"
            " FROM experiments WHERE {here} ORDER BY experiment_id"
        ).replace("{here}", self._schema.here("experiments"))
        for identifier, name, location, stage, created, updated in self._database.rows(query):
            yield CarriedExperiment(
                experiment_id=str(identifier),
                name=name,
                artifact_location=location or "",
                lifecycle_stage=stage or "active",
                created_ms=created or 0,
                updated_ms=updated or created or 0,
                tags=tags.get(identifier, {}),
            )

    def runs(self, experiment_ids: Sequence[str], since: Moment | None) -> Iterator[list[CarriedRun]]:
        """Yield runs of experiments."""
        where, given = _since("start_time", "end_time", since)
        for experiment_id in experiment_ids:
            query = "SELECT run_uuid FROM runs WHERE experiment_id = ? AND {since} ORDER BY start_time, run_uuid"
            rows = self._database.rows(query.replace("{since}", where), (), int(experiment_id), *given)
            found = [row[0] for row in rows]
            for start in range(0, len(found), _SOME):
                yield self._runs(found[start : start + _SOME])

    def _runs(self, ids: list[str]) -> list[CarriedRun]:
        rows = self._database.rows(
            "SELECT run_uuid, experiment_id, name, user_id, status, lifecycle_stage, start_time, end_time,"
            " deleted_time, artifact_uri FROM runs WHERE run_uuid IN ({list}) ORDER BY start_time, run_uuid",
            ids,
        )
        params = _texts(self._database.rows("SELECT run_uuid, key, value FROM params WHERE run_uuid IN ({list})", ids))
        tags = _texts(self._database.rows("SELECT run_uuid, key, value FROM tags WHERE run_uuid IN ({list})", ids))
        counts: dict[str, int] = dict(self._counts(ids))
        inputs = self._inputs(ids)
        used, made = self._models_of(ids)
        carried = []
        for run_id, experiment_id, name, user, status, stage, start, end, deleted, uri in rows:
            parts = (name, status, stage, end, counts.get(run_id), params.get(run_id), tags.get(run_id))
            linked = (inputs.get(run_id), used.get(run_id), made.get(run_id))
            carried.append(
                CarriedRun(
                    run_id=run_id,
                    experiment_id=str(experiment_id),
                    name=name or "",
                    user=user or "",
                    status=status or "FINISHED",
                    lifecycle_stage=stage or "active",
                    start_ms=start or 0,
                    end_ms=end,
                    deleted_ms=deleted,
                    artifact_uri=uri or "",
                    params=params.get(run_id, {}),
                    tags=tags.get(run_id, {}),
                    inputs=inputs.get(run_id, []),
                    model_inputs=used.get(run_id, []),
                    outputs=made.get(run_id, []),
                    mark=mark_of((*parts, *linked)),
                )
            )
        return carried

    def _counts(self, ids: Sequence[str]) -> Rows:
        query = "SELECT run_uuid, count(*) FROM metrics WHERE run_uuid IN ({list}) GROUP BY run_uuid"
        return self._database.rows(query, ids) if ids else []

    def points(self, runs: Sequence[CarriedRun]) -> Iterator[list[Point]]:
        """Yield the whole metric history of runs."""
        ids = [run.run_id for run in runs]
        for rows in self._database.points(ids, dict(self._counts(ids))):
            yield [
                (run_id, key, step or 0, timestamp or 0, _NAN if is_nan else value)
                for run_id, key, step, timestamp, value, is_nan in rows
            ]

    def _inputs(self, ids: list[str]) -> dict[str, list[InputDataset]]:
        rows = self._database.rows(
            "SELECT i.destination_id, i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source,"
            " d.dataset_schema, d.dataset_profile FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id"
            " WHERE i.destination_id IN ({list}) AND i.source_type = 'DATASET' AND i.destination_type = 'RUN'"
            " ORDER BY i.input_uuid",
            ids,
        )
        uuids = [row[1] for row in rows]
        tags: dict[Any, dict[str, str]] = {}
        for start in range(0, len(uuids), _SOME):
            query = "SELECT input_uuid, name, value FROM input_tags WHERE input_uuid IN ({list})"
            tags |= _texts(self._database.rows(query, uuids[start : start + _SOME]))
        found: dict[str, list[InputDataset]] = {}
        for run_id, uuid, name, digest, kind, source, schema, profile in rows:
            said = dict(tags.get(uuid, {}))
            described = InputDataset(
                name=name,
                digest=digest,
                source_type=kind or "",
                source=source or "",
                schema=schema or "",
                profile=profile or "",
                context=said.pop(_CONTEXT, ""),
                tags=said,
            )
            found.setdefault(run_id, []).append(described)
        return found

    def _models_of(self, ids: list[str]) -> tuple[dict[str, list[str]], dict[str, list[Output]]]:
        used: dict[str, list[str]] = {}
        made: dict[str, list[Output]] = {}
        if not self._schema.has_logged_models:
            return used, made
        step = "step" if self._schema.has("inputs", "step") else "0"
        rows = self._database.rows(
            f"SELECT source_id, source_type, destination_id, {step} FROM inputs WHERE source_id IN ({{list}})"  # noqa: S608 - ours
            " AND source_type IN ('RUN_INPUT', 'RUN_OUTPUT') ORDER BY destination_id",
            ids,
        )
        for run_id, kind, model_id, at in rows:
            if kind == "RUN_INPUT":
                used.setdefault(run_id, []).append(model_id)
            else:
                made.setdefault(run_id, []).append(Output(model_id=model_id, step=at or 0))
        return used, made

    def logged_models(self, experiment_ids: Sequence[str], since: Moment | None) -> Iterator[list[CarriedModel]]:
        """Yield logged models; none where the release knows none."""
        if not self._schema.has_logged_models:
            return
        where, given = _since("creation_timestamp_ms", "last_updated_timestamp_ms", since)
        for experiment_id in experiment_ids:
            query = (
                "SELECT model_id, experiment_id, name, status, status_message, model_type, source_run_id,"
                " lifecycle_stage, creation_timestamp_ms, last_updated_timestamp_ms, artifact_location"
                " FROM logged_models WHERE experiment_id = ? AND {since} ORDER BY creation_timestamp_ms, model_id"
            ).replace("{since}", where)
            rows = self._database.rows(query, (), int(experiment_id), *given)
            for start in range(0, len(rows), _SOME):
                yield self._models(rows[start : start + _SOME])

    def _models(self, rows: Rows) -> list[CarriedModel]:
        ids = [row[0] for row in rows]
        params = "SELECT model_id, param_key, param_value FROM logged_model_params WHERE model_id IN ({list})"
        tags = "SELECT model_id, tag_key, tag_value FROM logged_model_tags WHERE model_id IN ({list})"
        metrics = (
            "SELECT model_id, metric_name, metric_value, metric_step, metric_timestamp_ms, dataset_name,"
            " dataset_digest, run_id FROM logged_model_metrics WHERE model_id IN ({list})"
        )
        of_params, of_tags = _texts(self._database.rows(params, ids)), _texts(self._database.rows(tags, ids))
        points: dict[str, list[Metric]] = {}
        for model_id, key, value, step, timestamp, name, digest, run_id in self._database.rows(metrics, ids):
            point = Metric(
                key=key,
                value=_NAN if value is None else value,
                step=step,
                timestamp=timestamp,
                model_id=model_id,
                dataset_name=name or "",
                dataset_digest=digest or "",
                run_id=run_id,
            )
            points.setdefault(model_id, []).append(point)
        return [
            CarriedModel(
                model_id=row[0],
                experiment_id=str(row[1]),
                name=row[2],
                status=_STATUSES.get(row[3], "PENDING"),
                status_message=row[4] or "",
                model_type=row[5] or "",
                source_run_id=row[6] or "",
                lifecycle_stage=row[7] or "active",
                created_ms=row[8],
                updated_ms=row[9],
                artifact_uri=row[10] or "",
                params=of_params.get(row[0], {}),
                tags=of_tags.get(row[0], {}),
                metrics=points.get(row[0], []),
            )
            for row in rows
        ]

    def names(self) -> Iterator[CarriedName]:
        """Yield the registered models of the default workspace."""
        here = self._schema.here("registered_models")
        query = "SELECT name, description, creation_time, last_updated_time FROM registered_models WHERE {here}"
        of_tags = "SELECT key, value FROM registered_model_tags WHERE name = ? AND {here}"
        of_aliases = "SELECT alias, version FROM registered_model_aliases WHERE name = ? AND {here}"
        for name, description, created, updated in self._database.rows(
            query.replace("{here}", here) + " ORDER BY name"
        ):
            tags = self._database.rows(of_tags.replace("{here}", here), (), name)
            aliases = self._database.rows(of_aliases.replace("{here}", here), (), name)
            yield CarriedName(
                name=name,
                description=description or "",
                created_ms=created or 0,
                updated_ms=updated or created or 0,
                tags={key: value or "" for key, value in tags},
                aliases={alias: int(number) for alias, number in aliases},
            )

    def versions(self, name: str) -> Iterator[CarriedVersion]:
        """Yield the versions of a registered model, those that were deleted too: their numbers are taken."""
        here = self._schema.here("model_versions")
        of_tags = "SELECT version, key, value FROM model_version_tags WHERE name = ? AND {here}"
        tags = _texts(self._database.rows(of_tags.replace("{here}", here), (), name))
        query = (
            "SELECT version, source, run_id, run_link, user_id, current_stage, description, creation_time,"
            " last_updated_time FROM model_versions WHERE name = ? AND {here} ORDER BY version"
        ).replace("{here}", here)
        for number, source, run_id, link, user, stage, description, created, updated in self._database.rows(
            query, (), name
        ):
            is_deleted = stage == _DELETED
            yield CarriedVersion(
                name=name,
                number=int(number),
                source=source or "",
                run_id="" if is_deleted else run_id or "",
                run_link="" if is_deleted else link or "",
                user=user or "",
                stage="None" if is_deleted else stage or "None",
                description=description or "",
                is_deleted=is_deleted,
                created_ms=created or 0,
                updated_ms=updated or created or 0,
                tags=tags.get(number, {}),
            )

    def can_read(self, uri: str) -> bool:
        """Return whether files below a URI could be read."""
        try:
            self._roots.folder(uri)
        except FilesElsewhere:
            return False
        return True

    def files(self, root: FileRoot) -> Iterator[CarriedFile]:
        """Yield the files of a run or a logged model."""
        return files_of(self._roots, root)

    def read(self, root: FileRoot, path: str) -> Iterator[bytes]:
        """Yield a file's bytes."""
        return read_file(self._roots, root, path)

    def left_out(self) -> dict[str, int]:
        """Return what the store holds that is not carried over."""
        return self._schema.left_out(self._database)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def mark_of(parts: object) -> str:
    """Return a short text that changes with what it is made of."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()


def _since(first: str, second: str, since: Moment | None) -> tuple[str, tuple[int, ...]]:
    if since is None:
        return "1 = 1", ()
    return f"({first} >= ? OR {second} >= ?)", (to_ms(since), to_ms(since))


def _texts(rows: Rows) -> dict[Any, dict[str, str]]:
    found: dict[Any, dict[str, str]] = {}
    for owner, key, value in rows:
        found.setdefault(owner, {})[key] = value or ""
    return found
