"""What comes from other trackers, written many rows at a time with its own ids and times."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from tidemill.ledger import Transaction
from tidemill.ledger.dialect import rows_in, write_many
from tidemill.tracking.ports import Point
from tidemill.tracking.store.metrics import Place, write_places
from tidemill.tracking.store.tables import carried
from tidemill.tracking.store.values import LARGEST, encode_value

_TEXTS = ("text", "text", "text")
_SET_TEXTS = (
    "INSERT INTO {table} ({owner}, key, value) {rows} ON CONFLICT ({owner}, key) DO UPDATE SET value = excluded.value"
)
_INFINITE = float("inf")


class Carried(NamedTuple):
    """What is known of a thing that was taken before."""

    local_id: str
    mark: str


def find_carried(connection: sa.Connection, source: str, kind: str, foreign_ids: Sequence[str]) -> dict[str, Carried]:
    """Return which of some things were taken from a source before."""
    query = "SELECT foreign_id, local_id, mark FROM carried WHERE foreign_id = ANY {texts} AND source = ? AND kind = ?"
    rows = rows_in(connection, query, list(foreign_ids), source, kind) if foreign_ids else ()
    return {foreign_id: Carried(local_id, mark) for foreign_id, local_id, mark in rows}


def find_brought(
    connection: sa.Connection, source: str, kind: str, foreign_ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return the marks of the tags or aliases that some things had at a source."""
    query = "SELECT foreign_id, brought FROM carried WHERE foreign_id = ANY {texts} AND source = ? AND kind = ?"
    rows = rows_in(connection, query, list(foreign_ids), source, kind) if foreign_ids else ()
    return {foreign_id: msgspec.json.decode(brought) for foreign_id, brought in rows if brought}


def remember(
    tx: Transaction,
    source: str,
    kind: str,
    taken: Mapping[str, Carried],
    brought: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Note that things were taken, under which ids and marks, and with which tags; these stay when left out."""
    rows: list[dict[str, object]] = [
        {"source": source, "kind": kind, "foreign_id": foreign_id, "local_id": local_id, "mark": mark}
        for foreign_id, (local_id, mark) in taken.items()
    ]
    if brought is not None:
        for row in rows:
            row["brought"] = brought.get(str(row["foreign_id"]), {})
    tx.upsert(carried, rows)


def texts_of(connection: sa.Connection, table: str, owner: str, owners: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the tags of some owners."""
    query = f"SELECT {owner}, key, value FROM {table} WHERE {owner} = ANY {{texts}}"  # noqa: S608 - names of ours
    found: dict[str, dict[str, str]] = {}
    for identifier, key, value in rows_in(connection, query, list(owners)) if owners else ():
        found.setdefault(identifier, {})[key] = value
    return found


def drop_texts(connection: sa.Connection, table: str, owner: str, keys: Iterable[tuple[str, str]]) -> None:
    """Delete tags of some owners."""
    tags = sa.table(table, sa.column(owner), sa.column("key"))
    for identifier, key in keys:
        connection.execute(sa.delete(tags).where(tags.c[owner] == identifier, tags.c.key == key))


def put_texts(connection: sa.Connection, table: str, owner: str, rows: Iterable[tuple[str, str, str]]) -> int:
    """Set params or tags of many owners, and return how many there were."""
    some = list(rows)
    write_many(connection, _SET_TEXTS.replace("{table}", table).replace("{owner}", owner), _TEXTS, some)
    return len(some)


def put_points(connection: sa.Connection, points: Iterable[Point]) -> None:
    """Add points of runs that may be there. MLflow writes the infinite as the largest number."""
    places: dict[tuple[str, str], list[Place]] = {}
    largest, infinite, ordinary = LARGEST, _INFINITE, 1e308
    for run_id, key, step, timestamp, value in points:
        if not -ordinary < value < ordinary:  # NaN too
            value = encode_value(infinite if value >= largest else -infinite if value <= -largest else value)  # noqa: PLW2901
        place = (step, timestamp, value)
        series = (run_id, key)
        if series in places:
            places[series].append(place)
        else:
            places[series] = [place]
    for some in places.values():
        some.sort()  # the table is ordered so: rows in order go to its end, others into its middle
    write_places(connection, places)


def known_ids(connection: sa.Connection, table: sa.Table, ids: Sequence[str]) -> set[str]:
    """Return which ids of a table's only key there are."""
    column = next(iter(table.primary_key))
    found: set[str] = set()
    for start in range(0, len(ids), 500):
        found.update(connection.execute(sa.select(column).where(column.in_(ids[start : start + 500]))).scalars())
    return found
