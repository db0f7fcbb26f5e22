"""Statements as text, in the words of each database, for what is asked often or about many rows.

On SQLite they go straight to the driver, and rows come as its plain tuples: around a statement that takes microseconds
SQLAlchemy would be most of the time. A list of ids or a column of values goes to the database as one parameter: JSON
on SQLite, an array on PostgreSQL. So a statement has one text however many rows it is about, and is prepared once.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import sqlalchemy as sa

Rows = Sequence[tuple[Any, ...]]


def is_sqlite(connection: sa.Connection) -> bool:
    """Return whether the database is SQLite."""
    return connection.dialect.name == "sqlite"


def driver_of(connection: sa.Connection) -> sqlite3.Connection:
    """Return the driver's own connection to an SQLite database."""
    return cast("sqlite3.Connection", connection.connection.driver_connection)


def rows_in(connection: sa.Connection, statement: str, texts: Sequence[str], *more: object) -> Rows:
    """Return the rows of a statement, `{texts}` in which stands for some texts and `?` for each further parameter.

    The texts come first: what `?` stands for must follow them.
    """
    if is_sqlite(connection):
        sql = statement.replace("{texts}", "(SELECT value FROM json_each(?))").replace("= ANY", "IN")
        return _on_sqlite(connection, sql, (msgspec.json.encode(texts).decode(), *more)).fetchall()
    sql = statement.replace("{texts}", "(%s::text[])").replace("?", "%s")
    return _on_postgresql(connection, sql, (list(texts), *more))


def rows_of(connection: sa.Connection, statement: str, *parameters: object) -> Rows:
    """Return the rows of a statement whose parameters are written `?`."""
    if is_sqlite(connection):
        return _on_sqlite(connection, statement, parameters).fetchall()
    return _on_postgresql(connection, statement.replace("?", "%s"), parameters)


def write_one(connection: sa.Connection, statement: str, *parameters: object) -> int:
    """Run a statement that changes rows, whose parameters are written `?`; return how many it changed."""
    if is_sqlite(connection):
        return _on_sqlite(connection, statement, parameters).rowcount
    return connection.exec_driver_sql(statement.replace("?", "%s"), parameters).rowcount


def write_many(connection: sa.Connection, statement: str, kinds: Sequence[str], rows: Rows) -> None:
    """Run a statement for many rows.

    Args:
        connection: The database, inside a transaction.
        statement: It holds `{rows}`, which stands for the rows after `INTO table (columns)`.
        kinds: PostgreSQL's types of the columns.
        rows: The rows.
    """
    if not rows:
        return
    if is_sqlite(connection):
        sql = statement.replace("{rows}", f"VALUES ({', '.join('?' * len(kinds))})")
        write_each(connection, sql, rows)
        return
    connection.exec_driver_sql(statement.replace("{rows}", _unnested(kinds)), _columns(rows))


def write_each(connection: sa.Connection, statement: str, rows: Rows) -> None:
    """Run a statement of SQLite's once for each of some rows of parameters."""
    if len(rows) == 1:
        _on_sqlite(connection, statement, rows[0])
        return
    try:
        driver_of(connection).executemany(statement, rows)
    except sqlite3.Error as error:
        raise _wrapped(error, statement) from error


def _unnested(kinds: Sequence[str]) -> str:
    return f"SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in kinds)})"  # noqa: S608 - words of ours


def _columns(rows: Rows) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))


def _on_sqlite(connection: sa.Connection, sql: str, parameters: tuple[object, ...]) -> sqlite3.Cursor:
    try:
        return driver_of(connection).execute(sql, parameters)
    except sqlite3.Error as error:
        raise _wrapped(error, sql) from error


def _wrapped(error: sqlite3.Error, sql: str) -> sa.exc.DBAPIError:
    """Return a driver's error as SQLAlchemy raises it, so that whoever handles one handles the other."""
    kind = sa.exc.IntegrityError if isinstance(error, sqlite3.IntegrityError) else sa.exc.OperationalError
    return kind(sql, None, error)


def _on_postgresql(connection: sa.Connection, sql: str, parameters: tuple[object, ...]) -> Rows:
    # Plain tuples straight from the driver: SQLAlchemy's rows cost twice the query where there are thousands.
    result = connection.exec_driver_sql(sql, parameters)
    cursor = result.cursor
    assert cursor is not None  # noqa: S101 - a query that gives rows has one
    rows: Rows = cursor.fetchall()
    result.close()
    return rows
