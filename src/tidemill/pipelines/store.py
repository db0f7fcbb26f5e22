"""The tables of pipelines, and the SQL on them."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment
from tidemill.ledger import Transaction
from tidemill.ledger.schema import JsonColumn, MomentColumn, metadata
from tidemill.pipelines.records import (
    DatasetInput,
    Graph,
    Logged,
    PipelineRun,
    RunEvent,
    SourceSnapshot,
    StepExecution,
    StepStatus,
    StoredValue,
)

sources = sa.Table(
    "sources",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("files", sa.Integer, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("git", JsonColumn),
    sa.Column("created_at", MomentColumn, nullable=False),
)
pipeline_graphs = sa.Table(
    "pipeline_graphs",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("graph", JsonColumn, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
)
pipeline_runs = sa.Table(
    "pipeline_runs",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("pipeline", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("source", sa.Text, sa.ForeignKey("sources.digest"), nullable=False),
    sa.Column("graph", sa.Text, sa.ForeignKey("pipeline_graphs.key"), nullable=False),
    sa.Column("params", JsonColumn, nullable=False),
    sa.Column("datasets", JsonColumn, nullable=False),
    sa.Column("options", JsonColumn, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("steps", sa.Integer, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("started_at", MomentColumn),
    sa.Column("ended_at", MomentColumn),
    sa.Column("cancel_at", MomentColumn),
    sa.Column("result", JsonColumn),
    sa.Column("failure", JsonColumn),
    sa.Index("ix_pipeline_runs_pipeline_created", "pipeline", "created_at"),
    sa.Index("ix_pipeline_runs_created", "created_at"),
    sa.Index("ix_pipeline_runs_status", "status"),
)
step_executions = sa.Table(
    "step_executions",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("pipeline_runs.run_id"), primary_key=True),
    sa.Column("step", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("inputs", JsonColumn, nullable=False),
    sa.Column("output", JsonColumn),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("started_at", MomentColumn),
    sa.Column("ended_at", MomentColumn),
    sa.Column("worker", sa.Integer, nullable=False),
    sa.Column("usage", JsonColumn, nullable=False),
    sa.Column("cached_from", sa.Text, nullable=False),
    sa.Column("failure", JsonColumn),
    sa.Column("log", sa.Text),
)
step_cache = sa.Table(
    "step_cache",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("output", JsonColumn, nullable=False),
    sa.Column("logged", JsonColumn, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
)
run_events = sa.Table(
    "run_events",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("pipeline_runs.run_id"), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", MomentColumn, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("body", JsonColumn, nullable=False),
)
run_claims = sa.Table(
    "run_claims",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("pipeline_runs.run_id"), primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("expires_at", MomentColumn, nullable=False),
)

T = TypeVar("T")
_MOST_KEYS = 500


class CachedResult(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the step cache."""

    output: StoredValue
    logged: Logged
    run_id: str


def write_source(tx: Transaction, snapshot: SourceSnapshot) -> None:
    """Keep what a snapshot is."""
    row = {**_fields(snapshot), "created_at": tx.now}
    tx.insert_new(sources, row)


def find_source(connection: sa.Connection, digest: str) -> SourceSnapshot | None:
    """Return a snapshot that was recorded."""
    return _one(connection, sa.select(sources).where(sources.c.digest == digest), SourceSnapshot)


def find_graph(connection: sa.Connection, key: str) -> Graph | None:
    """Return a graph that was read before."""
    text = connection.execute(sa.select(pipeline_graphs.c.graph).where(pipeline_graphs.c.key == key)).scalar()
    return None if text is None else msgspec.convert(text, Graph)


def graph_of(connection: sa.Connection, run_id: str) -> Graph:
    """Return the graph of a run."""
    query = (
        sa.select(pipeline_graphs.c.graph)
        .join(pipeline_runs, pipeline_runs.c.graph == pipeline_graphs.c.key)
        .where(pipeline_runs.c.run_id == run_id)
    )
    return msgspec.convert(connection.execute(query).scalar_one(), Graph)


def find_run(connection: sa.Connection, run_id: str, *, hold: bool = False) -> PipelineRun | None:
    """Return a run, and if asked keep others from changing it until the end of the transaction."""
    query = sa.select(pipeline_runs).where(pipeline_runs.c.run_id == run_id)
    return _one(connection, query.with_for_update() if hold else query, PipelineRun)


def list_runs(connection: sa.Connection, *, pipeline: str, status: str, before: str, limit: int) -> list[PipelineRun]:
    """Return runs, newest first."""
    query = sa.select(pipeline_runs).order_by(pipeline_runs.c.run_id.desc()).limit(limit)
    if pipeline:
        query = query.where(pipeline_runs.c.pipeline == pipeline)
    if status:
        query = query.where(pipeline_runs.c.status == status)
    if before:
        query = query.where(pipeline_runs.c.run_id < before)
    return _every(connection, query, PipelineRun)


def list_steps(connection: sa.Connection, run_id: str) -> list[StepExecution]:
    """Return what a run did about each step, in the graph's order."""
    query = sa.select(step_executions).where(step_executions.c.run_id == run_id)
    return _every(connection, query.order_by(step_executions.c.position), StepExecution)


def find_step(connection: sa.Connection, run_id: str, step: str) -> StepExecution | None:
    """Return what a run did about one step."""
    where = (step_executions.c.run_id == run_id, step_executions.c.step == step)
    return _one(connection, sa.select(step_executions).where(*where), StepExecution)


def latest_execution(connection: sa.Connection, pipeline: str, step: str, before: str) -> StepExecution | None:
    """Return the newest execution of a step that has a result, in a run that began before another one."""
    query = (
        sa.select(step_executions)
        .join(pipeline_runs, pipeline_runs.c.run_id == step_executions.c.run_id)
        .where(
            pipeline_runs.c.pipeline == pipeline,
            step_executions.c.step == step,
            step_executions.c.status.in_([StepStatus.DONE.value, StepStatus.CACHED.value]),
        )
        .order_by(pipeline_runs.c.created_at.desc(), pipeline_runs.c.run_id.desc())
        .limit(1)
    )
    if before:
        query = query.where(pipeline_runs.c.run_id < before)
    return _one(connection, query, StepExecution)


def find_cached(connection: sa.Connection, keys: Sequence[Digest]) -> dict[Digest, CachedResult]:
    """Return the results kept under some keys."""
    found: dict[Digest, CachedResult] = {}
    for start in range(0, len(keys), _MOST_KEYS):
        query = sa.select(step_cache).where(step_cache.c.key.in_(keys[start : start + _MOST_KEYS]))
        found |= {row["key"]: _record(row, CachedResult) for row in connection.execute(query).mappings()}
    return found


def cached_of_latest_run(connection: sa.Connection, pipeline: str) -> dict[str, CachedResult]:
    """Return the results that the newest run of a pipeline used or made, by key: most likely those needed now."""
    newest = (
        sa.select(pipeline_runs.c.run_id)
        .where(pipeline_runs.c.pipeline == pipeline, pipeline_runs.c.started_at.is_not(None))
        .order_by(pipeline_runs.c.created_at.desc(), pipeline_runs.c.run_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        sa.select(step_cache)
        .join(step_executions, step_executions.c.key == step_cache.c.key)
        .where(step_executions.c.run_id == newest)
    )
    return {row["key"]: _record(row, CachedResult) for row in connection.execute(query).mappings()}


def list_events(connection: sa.Connection, run_id: str, after: int, limit: int) -> list[RunEvent]:
    """Return what happened in a run after an event."""
    query = sa.select(run_events).where(run_events.c.run_id == run_id, run_events.c.seq > after)
    return _every(connection, query.order_by(run_events.c.seq).limit(limit), RunEvent)


def last_event(connection: sa.Connection, run_id: str) -> int:
    """Return the number of a run's newest event; 0 for none."""
    query = sa.select(sa.func.max(run_events.c.seq)).where(run_events.c.run_id == run_id)
    return connection.execute(query).scalar() or 0


def write_run(
    tx: Transaction,
    run: PipelineRun,
    *,
    graph_key: Digest,
    datasets: Mapping[str, DatasetInput],
    options: Mapping[str, bool],
) -> None:
    """Write a new run."""
    row = {**_fields(run), "graph": graph_key, "datasets": datasets, "options": options}
    tx.execute(sa.insert(pipeline_runs), row)


def write_steps(tx: Transaction, executions: Iterable[StepExecution]) -> None:
    """Write what a run did about some steps."""
    tx.upsert(step_executions, [_fields(execution) for execution in executions])


def write_cached(tx: Transaction, rows: Iterable[Mapping[str, object]]) -> None:
    """Keep results by key; a newer one, made because the older was gone or not wanted, takes its place."""
    tx.upsert(step_cache, list(rows))


def write_events(tx: Transaction, events: Iterable[RunEvent]) -> None:
    """Add events."""
    rows = [_fields(event) for event in events]
    if rows:
        tx.execute(sa.insert(run_events), rows)


def unfinished_runs(connection: sa.Connection) -> set[str]:
    """Return the runs that have not ended."""
    query = sa.select(pipeline_runs.c.run_id).where(pipeline_runs.c.ended_at.is_(None))
    return set(connection.execute(query).scalars())


def working_since(connection: sa.Connection, now: Moment) -> Moment | None:
    """Return since when the oldest run is under way that a process works on."""
    table = pipeline_runs.c
    claimed = sa.select(run_claims.c.run_id).where(run_claims.c.expires_at > now)
    query = sa.select(sa.func.min(table.created_at)).where(table.ended_at.is_(None), table.run_id.in_(claimed))
    found: Moment | None = connection.execute(query).scalar_one()
    return found


def drop_results(tx: Transaction, run_ids: Sequence[str]) -> None:
    """Forget the cached results that some runs made."""
    tx.execute(sa.delete(step_cache).where(step_cache.c.run_id.in_(run_ids)))


def _fields(record: msgspec.Struct) -> dict[str, object]:
    return {name: _plain(getattr(record, name)) for name in record.__struct_fields__}


def _plain(value: object) -> object:
    return value.value if isinstance(value, StrEnum) else value


def _one(connection: sa.Connection, query: "sa.Select[*tuple[object, ...]]", kind: type[T]) -> T | None:
    row = connection.execute(query).mappings().first()
    return None if row is None else _record(row, kind)


def _every(connection: sa.Connection, query: "sa.Select[*tuple[object, ...]]", kind: type[T]) -> list[T]:
    return [_record(row, kind) for row in connection.execute(query).mappings()]


def _record(row: sa.RowMapping, kind: type[T]) -> T:
    return msgspec.convert({str(key): value for key, value in row.items() if value is not None}, kind)
