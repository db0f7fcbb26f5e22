"""Databases through ADBC: rows arrive as Arrow, batch by batch, and never all at once."""

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import SourceFailed, SourceNotFound
from tidemill.data.sources.sql import SqlAsk

if TYPE_CHECKING:
    import adbc_driver_manager
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
        is_one: Whether all that is read is one transaction, and not one a statement.
    """

    def __init__(
        self, connection: "adbc_driver_manager.AdbcConnection", options: Mapping[str, str], *, is_one: bool = True
    ) -> None:
        self._connection = connection
        self._options = dict(options)
        self._is_one = is_one
        self._statements: set[adbc_driver_manager.AdbcStatement] = set()

    def run(self, sql: str) -> None:
        """Run a statement that gives no rows."""
        with plain(), self._asked(sql, {}):
            pass

    def close(self) -> None:
        """End what is still read: a connection does not close before."""
        while self._statements:
            self._statements.pop().close()

    @contextmanager
    def _asked(self, sql: str, options: Mapping[str, str]) -> "Iterator[arrow.RecordBatchReader]":
        statement = adbc_driver_manager.AdbcStatement(self._connection)
        self._statements.add(statement)
        try:
            if options:
                statement.set_options(**options)
            statement.set_sql_query(sql)
            stream, _ = statement.execute_query()
            yield arrow.RecordBatchReader.from_arrow(stream)
        finally:
            if statement in self._statements:  # else it was ended together with the connection
                self._statements.remove(statement)
                statement.close()

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
        with plain(), self._asked(sql, {}) as reader:
            schema = reader.schema
            return [
                Field(
                    field.name,
                    str(field.type).partition("<")[2],
                    {key.decode(): value.decode(errors="replace") for key, value in (field.metadata or {}).items()},
                )
                for field in map(schema.field, range(len(schema)))
            ]

    def roll_back(self) -> None:
        """End the transaction, if there is one; the next statement begins another."""
        if self._is_one:
            self._connection.rollback()

    def frames(self, sql: str) -> "Iterator[pl.DataFrame]":
        """Yield the rows of an answer as they come; at least one frame, empty if need be."""
        return self._reading(sql)

    def _reading(self, sql: str) -> "Generator[pl.DataFrame]":
        with plain(), self._asked(sql, self._options) as reader:
            schema = reader.schema
            batch = None
            for batch in reader:
                yield pl.DataFrame(batch)
            if batch is None:
                yield pl.DataFrame(arrow.Table.from_batches([], schema=schema))


@contextmanager
def linked(
    database: "Callable[[], adbc_driver_manager.AdbcDatabase]", options: Mapping[str, str], *, is_one: bool = True
) -> Iterator[Link]:
    """Connect to a database until the end.

    Drivers are taken without their DB-API layer: it loads pyarrow and pandas where they are installed, 80 MiB that
    nobody here uses.

    Args:
        database: Opens it with its driver.
        options: Options of each statement.
        is_one: Whether all that is read is one transaction.
    """
    with ExitStack() as stack:
        with plain():
            opened = stack.enter_context(database())
            connection = stack.enter_context(adbc_driver_manager.AdbcConnection(opened))
            if is_one:
                connection.set_autocommit(False)
        link = Link(connection, options, is_one=is_one)
        stack.callback(link.close)
        yield link


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
