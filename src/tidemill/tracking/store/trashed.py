"""What lies in the trash by itself, and what came there with it; how many bytes their files have."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from tidemill.tracking.store.tables import (
    experiments,
    is_there,
    logged_model_artifacts,
    logged_models,
    run_artifacts,
    runs,
)

_Count = dict[str, int]
_Select = sa.Select[*tuple[Any, ...]]


def trashed_runs() -> _Select:
    """Return the query of the runs that went there by themselves, not with their experiment: as `trashed` wants it."""
    table, home = runs.c, experiments.c
    together = sa.exists().where(home.experiment_id == table.experiment_id, home.deleted_at == table.deleted_at)
    return _of("run", table.run_id, table.name, table.deleted_at).where(
        table.deleted_at.is_not(None), is_there(runs), ~together
    )


def trashed_experiments() -> _Select:
    """Return the query of the experiments in the trash."""
    table = experiments.c
    return _of("experiment", table.experiment_id, table.name, table.deleted_at).where(
        table.deleted_at.is_not(None), is_there(experiments)
    )


def trashed_logged_models() -> _Select:
    """Return the query of the logged models in the trash."""
    table = logged_models.c
    return _of("logged_model", table.model_id, table.name, table.deleted_at).where(
        table.deleted_at.is_not(None), is_there(logged_models)
    )


def runs_with(connection: sa.Connection, experiment_ids: Sequence[str]) -> _Count:
    """Return how many runs went to the trash with each of some experiments."""
    table, home = runs.c, experiments.c
    together = sa.and_(home.experiment_id == table.experiment_id, home.deleted_at == table.deleted_at)
    query = sa.select(table.experiment_id, sa.func.count()).join(experiments, together)
    return _counts(connection, query.where(table.experiment_id.in_(experiment_ids)).group_by(table.experiment_id))


def sizes_of_runs(connection: sa.Connection, run_ids: Sequence[str]) -> _Count:
    """Return how many bytes the files of some runs have."""
    return _sizes(connection, run_artifacts, run_artifacts.c.run_id, run_ids)


def sizes_of_logged_models(connection: sa.Connection, model_ids: Sequence[str]) -> _Count:
    """Return how many bytes the files of some logged models have."""
    return _sizes(connection, logged_model_artifacts, logged_model_artifacts.c.model_id, model_ids)


def sizes_of_experiments(connection: sa.Connection, experiment_ids: Sequence[str]) -> _Count:
    """Return how many bytes the files of all runs and logged models of some experiments have."""
    found: _Count = {}
    for files, owners in ((run_artifacts, runs), (logged_model_artifacts, logged_models)):
        home = owners.c.experiment_id
        query = sa.select(home, sa.func.sum(files.c.size)).join(owners).where(home.in_(experiment_ids)).group_by(home)
        for key, size in _counts(connection, query).items():
            found[key] = found.get(key, 0) + size
    return found


def _of(kind: str, key: "sa.Column[str]", name: "sa.Column[str]", deleted_at: "sa.Column[object]") -> _Select:
    return sa.select(
        sa.literal(kind).label("kind"),
        key.label("id"),
        name.label("name"),
        sa.literal(0).label("number"),
        deleted_at.label("deleted_at"),
    )


def _sizes(connection: sa.Connection, files: sa.Table, owner: "sa.Column[str]", ids: Sequence[str]) -> _Count:
    query = sa.select(owner, sa.func.sum(files.c.size)).where(owner.in_(ids)).group_by(owner)
    return _counts(connection, query)


def _counts(connection: sa.Connection, query: _Select) -> _Count:
    return {str(key): int(count) for key, count in connection.execute(query)}
