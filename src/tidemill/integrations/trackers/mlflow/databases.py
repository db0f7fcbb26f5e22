"""The database of an MLflow store, opened so that nothing can be written."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tidemill.core.lazy import lazy
from tidemill.integrations.trackers.mlflow.places import Address
from tidemill.tracking.ports import InvalidTracker, TrackerFailed

if TYPE_CHECKING:
    import psycopg
else:
    psycopg = lazy("psycopg")

Rows = list[tuple[Any, ...]]
_BUSY_S = 60
MOST_POINTS = 200_000
"""The most points that are held at once."""


class Database(Protocol):
    """Rows of a store; parameters are written `?`, and a list of them `{list}` before all others."""

    def rows(self, sql: str, some: Sequence[object] = (), *more: object) -> Rows:
        """Return the rows of a query."""

    def columns(self) -> dict[str, set[str]]:
        """Return the columns of each table."""

    def points(self, run_ids: Sequence[str], counts: dict[str, int]) -> Iterator[Rows]:
        """Yield the points of runs, many at a time: run, key, step, timestamp, value, whether it is NaN."""

    def close(self) -> None:
        """Let go of it."""


_POINT = "run_uuid, key, step, timestamp, value, is_nan"


class SQLite:
    """A file of SQLite. Each query stands alone, so that whoever works in the store can write in between.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InvalidTracker("There is no such file", hint="Look at the path after sqlite:///.", where=str(path))
        self._connection = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA query_only=ON")

    def rows(self, sql: str, some: Sequence[object] = (), *more: object) -> Rows:
        """Return the rows of a query."""
        try:
            return self._connection.execute(_listed(sql, some, "?"), (*some, *more)).fetchall()
        except sqlite3.DatabaseError as error:
            raise _failed(error) from error

    def columns(self) -> dict[str, set[str]]:
        """Return the columns of each table."""
        tables = self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        query = "SELECT name FROM pragma_table_info(?)"
        return {name: {column for (column,) in self.rows(query, (), name)} for (name,) in tables}

    def points(self, run_ids: Sequence[str], counts: dict[str, int]) -> Iterator[Rows]:
        """Yield the points of runs; a run that has too many for one query is read from row to row."""
        together: list[str] = []
        total = 0
        for run_id in run_ids:
            count = counts.get(run_id, 0)
            if count > MOST_POINTS:
                yield from self._long(run_id)
                continue
            if total + count > MOST_POINTS and together:
                yield self._short(together)
                together, total = [], 0
            together.append(run_id)
            total += count
        if total:
            yield self._short(together)

    def _short(self, run_ids: list[str]) -> Rows:
        return self.rows(f"SELECT {_POINT} FROM metrics WHERE run_uuid IN ({{list}})", run_ids)  # noqa: S608 - ours

    def _long(self, run_id: str) -> Iterator[Rows]:
        query = f"SELECT {_POINT}, rowid FROM metrics WHERE run_uuid = ? AND rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608 - ours
        last = -1
        while rows := self.rows(query, (), run_id, last, MOST_POINTS):
            last = rows[-1][6]
            yield [row[:6] for row in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


class PostgreSQL:
    """A database of PostgreSQL, in one transaction that reads: what others write meanwhile is not seen.

    Args:
        address: Where it is, and who asks.
    """

    def __init__(self, address: Address) -> None:
        given = address.credentials
        try:
            self._connection = psycopg.connect(
                address.url,
                user=given.username or None,
                password=given.password or None,
                application_name="tidemill import",
            )
            self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self._connection.read_only = True
        except psycopg.Error as error:
            raise _failed(error) from error

    def rows(self, sql: str, some: Sequence[object] = (), *more: object) -> Rows:
        """Return the rows of a query."""
        text = _listed(sql, some, "%s").replace("?", "%s")
        try:
            return self._connection.execute(text.encode(), (*some, *more)).fetchall()
        except psycopg.Error as error:
            raise _failed(error) from error

    def columns(self) -> dict[str, set[str]]:
        """Return the columns of each table."""
        found: dict[str, set[str]] = {}
        query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        for table, column in self.rows(query):
            found.setdefault(table, set()).add(column)
        return found

    def points(self, run_ids: Sequence[str], counts: dict[str, int]) -> Iterator[Rows]:
        """Yield the points of runs as the server sends them."""
        del counts
        query = f"SELECT {_POINT} FROM metrics WHERE run_uuid = ANY(%s)"  # noqa: S608 - ours
        try:
            with self._connection.cursor(name="tidemill_points") as cursor:
                cursor.itersize = MOST_POINTS
                cursor.execute(query.encode(), (list(run_ids),))
                while rows := cursor.fetchmany(MOST_POINTS):
                    yield rows
        except psycopg.Error as error:
            raise _failed(error) from error

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


def _listed(sql: str, some: Sequence[object], mark: str) -> str:
    return sql.replace("{list}", ", ".join([mark] * len(some)))


def _failed(error: Exception) -> TrackerFailed:
    # The text of a driver may hold an address, but no password: both leave it out.
    said = str(error).strip().partition("\n")[0]
    return TrackerFailed(f"MLflow's database cannot be read: {said}", hint="Look at the address and who may read it.")
