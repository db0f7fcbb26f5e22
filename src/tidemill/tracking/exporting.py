"""Gives experiments, runs and logged models as other trackers take them, those in the trash too."""

from collections.abc import Iterator
from hashlib import blake2b

import msgspec
import sqlalchemy as sa

from tidemill.core.moments import Moment, to_ms
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger
from tidemill.ledger.dialect import rows_in, rows_of
from tidemill.tracking import store
from tidemill.tracking.ports import CarriedExperiment, CarriedModel, CarriedRun, Point
from tidemill.tracking.records import Artifact, LoggedModel, Metric, Run
from tidemill.tracking.store.values import decode_value

_SOME = 200
_MOST_POINTS = 100_000
_MODEL_POINTS = (
    "SELECT model_id, key, dataset_name, dataset_digest, run_id, step, timestamp, value FROM logged_model_metrics"
    " WHERE model_id = ANY {texts}"
)
_COUNTS = (
    "SELECT s.run_id, count(*) FROM metric_series s JOIN metrics m ON m.series = s.id"
    " WHERE s.run_id = ANY {texts} GROUP BY s.run_id"
)
_PREFIX = "logged_model:"


class RunExporter:
    """Reads what is to be written elsewhere.

    Args:
        ledger: Where the rows are.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def experiments(self) -> list[CarriedExperiment]:
        """Return all experiments."""
        with self._ledger.read() as connection:
            query = sa.select(store.experiments.c.experiment_id).order_by(store.experiments.c.created_at)
            found = store.find_experiments(connection, list(connection.execute(query).scalars()))
        return [
            CarriedExperiment(
                experiment_id=each.experiment_id,
                name=each.name,
                artifact_location=each.artifact_location,
                lifecycle_stage=each.lifecycle_stage,
                created_ms=to_ms(each.created_at),
                updated_ms=to_ms(each.updated_at),
                tags=each.tags,
            )
            for each in found
        ]

    def count_runs(self) -> int:
        """Return how many runs there are."""
        with self._ledger.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(store.runs)).scalar_one()

    def runs(self, experiment_id: str) -> Iterator[list[CarriedRun]]:
        """Yield an experiment's runs, oldest first, some at a time."""
        table = store.runs.c
        query = sa.select(table.run_id).where(table.experiment_id == experiment_id)
        for ids in self._pages(query.order_by(table.start_time, table.run_id)):
            with self._ledger.read() as connection:
                found = store.find_runs(connection, ids)
                counts: dict[str, int] = dict(rows_in(connection, _COUNTS, ids))
            yield [_run_of(run, counts.get(run.run_id, 0)) for run in found]

    def points(self, run: CarriedRun) -> Iterator[list[Point]]:
        """Yield the points of a run, some at a time."""
        for key in run.metric_keys:
            offset = 0
            while True:
                with self._ledger.read() as connection:
                    rows = rows_of(
                        connection,
                        "SELECT step, timestamp, value FROM metrics WHERE series ="
                        " (SELECT id FROM metric_series WHERE run_id = ? AND key = ?)"
                        " ORDER BY step, timestamp, value LIMIT ? OFFSET ?",
                        run.run_id,
                        key,
                        _MOST_POINTS,
                        offset,
                    )
                if rows:
                    yield [(run.run_id, key, step, at, decode_value(value)) for step, at, value in rows]
                if len(rows) < _MOST_POINTS:
                    break
                offset += len(rows)

    def logged_models(self, experiment_id: str) -> Iterator[list[CarriedModel]]:
        """Yield an experiment's logged models, some at a time."""
        table = store.logged_models.c
        query = sa.select(table.model_id).where(table.experiment_id == experiment_id)
        for ids in self._pages(query.order_by(table.created_at, table.model_id)):
            with self._ledger.read() as connection:
                found = store.find_logged_models(connection, ids)
                points: dict[str, list[Metric]] = {}
                for model_id, key, name, digest, run_id, step, at, value in rows_in(connection, _MODEL_POINTS, ids):
                    point = Metric(
                        key=key,
                        value=decode_value(value),
                        step=step,
                        timestamp=at,
                        dataset_name=name,
                        dataset_digest=digest,
                        run_id=run_id,
                    )
                    points.setdefault(model_id, []).append(point)
            yield [_model_of(each, points.get(each.model_id, [])) for each in found]

    def files(self, owner: Ref) -> list[Artifact]:
        """Return the files of a run or a logged model."""
        with self._ledger.read() as connection:
            return store.list_artifacts(connection, owner)

    def _pages(self, query: "sa.Select[str]") -> Iterator[list[str]]:
        with self._ledger.read() as connection:
            ids = list(connection.execute(query).scalars())
        for start in range(0, len(ids), _SOME):
            yield ids[start : start + _SOME]


def _ms(at: Moment | None) -> int | None:
    return to_ms(at) if at else None


def _run_of(run: Run, points: int) -> CarriedRun:
    refs = [used.ref for used in run.inputs if used.ref.startswith(_PREFIX)]
    return CarriedRun(
        run_id=run.run_id,
        experiment_id=run.experiment_id,
        name=run.name,
        user=run.user,
        status=run.status.value,
        lifecycle_stage=run.lifecycle_stage,
        start_ms=to_ms(run.start_time),
        end_ms=_ms(run.end_time),
        deleted_ms=_ms(run.deleted_at),
        params=run.params,
        tags={store.NAME_TAG: run.name} | run.tags,
        metric_keys=list(run.metrics),
        inputs=[used.dataset for used in run.inputs if used.dataset],
        model_inputs=[ref.removeprefix(_PREFIX) for ref in refs],
        outputs=run.outputs,
        mark=f"{points}:" + blake2b(msgspec.json.encode(run), digest_size=12).hexdigest(),
    )


def _model_of(model: LoggedModel, points: list[Metric]) -> CarriedModel:
    return CarriedModel(
        model_id=model.model_id,
        experiment_id=model.experiment_id,
        name=model.name,
        status=model.status.value,
        status_message=model.status_message,
        model_type=model.model_type,
        source_run_id=model.source_run_id,
        lifecycle_stage="deleted" if model.deleted_at else "active",
        created_ms=to_ms(model.created_at),
        updated_ms=to_ms(model.updated_at),
        params=model.params,
        tags=model.tags,
        metrics=points,
    )
