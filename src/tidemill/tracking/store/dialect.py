"""Statements for many rows at once, in the words of each database.

A list of ids or a column of values goes to the database as one parameter: JSON on SQLite, an array on PostgreSQL. So a
statement has one text however many rows it is about, and is prepared once.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

Rows = Sequence[tuple[Any, ...]]


def is_sqlite(connection: sa.Connection) -> bool:
    """Return whether the database is SQLite."""
    return connection.dialect.name == "sqlite"


def rows_in(connection: sa.Connection, statement: str, texts: Sequence[str], *more: object) -> Rows:
    """Return the rows of a statement, `{texts}` in which stands for some texts and `?` for each further parameter.

    The texts come first: what `?` stands for must follow them.
    """
    if is_sqlite(connection):
        sql = statement.replace("{texts}", "(SELECT value FROM json_each(?))").replace("= ANY", "IN")
        return _all(connection, sql, (msgspec.json.encode(texts).decode(), *more))
    return _all(connection, statement.replace("{texts}", "(%s::text[])").replace("?", "%s"), (list(texts), *more))


def rows_of(connection: sa.Connection, statement: str, *parameters: object) -> Rows:
    """Return the rows of a statement whose parameters are written `?`."""
    return _all(connection, statement if is_sqlite(connection) else statement.replace("?", "%s"), parameters)


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
        marks = f"VALUES ({', '.join('?' * len(kinds))})"
        connection.exec_driver_sql(statement.replace("{rows}", marks), list(rows))
        return
    connection.exec_driver_sql(statement.replace("{rows}", _unnested(kinds)), _columns(rows))


def _unnested(kinds: Sequence[str]) -> str:
    return f"SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in kinds)})"  # noqa: S608 - words of ours


def _columns(rows: Rows) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))


def _all(connection: sa.Connection, sql: str, parameters: tuple[object, ...]) -> Rows:
    # Plain tuples straight from the driver: SQLAlchemy's rows cost twice the query where there are thousands.
    result = connection.exec_driver_sql(sql, parameters)
    cursor = result.cursor
    assert cursor is not None  # noqa: S101 - a query that gives rows has one
    rows: Rows = cursor.fetchall()
    result.close()
    return rows
