"""Databases through ADBC: rows arrive as Arrow, batch by batch, and never all at once."""

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import SourceFailed, SourceNotFound
from tidemill.data.sources.sql import SqlAsk

if TYPE_CHECKING:
    import adbc_driver_manager
    import adbc_driver_manager.dbapi
    import arro3.core as arrow
    import polars as pl
else:
    adbc_driver_manager = lazy("adbc_driver_manager")
    arrow = lazy("arro3.core")
    pl = lazy("polars")

_BEFORE = re.compile(r"^[A-Z_]+: (\[\w+\] )?(Failed to [\w ]+: )?((ERROR|FATAL):\s+)?")
_MIDWAY = "C Data interface error: "
"""How a fault in the middle of the rows begins."""
_NO_TABLE = {"42P01", "42S02", "3F000"}


@dataclass(frozen=True, slots=True)
class Field:
    """A column as the driver describes it.

    Args:
        name: Its name.
        type: The text that its Arrow type begins with, such as `Int32` or `List(`.
        facts: What the driver says of it besides.
    """

    name: str
    type: str
    facts: Mapping[str, str]


class Link:
    """A connection, in one transaction.

    Args:
        connection: The connection of the driver.
        options: Options of each statement.
    """

    def __init__(self, connection: "adbc_driver_manager.dbapi.Connection", options: Mapping[str, str]) -> None:
        self._connection = connection
        self._options = dict(options)

    def run(self, sql: str) -> None:
        """Run a statement that gives no rows."""
        with closing(self._connection.cursor()) as cursor, plain():
            cursor.execute(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a small answer."""
        with closing(self._reading(sql)) as frames:
            return [row for frame in frames for row in frame.iter_rows()]

    def fields(self, what: SqlAsk, tables: str) -> list[Field]:
        """Return the columns of what is asked.

        Args:
            what: What is asked.
            tables: The query that lists the names of tables, for the hint when there is no such one.

        Raises:
            SourceNotFound: If there is no such table.
        """
        try:
            fields = self._fields(f"{what.select(['*'])} LIMIT 0")
        except SourceNotFound as error:
            if what.table:
                self.roll_back()
                names = [str(name) for (name,) in self.rows(tables)]
                error.message = f"There is no table {shown(what.label)}"
                error.hint = did_you_mean(what.label, names)
            raise
        what.check_columns([field.name for field in fields])
        return fields

    def _fields(self, sql: str) -> list[Field]:
        with closing(self._connection.cursor()) as cursor, plain():
            cursor.execute(sql)
            schema = arrow.RecordBatchReader.from_arrow(cursor.fetch_arrow()).schema
            return [
                Field(
                    field.name,
                    str(field.type).partition("<")[2],
                    {key.decode(): value.decode(errors="replace") for key, value in (field.metadata or {}).items()},
                )
                for field in map(schema.field, range(len(schema)))
            ]

    def roll_back(self) -> None:
        """End the transaction; the next statement begins another."""
        self._connection.rollback()

    def frames(self, sql: str) -> "Iterator[pl.DataFrame]":
        """Yield the rows of an answer as they come; at least one frame, empty if need be."""
        return self._reading(sql)

    def _reading(self, sql: str) -> "Generator[pl.DataFrame]":
        with closing(self._connection.cursor()) as cursor, plain():
            cursor.adbc_statement.set_options(**self._options)
            cursor.execute(sql)
            reader = arrow.RecordBatchReader.from_arrow(cursor.fetch_arrow())
            schema = reader.schema
            batch = None
            for batch in reader:
                yield pl.DataFrame(batch)
            if batch is None:
                yield pl.DataFrame(arrow.Table.from_batches([], schema=schema))


@contextmanager
def plain() -> Iterator[None]:
    """Say a driver's error in one line.

    Raises:
        SourceNotFound: If there is no such table.
        SourceFailed: For everything else.
    """
    try:
        yield
    except adbc_driver_manager.Error as error:
        raise _told(str(error), getattr(error, "sqlstate", None)) from None
    except Exception as error:
        if str(error).startswith(_MIDWAY):
            raise _told(str(error).removeprefix(_MIDWAY), None) from None
        raise


def _told(text: str, state: str | None) -> SourceFailed | SourceNotFound:
    said = _BEFORE.sub("", text.strip().partition("\n")[0])
    if state in _NO_TABLE or said.startswith("no such table"):
        return SourceNotFound(f"The database says: {shown(said, 300)}", hint="Look at the table's name and its schema.")
    return SourceFailed(
        f"The database says: {shown(said, 300)}", hint="Look at the address, the query, and who may read it."
    )
