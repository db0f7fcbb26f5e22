"""Ends a search that takes too long, wherever the database is in it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tidemill.core.errors import TooLarge

LONGEST_S = 10.0
_CANCELLED = "57014"
_INSTRUCTIONS = 100_000
"""How often SQLite looks at the clock: every few milliseconds."""


class SearchTooLong(TooLarge):
    """A search needs more time than a search may take."""

    code = "search_too_long"


@contextmanager
def within_time(connection: sa.Connection, longest_s: float = LONGEST_S) -> Iterator[None]:
    """Let statements on a connection take so long together, and no longer.

    Raises:
        SearchTooLong: If they take longer.
    """
    try:
        if connection.dialect.name == "sqlite":
            with _sqlite(connection, longest_s):
                yield
        else:
            _statement_timeout(connection, round(longest_s * 1000))
            yield
            _statement_timeout(connection, 0)
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _CANCELLED and str(error.orig) != "interrupted":
            raise
        raise SearchTooLong(
            f"The search took longer than {longest_s:g} seconds, and was ended",
            hint="Name an experiment, use fewer conditions with LIKE, or compare params and tags by =.",
        ) from None


@contextmanager
def _sqlite(connection: sa.Connection, longest_s: float) -> Iterator[None]:
    driver = connection.connection.driver_connection
    if driver is None:
        yield
        return
    end = time.monotonic() + longest_s
    driver.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


def _statement_timeout(connection: sa.Connection, milliseconds: int) -> None:
    connection.execute(sa.select(sa.func.set_config("statement_timeout", str(milliseconds), True)))
