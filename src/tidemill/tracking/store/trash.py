"""What has been in the trash since before a moment."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.ledger import Transaction
from tidemill.tracking.store.tables import LEAVING, experiments, input_datasets, logged_models, run_inputs, runs

FIRST_EXPERIMENT = "0"
"""The one that every workspace has: runs that name no experiment go there."""
_PREFIX = "input_dataset:"
_NO_NAME = "\x1f"
"""How the name of an experiment begins that is leaving: no name that somebody gives can have a control character."""


def old_runs(connection: sa.Connection, before: Moment, among: Sequence[str] | None = None) -> list[str]:
    """Return the runs, or those among some, that went to the trash before a moment."""
    return _old(connection, runs.c.run_id, runs.c.deleted_at, before, among)


def old_logged_models(connection: sa.Connection, before: Moment, among: Sequence[str] | None = None) -> list[str]:
    """Return the logged models, or those among some, that were deleted before a moment."""
    return _old(connection, logged_models.c.model_id, logged_models.c.deleted_at, before, among)


def old_experiments(connection: sa.Connection, before: Moment, among: Sequence[str] | None = None) -> list[str]:
    """Return the experiments, or those among some, that went to the trash before a moment; never the first one."""
    found = _old(connection, experiments.c.experiment_id, experiments.c.deleted_at, before, among)
    return [each for each in found if each != FIRST_EXPERIMENT]


def mark_leaving(tx: Transaction, table: sa.Table, ids: Collection[str]) -> None:
    """Let things in the trash be seen by nobody any more; what another thing may be called from now on, their names."""
    key = next(iter(table.primary_key))
    values: dict[str, object] = {"deleted_at": LEAVING}
    if table is experiments:
        values["name"] = sa.literal(_NO_NAME, sa.Text).concat(key)
    tx.execute(sa.update(table).where(key.in_(ids)).values(values))


def leaving(connection: sa.Connection, table: sa.Table, ids: Collection[str] | None = None) -> list[str]:
    """Return the things, or those of some, that are being removed for good."""
    key = next(iter(table.primary_key))
    query = sa.select(key).where(table.c.deleted_at == LEAVING)
    return list(connection.execute(query if ids is None else query.where(key.in_(ids))).scalars())


def among_leaving_experiments(connection: sa.Connection, model_ids: Collection[str]) -> list[str]:
    """Return those of some logged models whose experiment is being removed for good."""
    gone = sa.select(experiments.c.experiment_id).where(experiments.c.deleted_at == LEAVING)
    query = sa.select(logged_models.c.model_id).where(logged_models.c.model_id.in_(model_ids))
    return list(connection.execute(query.where(logged_models.c.experiment_id.in_(gone))).scalars())


def runs_in(connection: sa.Connection, experiment_id: str) -> list[str]:
    """Return all runs of an experiment, those in the trash too."""
    query = sa.select(runs.c.run_id).where(runs.c.experiment_id == experiment_id)
    return list(connection.execute(query).scalars())


def logged_models_in(connection: sa.Connection, experiment_id: str) -> list[str]:
    """Return all logged models of an experiment, deleted ones too."""
    query = sa.select(logged_models.c.model_id).where(logged_models.c.experiment_id == experiment_id)
    return list(connection.execute(query).scalars())


def inputs_of(connection: sa.Connection, run_ids: Collection[str]) -> list[str]:
    """Return the datasets as described that some runs used."""
    query = sa.select(run_inputs.c.ref).where(run_inputs.c.run_id.in_(run_ids), run_inputs.c.ref.startswith(_PREFIX))
    return [ref.removeprefix(_PREFIX) for ref in connection.execute(query.distinct()).scalars()]


def described_in(connection: sa.Connection, experiment_id: str) -> list[str]:
    """Return the datasets as described in an experiment."""
    query = sa.select(input_datasets.c.id).where(input_datasets.c.experiment_id == experiment_id)
    return list(connection.execute(query).scalars())


def unused_inputs(connection: sa.Connection, ids: Collection[str]) -> list[str]:
    """Return those of some datasets as described that no run uses."""
    refs = {f"{_PREFIX}{identifier}": identifier for identifier in ids}
    used = set(connection.execute(sa.select(run_inputs.c.ref).where(run_inputs.c.ref.in_(refs)).distinct()).scalars())
    return [identifier for ref, identifier in refs.items() if ref not in used]


def _old(
    connection: sa.Connection,
    key: "sa.Column[str]",
    deleted_at: "sa.Column[Moment]",
    before: Moment,
    among: Sequence[str] | None,
) -> list[str]:
    query = sa.select(key).where(sa.or_(deleted_at <= before, deleted_at == LEAVING)).order_by(deleted_at, key)
    if among is not None:
        query = query.where(key.in_(among))
    return list(connection.execute(query).scalars())
