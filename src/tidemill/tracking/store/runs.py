"""Runs with all that they hold, read as tuples: an object a row would cost more than the query."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from tidemill.core.moments import from_us, to_us
from tidemill.ledger import Transaction
from tidemill.ledger.dialect import Rows, rows_in, rows_of, write_many, write_one
from tidemill.tracking.records import Input, InputDataset, Output, Run, RunStatus
from tidemill.tracking.store.tables import runs
from tidemill.tracking.store.values import NOT_A_NUMBER

NAME_TAG = "mlflow.runName"
"""The tag by which MLflow's clients name a run; it moves with the run's name."""
_STATUSES = {status.value: status for status in RunStatus}
_NAN = float("nan")
_RUNS = (
    'SELECT run_id, experiment_id, name, "user", status, lifecycle_stage, start_time, end_time, deleted_at,'
    " (SELECT artifact_location FROM experiments WHERE experiments.experiment_id = runs.experiment_id) FROM runs"
    " WHERE run_id {wanted} AND coalesce(deleted_at, 1) <> 0"
)
_STAGES = "SELECT run_id, lifecycle_stage FROM runs WHERE run_id {wanted} AND coalesce(deleted_at, 1) <> 0"
_PARAMS = "SELECT run_id, key, value FROM run_params WHERE run_id {wanted} ORDER BY run_id, key"
_TAGS = "SELECT run_id, key, value FROM run_tags WHERE run_id {wanted} ORDER BY run_id, key"
_METRICS = "SELECT run_id, key, value, step, timestamp FROM metric_series WHERE run_id {wanted} ORDER BY run_id, key"
_INPUTS = "SELECT run_id, ref, context, tags FROM run_inputs WHERE run_id {wanted} ORDER BY run_id, ref, context"
_OUTPUTS = "SELECT run_id, model_id, step FROM run_outputs WHERE run_id {wanted} ORDER BY run_id, step, model_id"
_ADD_RUN = (
    'INSERT INTO runs (run_id, experiment_id, name, "user", status, lifecycle_stage, start_time)'
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_ADD_PARAMS = "INSERT INTO run_params (run_id, key, value) {rows} ON CONFLICT DO NOTHING"
_SET_TAGS = (
    "INSERT INTO run_tags (run_id, key, value) {rows} ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value"
)
_TEXTS = ("text", "text", "text")
_DATASETS = "SELECT id, name, digest, source_type, source, schema, profile FROM input_datasets WHERE id = ANY {texts}"


def find_runs(connection: sa.Connection, run_ids: Sequence[str]) -> list[Run]:
    """Return the runs of those ids, in that order, without the ones that do not exist."""
    if not run_ids:
        return []
    if len(run_ids) == 1:

        def ask(statement: str) -> Rows:
            return rows_of(connection, statement.replace("{wanted}", "= ?"), run_ids[0])
    else:

        def ask(statement: str) -> Rows:
            return rows_in(connection, statement.replace("{wanted}", "= ANY {texts}"), list(run_ids))

    rows: dict[str, Any] = {row[0]: row for row in ask(_RUNS)}
    found = [run_id for run_id in run_ids if run_id in rows]
    params, tags = _texts(ask(_PARAMS)), _texts(ask(_TAGS))
    metrics, latest = _metrics(ask(_METRICS))
    inputs = _inputs(connection, ask(_INPUTS))
    outputs: dict[str, list[Output]] = {}
    for run_id, model_id, step in ask(_OUTPUTS):
        outputs.setdefault(run_id, []).append(Output(model_id=model_id, step=step))
    return [
        Run(
            run_id=run_id,
            experiment_id=experiment_id,
            name=name,
            user=user,
            status=_STATUSES[status],
            lifecycle_stage=stage,
            start_time=from_us(start),
            end_time=None if end is None else from_us(end),
            deleted_at=None if deleted is None else from_us(deleted),
            artifact_location=location,
            params=params.get(run_id, {}),
            metrics=metrics.get(run_id, {}),
            latest=latest.get(run_id, {}),
            tags=tags.get(run_id, {}),
            inputs=inputs.get(run_id, []),
            outputs=outputs.get(run_id, []),
        )
        for run_id, experiment_id, name, user, status, stage, start, end, deleted, location in map(
            rows.__getitem__, found
        )
    ]


def find_stages(connection: sa.Connection, run_ids: Sequence[str]) -> dict[str, str]:
    """Return the life-cycle stage of each of some runs that exists."""
    if len(run_ids) == 1:
        return dict(rows_of(connection, _STAGES.replace("{wanted}", "= ?"), run_ids[0]))
    return dict(rows_in(connection, _STAGES.replace("{wanted}", "= ANY {texts}"), run_ids))


def add_run(tx: Transaction, run: Run) -> bool:
    """Write a new run, without what it holds, and say whether its id was free."""
    start = to_us(run.start_time)
    what = (run.run_id, run.experiment_id, run.name, run.user, run.status.value, run.lifecycle_stage, start)
    return write_one(tx.connection, _ADD_RUN, *what) == 1


def write_params(tx: Transaction, run_id: str, params: dict[str, str]) -> None:
    """Write params of a run; one that is there stays what it is."""
    write_many(tx.connection, _ADD_PARAMS, _TEXTS, _rows(run_id, params))


def add_tags(tx: Transaction, run_id: str, tags: dict[str, str]) -> None:
    """Write the first tags of a run, the one that names it among them."""
    write_many(tx.connection, _SET_TAGS, _TEXTS, _rows(run_id, tags))


def write_tags(tx: Transaction, run_id: str, tags: dict[str, str]) -> None:
    """Set tags of a run; the one that names it renames it."""
    write_many(tx.connection, _SET_TAGS, _TEXTS, _rows(run_id, tags))
    if name := tags.get(NAME_TAG):
        tx.execute(sa.update(runs).where(runs.c.run_id == run_id).values(name=name))


def _rows(run_id: str, texts: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(run_id, key, value) for key, value in texts.items()]


def _texts(rows: Rows) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    owner = ""
    texts: dict[str, str] = {}
    for run_id, key, value in rows:
        if run_id != owner:
            owner, texts = run_id, {}
            found[run_id] = texts
        texts[key] = value
    return found


def _metrics(rows: Rows) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, tuple[int, int]]]]:
    metrics: dict[str, dict[str, float]] = {}
    latest: dict[str, dict[str, tuple[int, int]]] = {}
    owner = ""
    values: dict[str, float] = {}
    places: dict[str, tuple[int, int]] = {}
    for run_id, key, value, step, timestamp in rows:
        if run_id != owner:
            owner, values, places = run_id, {}, {}
            metrics[run_id], latest[run_id] = values, places
        values[key] = value if value != NOT_A_NUMBER else _NAN
        places[key] = (step, timestamp)
    return metrics, latest


def _inputs(connection: sa.Connection, rows: Rows) -> dict[str, list[Input]]:
    prefix = "input_dataset:"
    wanted = {ref.removeprefix(prefix) for _, ref, _, _ in rows if ref.startswith(prefix)}
    described = {row[0]: row[1:] for row in rows_in(connection, _DATASETS, list(wanted))} if wanted else {}
    found: dict[str, list[Input]] = {}
    for run_id, ref, context, written in rows:
        tags: dict[str, str] = msgspec.json.decode(written) if written else {}
        row = described.get(ref.removeprefix(prefix))
        dataset = _dataset(row, context, tags) if row else None
        found.setdefault(run_id, []).append(Input(ref=ref, context=context, tags=tags, dataset=dataset))
    return found


def _dataset(row: Sequence[str], context: str, tags: dict[str, str]) -> InputDataset:
    name, digest, source_type, source, schema, profile = row
    return InputDataset(
        name=name,
        digest=digest,
        source_type=source_type,
        source=source,
        schema=schema,
        profile=profile,
        context=context,
        tags=tags,
    )
