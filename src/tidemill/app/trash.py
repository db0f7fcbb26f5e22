"""What lies in the trash of the whole workspace: since when, from when on it may go for good, what it holds."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from tidemill.app import removal
from tidemill.app.records import Kind, Trashed
from tidemill.core.moments import Moment
from tidemill.core.refs import Ref
from tidemill.data import trash as data
from tidemill.models import trash as registry
from tidemill.tracking.store import trashed
from tidemill.tracking.store.trash import FIRST_EXPERIMENT

_QUERIES: dict[str, Callable[[], sa.Select[Any]]] = {
    "run": trashed.trashed_runs,
    "experiment": trashed.trashed_experiments,
    "logged_model": trashed.trashed_logged_models,
    "model": registry.trashed_models,
    "model_version": registry.trashed_versions,
    "dataset": data.trashed_datasets,
    "dataset_version": data.trashed_versions,
}


class _Row(NamedTuple):
    kind: Kind
    id: str
    name: str
    number: int
    deleted_at: Moment


def find(connection: sa.Connection, kind: Kind | None, keep: timedelta, limit: int, offset: int) -> list[Trashed]:
    """Return some of what is in the trash, what was put there last first.

    Args:
        connection: The ledger.
        kind: Only things of this kind.
        keep: How long things stay before `gc` takes them.
        limit: The most to return.
        offset: How many to leave out.
    """
    union = sa.union_all(*(query() for name, query in _QUERIES.items() if kind in {None, name})).subquery()
    order = (union.c.deleted_at.desc(), union.c.kind, union.c.id)
    query = sa.select(union).order_by(*order).limit(limit).offset(offset)
    rows = [_Row(*row) for row in connection.execute(query)]
    reasons = removal.reasons(connection, [Ref(row.kind, row.id) for row in rows])
    reasons |= {Ref("experiment", FIRST_EXPERIMENT): "every workspace has it"}
    sizes, together = _held(connection, rows)
    return [
        Trashed(
            kind=row.kind,
            id=row.id,
            name=f"{row.name}@{row.number}" if row.number else row.name,
            deleted_at=row.deleted_at,
            goes_at=None if Ref(row.kind, row.id) in reasons else row.deleted_at + keep,
            stays=reasons.get(Ref(row.kind, row.id), ""),
            together=together.get((row.kind, row.id), 0),
            size_bytes=sizes.get((row.kind, row.id), 0),
        )
        for row in rows
    ]


def _held(
    connection: sa.Connection, rows: Sequence[_Row]
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """Return the bytes of each row's files, and how many things went to the trash with it."""
    ids: dict[str, list[str]] = {kind: [row.id for row in rows if row.kind == kind] for kind in _QUERIES}
    versions = registry.versions_with(connection, ids["model"])
    of_data = data.versions_with(connection, ids["dataset"])
    sizes = {
        "run": trashed.sizes_of_runs(connection, ids["run"]),
        "experiment": trashed.sizes_of_experiments(connection, ids["experiment"]),
        "logged_model": trashed.sizes_of_logged_models(connection, ids["logged_model"]),
        "model": {name: size for name, (_, size) in versions.items()},
        "model_version": registry.sizes_of_versions(connection, ids["model_version"]),
        "dataset": {name: size for name, (_, size) in of_data.items()},
        "dataset_version": data.sizes_of_versions(connection, ids["dataset_version"]),
    }
    together = {
        "experiment": trashed.runs_with(connection, ids["experiment"]),
        "model": {name: count for name, (count, _) in versions.items()},
        "dataset": {name: count for name, (count, _) in of_data.items()},
    }
    return _flat(sizes), _flat(together)


def _flat(found: dict[str, dict[str, int]]) -> dict[tuple[str, str], int]:
    return {(kind, key): count for kind, counts in found.items() for key, count in counts.items()}
