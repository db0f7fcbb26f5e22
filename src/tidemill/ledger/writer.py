"""One writer for SQLite: units of work queue up, and those that wait together are committed together.

Each unit has a savepoint of its own, so one that fails takes nothing with it. The edges and audit events of all units
of a batch are written at its end, in the units' order: a statement a batch instead of several a unit. Because this
thread holds the only connection that writes or checkpoints, the WAL-reset fault of SQLite before 3.51.3, which needs
two, cannot occur.

Transactions and savepoints begin and end through the driver, at a tenth of what they cost through SQLAlchemy.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Generic, TypeVar, cast

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.errors import Unavailable
from tidemill.ledger.dialect import driver_of
from tidemill.ledger.faults import explained
from tidemill.ledger.transaction import Transaction, finish

_MOST_UNITS = 512
T = TypeVar("T")


class LedgerClosed(Unavailable):
    """The ledger was closed before the work could be done."""

    code = "ledger_closed"


@dataclass(slots=True)
class _Unit(Generic[T]):
    actor: Actor
    work: Callable[[Transaction], T]
    future: "Future[T]" = field(default_factory=Future)
    result: T | None = None


class Writer:
    """The thread that owns the writing connection.

    Args:
        engine: An engine whose connections may write and begin nothing by themselves; one is taken and kept.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._connection = engine.connect()
        self._driver = driver_of(self._connection)
        self._queue: SimpleQueue[_Unit[object] | None] = SimpleQueue()
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(self, actor: Actor, work: Callable[[Transaction], T]) -> "Future[T]":
        """Queue a unit of work; the future is done after the commit."""
        unit = _Unit(actor, work)
        with self._gate:
            if self._closed:
                raise LedgerClosed("The ledger is closed", hint="Open the workspace again.")
            self._queue.put(cast("_Unit[object]", unit))
        return unit.future

    def close(self) -> None:
        """Do what is queued, then let go of the connection."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            units, last = [first], False
            while len(units) < _MOST_UNITS and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    last = True
                    break
                units.append(following)
            # A future that its caller cancelled is left out; the others can no longer be cancelled from here on.
            self._commit([unit for unit in units if unit.future.set_running_or_notify_cancel()])
            if last:
                return

    def _commit(self, units: list[_Unit[object]]) -> None:
        """Do units in one transaction; when it fails as a whole, each in one of its own."""
        try:
            done = self._attempt(units)
        except BaseException as error:  # noqa: BLE001 - the waiting callers get whatever went wrong
            waiting = [unit for unit in units if not unit.future.done()]
            if len(units) > 1:
                for unit in waiting:
                    self._commit([unit])
                return
            for unit in waiting:
                unit.future.set_exception(explained(error))
        else:
            for unit in done:
                unit.future.set_result(unit.result)

    def _attempt(self, units: list[_Unit[object]]) -> list[_Unit[object]]:
        """Run the units in one transaction; those that fail by themselves get their error at once."""
        done, written = [], []
        driver = self._driver
        driver.execute("BEGIN")
        try:
            for unit in units:
                driver.execute("SAVEPOINT unit")
                transaction = Transaction(self._connection, unit.actor)
                try:
                    unit.result = unit.work(transaction)
                except Exception as error:
                    if isinstance(error, sa.exc.DBAPIError) and not isinstance(error, sa.exc.IntegrityError):
                        raise
                    driver.execute("ROLLBACK TO unit")
                    driver.execute("RELEASE unit")
                    unit.future.set_exception(explained(error))
                else:
                    driver.execute("RELEASE unit")
                    done.append(unit)
                    written.append(transaction)
            finish(self._connection, written)
            driver.execute("COMMIT")
        except BaseException:
            if driver.in_transaction:  # a full disk ends it by itself
                driver.execute("ROLLBACK")
            raise
        return done
