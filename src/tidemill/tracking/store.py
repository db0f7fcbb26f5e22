"""The tables of experiments and runs, and the SQL on them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tidemill.ledger.schema import MomentColumn, metadata
from tidemill.ledger.transaction import insert_into
from tidemill.tracking.records import Artifact, Experiment, Input, Metric, Run, RunStatus

experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("experiment_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("lifecycle_stage", sa.Text, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("updated_at", MomentColumn, nullable=False),
)
experiment_tags = sa.Table(
    "experiment_tags",
    metadata,
    sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.experiment_id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.experiment_id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("lifecycle_stage", sa.Text, nullable=False),
    sa.Column("start_time", MomentColumn, nullable=False),
    sa.Column("end_time", MomentColumn),
    sa.Index("ix_runs_experiment_start", "experiment_id", "start_time"),
    sa.Index("ix_runs_start", "start_time"),
)
run_params = sa.Table(
    "run_params",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
run_tags = sa.Table(
    "run_tags",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
metrics = sa.Table(
    "metrics",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    sa.Column("timestamp", sa.BigInteger, primary_key=True),
    sa.Column("value", sa.Float(53), primary_key=True),
    sqlite_with_rowid=False,
)
latest_metrics = sa.Table(
    "latest_metrics",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Float(53), nullable=False),
)
run_inputs = sa.Table(
    "run_inputs",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("context", sa.Text, primary_key=True),
)
run_artifacts = sa.Table(
    "run_artifacts",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
)

_NOT_A_NUMBER = -1.7976931348623157e308
"""NaN has no place in an SQL order; this value, which no metric can have otherwise, stands for it."""


def encode_value(value: float) -> float:
    """Return a metric's value as the database keeps it: NaN and infinities as the ends of the range."""
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        return _NOT_A_NUMBER
    return max(min(value, 1.7976931348623157e308), -1.7976931348623155e308)


def decode_value(value: float) -> float:
    """Return a metric's value as it was logged."""
    return float("nan") if value == _NOT_A_NUMBER else value


def find_experiment(connection: sa.Connection, *, experiment_id: str = "", name: str = "") -> Experiment | None:
    """Return the experiment of that id or name."""
    where = experiments.c.experiment_id == experiment_id if experiment_id else experiments.c.name == name
    found = list_experiments(connection, where)
    return found[0] if found else None


def list_experiments(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> list[Experiment]:
    """Return experiments, newest first."""
    rows = connection.execute(sa.select(experiments).where(*where).order_by(experiments.c.created_at.desc())).all()
    tags = _by_owner(connection, experiment_tags, "experiment_id", [row.experiment_id for row in rows])
    return [Experiment(**row._mapping, tags=tags.get(row.experiment_id, {})) for row in rows]  # noqa: SLF001 - public, by SQLAlchemy's word


def count_experiments(connection: sa.Connection) -> int:
    """Return how many experiments there ever were."""
    return connection.execute(sa.select(sa.func.count()).select_from(experiments)).scalar_one()


def find_runs(connection: sa.Connection, run_ids: Sequence[str]) -> list[Run]:
    """Return the runs of those ids, in that order, without the ones that do not exist."""
    rows = {}
    for some in _slices(run_ids):
        for row in connection.execute(sa.select(runs).where(runs.c.run_id.in_(some))):
            rows[row.run_id] = row
    found = [run_id for run_id in run_ids if run_id in rows]
    params = _by_owner(connection, run_params, "run_id", found)
    tags = _by_owner(connection, run_tags, "run_id", found)
    latest: dict[str, dict[str, float]] = _by_owner(connection, latest_metrics, "run_id", found)
    inputs: dict[str, list[Input]] = {}
    for some in _slices(found):
        for row in connection.execute(sa.select(run_inputs).where(run_inputs.c.run_id.in_(some))):
            inputs.setdefault(row.run_id, []).append(Input(ref=row.ref, context=row.context))
    return [
        Run(
            run_id=run_id,
            experiment_id=rows[run_id].experiment_id,
            name=rows[run_id].name,
            user=rows[run_id].user,
            status=RunStatus(rows[run_id].status),
            lifecycle_stage=rows[run_id].lifecycle_stage,
            start_time=rows[run_id].start_time,
            end_time=rows[run_id].end_time,
            params=params.get(run_id, {}),
            tags=tags.get(run_id, {}),
            metrics={key: decode_value(value) for key, value in latest.get(run_id, {}).items()},
            inputs=inputs.get(run_id, []),
        )
        for run_id in found
    ]


def newest_runs(
    connection: sa.Connection,
    *,
    experiment_ids: Sequence[str],
    status: str | None,
    tags: Mapping[str, str],
    deleted: bool,
    limit: int,
    offset: int,
) -> list[str]:
    """Return the ids of runs, newest first."""
    query = sa.select(runs.c.run_id).where(runs.c.lifecycle_stage == ("deleted" if deleted else "active"))
    if experiment_ids:
        query = query.where(runs.c.experiment_id.in_(experiment_ids))
    if status:
        query = query.where(runs.c.status == status)
    for key, value in tags.items():
        query = query.where(
            sa.exists().where(run_tags.c.run_id == runs.c.run_id, run_tags.c.key == key, run_tags.c.value == value)
        )
    query = query.order_by(runs.c.start_time.desc(), runs.c.run_id.desc()).limit(limit).offset(offset)
    return list(connection.execute(query).scalars())


def write_metrics(connection: sa.Connection, run_id: str, points: Iterable[Metric]) -> None:
    """Add points to the history, and move the latest values forward. Adding a point again changes nothing."""
    rows = [
        {
            "run_id": run_id,
            "key": point.key,
            "step": point.step,
            "timestamp": point.timestamp,
            "value": encode_value(point.value),
        }
        for point in points
    ]
    if not rows:
        return
    connection.execute(insert_into(connection, metrics).on_conflict_do_nothing(), rows)
    newest: dict[str, dict[str, object]] = {}
    for row in rows:
        seen = newest.get(str(row["key"]))
        if seen is None or _place(row) >= _place(seen):
            newest[str(row["key"])] = row
    insert = insert_into(connection, latest_metrics)
    new, old = insert.excluded, latest_metrics.c
    later = sa.or_(new.step > old.step, sa.and_(new.step == old.step, new.timestamp >= old.timestamp))
    changed = {name: new[name] for name in ("step", "timestamp", "value")}
    connection.execute(
        insert.on_conflict_do_update(index_elements=["run_id", "key"], set_=changed, where=later), list(newest.values())
    )


def metric_history(connection: sa.Connection, run_id: str, key: str, *, limit: int, offset: int) -> list[Metric]:
    """Return the points of a metric by step, then time."""
    query = (
        sa.select(metrics.c.key, metrics.c.value, metrics.c.step, metrics.c.timestamp)
        .where(metrics.c.run_id == run_id, metrics.c.key == key)
        .order_by(metrics.c.step, metrics.c.timestamp)
        .limit(limit)
        .offset(offset)
    )
    return [
        Metric(key=row.key, value=decode_value(row.value), step=row.step, timestamp=row.timestamp)
        for row in connection.execute(query)
    ]


def list_artifacts(connection: sa.Connection, run_id: str, below: str = "") -> list[Artifact]:
    """Return the artifacts of a run at or below a path, by path."""
    table = run_artifacts.c
    query = sa.select(table.path, table.digest, table.size).where(table.run_id == run_id).order_by(table.path)
    if below:
        query = query.where(sa.or_(table.path == below, table.path.startswith(below + "/", autoescape=True)))
    return [Artifact(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - public, by SQLAlchemy's word


def _place(row: Mapping[str, object]) -> tuple[int, int]:
    return int(str(row["step"])), int(str(row["timestamp"]))


def _by_owner(connection: sa.Connection, table: sa.Table, owner: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for some in _slices(ids):
        query = sa.select(table.c[owner], table.c.key, table.c.value).where(table.c[owner].in_(some))
        for identifier, key, value in connection.execute(query.order_by(table.c.key)):
            found.setdefault(identifier, {})[key] = value
    return found


def _slices(ids: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
