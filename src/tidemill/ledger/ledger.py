"""The ledger itself: open it, write units of work, read."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput, TidemillError
from tidemill.ledger import engines
from tidemill.ledger.faults import LedgerDamaged, LedgerReadOnly, explained, plain_errors
from tidemill.ledger.migrate import migrate
from tidemill.ledger.transaction import Transaction, finish
from tidemill.ledger.writer import LedgerClosed, Writer

_TRIES = 6
T = TypeVar("T")
_AGAIN = {"40001", "40P01"}


class UnknownDatabase(InvalidInput):
    """The URL names a database that the ledger does not run on."""

    code = "unknown_database"


class Ledger:
    """One SQL database, SQLite or PostgreSQL.

    Args:
        url: `sqlite:///path`, or `postgresql://…`.
    """

    def __init__(self, url: str | sa.URL) -> None:
        parsed = sa.make_url(url)
        self.backend = parsed.get_backend_name()
        self._path: Path | None = None
        self._writer: Writer | None = None
        self._pool: ThreadPoolExecutor | None = None
        if self.backend == "sqlite":
            self._path = Path(parsed.database or "")
            if self._path.exists() and not os.access(self._path, os.W_OK):
                raise LedgerReadOnly(
                    "The ledger cannot be written", where=str(self._path), hint="Give write permission on the file."
                )
            with plain_errors():
                migrate(engines.sqlite_writer(self._path))
                self._writer = Writer(engines.sqlite_writer(self._path, begins=False))
                self._readers = engines.sqlite_readers(self._path)
        elif self.backend == "postgresql":
            with plain_errors():
                self._readers = engines.postgresql(parsed)
                migrate(self._readers)
                self._pool = ThreadPoolExecutor(8, thread_name_prefix="ledger-writer")
        else:
            raise UnknownDatabase(
                f"The ledger does not run on {parsed.get_backend_name()}", hint="Use sqlite:///PATH or postgresql://…"
            )

    @classmethod
    def open(cls, place: str | Path) -> "Ledger":
        """Return the ledger at a URL, or in an SQLite file at a path."""
        is_url = isinstance(place, str) and "://" in place
        # A path is no part of a URL as it is: it may hold a question mark.
        return cls(str(place) if is_url else sa.URL.create("sqlite", database=str(place)))

    def write(self, actor: Actor, work: Callable[[Transaction], T]) -> T:
        """Run a unit of work in one transaction and return its result after the commit.

        Args:
            actor: Who does it, for the audit events.
            work: Gets the transaction. It must be quick, do no I/O of its own, and bear being run again.
        """
        if self._writer:
            return self._writer.submit(actor, work).result()
        if self._pool is None:
            raise _closed()
        return self._retrying(actor, work)

    def submit(self, actor: Actor, work: Callable[[Transaction], T]) -> "Future[T]":
        """Do as `write` does, and return at once a future that is done after the commit."""
        if self._writer:
            return self._writer.submit(actor, work)
        if self._pool is None:
            raise _closed()
        try:
            return self._pool.submit(self._retrying, actor, work)
        except RuntimeError:  # closed at this moment
            raise _closed() from None

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one consistent state and cannot write."""
        with plain_errors(), self._readers.connect() as connection:
            if self.backend == "postgresql":
                connection = connection.execution_options(  # noqa: PLW2901 - the same connection, restricted
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                try:
                    yield connection
                except TidemillError:
                    raise
                except BaseException:
                    # A result that was read halfway keeps its state of the database open for as long as somebody holds
                    # the error: whoever got this connection next would read the past.
                    connection.invalidate()
                    raise

    def snapshot(self, target: Path) -> None:
        """Write a consistent copy of an SQLite ledger to a new file, while others write.

        Raises:
            UnknownDatabase: On PostgreSQL, which has its own tools for this.
        """
        if self._path is None:
            raise UnknownDatabase("Only an SQLite ledger is copied by Tidemill", hint="Use pg_dump for PostgreSQL.")
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        with plain_errors(), closing(sqlite3.connect(uri, uri=True)) as source:
            source.execute("VACUUM INTO ?", (str(target),))

    def damage(self) -> Iterator[str]:
        """Yield what the database itself finds wrong with its file."""
        if self._path is None:
            return
        try:
            with self.read() as connection:
                for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
                    if line != "ok":
                        yield str(line)
                for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                    yield f"row {row} of {table} refers to a row of {parent} that is missing"
        except LedgerDamaged as error:
            yield error.message

    def close(self) -> None:
        """Finish what is queued and let go of the database; the last to go checkpoints."""
        pool, self._pool = self._pool, None
        if pool:
            pool.shutdown()
        self._readers.dispose()
        if self._writer:
            self._writer.close()

    def _retrying(self, actor: Actor, work: Callable[[Transaction], T]) -> T:
        for attempt in range(_TRIES):
            try:
                with self._readers.begin() as connection:
                    transaction = Transaction(connection, actor)
                    result = work(transaction)
                    finish(connection, [transaction])
                return result
            except sa.exc.StatementError as error:
                state = getattr(error.orig, "sqlstate", None)
                if state not in _AGAIN or attempt == _TRIES - 1:
                    raise explained(error) from None
                time.sleep(0.005 * 2**attempt)
        raise AssertionError


def _closed() -> LedgerClosed:
    return LedgerClosed("The ledger is closed", hint="Open the workspace again.")
