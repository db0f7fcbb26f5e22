"""Experiments and their tags."""

from collections.abc import Sequence

import sqlalchemy as sa

from tidemill.ledger.rows import record
from tidemill.tracking.records import Experiment
from tidemill.ledger.dialect import rows_in, rows_of
from tidemill.tracking.store.tables import experiments, is_there


def find_experiment(connection: sa.Connection, *, experiment_id: str = "", name: str = "") -> Experiment | None:
    """Return the experiment of that id or name."""
    where = experiments.c.experiment_id == experiment_id if experiment_id else experiments.c.name == name
    row = connection.execute(sa.select(experiments).where(where, is_there(experiments))).one_or_none()
    if row is None:
        return None
    return Experiment(**record(row), tags=_tags(connection, [row.experiment_id]).get(row.experiment_id, {}))


def find_experiments(connection: sa.Connection, ids: Sequence[str]) -> list[Experiment]:
    """Return the experiments of those ids, in that order, without the ones that do not exist."""
    if not ids:
        return []
    wanted = sa.and_(experiments.c.experiment_id.in_(ids), is_there(experiments))
    rows = {row.experiment_id: row for row in connection.execute(sa.select(experiments).where(wanted))}
    found = [identifier for identifier in ids if identifier in rows]
    tags = _tags(connection, found)
    return [Experiment(**record(rows[identifier]), tags=tags.get(identifier, {})) for identifier in found]


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
