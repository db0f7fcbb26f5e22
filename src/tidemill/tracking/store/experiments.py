"""Experiments and their tags."""

from collections.abc import Sequence

import sqlalchemy as sa

from tidemill.core.moments import from_us
from tidemill.ledger.dialect import Rows, rows_in, rows_of
from tidemill.tracking.records import Experiment

_EXPERIMENTS = (
    "SELECT experiment_id, name, artifact_location, lifecycle_stage, created_at, updated_at, deleted_at"
    " FROM experiments WHERE coalesce(deleted_at, 1) <> 0 AND"
)


def find_experiment(connection: sa.Connection, *, experiment_id: str = "", name: str = "") -> Experiment | None:
    """Return the experiment of that id or name."""
    where = "experiment_id = ?" if experiment_id else "name = ?"
    found = _experiments(connection, rows_of(connection, f"{_EXPERIMENTS} {where}", experiment_id or name))
    return found[0] if found else None


def find_experiments(connection: sa.Connection, ids: Sequence[str]) -> list[Experiment]:
    """Return the experiments of those ids, in that order, without the ones that do not exist."""
    rows = {row[0]: row for row in rows_in(connection, f"{_EXPERIMENTS} experiment_id = ANY {{texts}}", ids)}
    return _experiments(connection, [rows[identifier] for identifier in ids if identifier in rows])


def _experiments(connection: sa.Connection, rows: Rows) -> list[Experiment]:
    tags = _tags(connection, [row[0] for row in rows]) if rows else {}
    return [
        Experiment(
            experiment_id=experiment_id,
            name=name,
            artifact_location=location,
            lifecycle_stage=stage,
            created_at=from_us(created),
            updated_at=from_us(updated),
            deleted_at=None if deleted is None else from_us(deleted),
            tags=tags.get(experiment_id, {}),
        )
        for experiment_id, name, location, stage, created, updated, deleted in rows
    ]


def next_experiment_id(connection: sa.Connection) -> str:
    """Return an id larger than every one there is, and every one that was removed for good."""
    numbers = rows_of(
        connection,
        "SELECT (SELECT max(CAST(experiment_id AS BIGINT)) FROM experiments),"
        " (SELECT max(CAST(subject_id AS BIGINT)) FROM audit_events"
        " WHERE subject_kind = 'experiment' AND action = 'experiment.remove')",
    )
    return str(max(number or 0 for number in numbers[0]) + 1)


def _tags(connection: sa.Connection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    query = "SELECT experiment_id, key, value FROM experiment_tags WHERE experiment_id = ANY {texts} ORDER BY key"
    for identifier, key, value in rows_in(connection, query, list(ids)):
        found.setdefault(identifier, {})[key] = value
    return found
