"""One writer for SQLite: units of work queue up, and those that wait together are committed together.

Each unit has a savepoint of its own, so one that fails takes nothing with it. Because this thread holds the only
connection that writes or checkpoints, the WAL-reset fault of SQLite before 3.51.3, which needs two, cannot occur.
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
from tidemill.ledger.faults import plain
from tidemill.ledger.transaction import Transaction

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
        engine: An engine whose connections may write; one connection is taken and kept.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._connection = engine.connect()
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
            self._commit(units)
            if last:
                return

    def _commit(self, units: list[_Unit[object]]) -> None:
        try:
            done = self._attempt(units)
        except sa.exc.DBAPIError as error:
            if len(units) > 1:
                # The database gave up the whole transaction: find out by itself which unit is to blame.
                for unit in units:
                    if not unit.future.done():
                        self._commit([unit])
                return
            units[0].future.set_exception(plain(error))
        except BaseException as error:  # noqa: BLE001 - the waiting caller gets whatever went wrong
            for unit in units:
                if not unit.future.done():
                    unit.future.set_exception(error)
        else:
            for unit in done:
                unit.future.set_result(unit.result)

    def _attempt(self, units: list[_Unit[object]]) -> list[_Unit[object]]:
        """Run the units in one transaction; those that fail by themselves get their error at once."""
        done = []
        with self._connection.begin():
            for unit in units:
                savepoint = self._connection.begin_nested()
                try:
                    transaction = Transaction(self._connection, unit.actor)
                    unit.result = unit.work(transaction)
                    transaction.finish()
                except sa.exc.IntegrityError as error:
                    savepoint.rollback()
                    unit.future.set_exception(error)
                except sa.exc.DBAPIError:
                    raise
                except Exception as error:  # noqa: BLE001 - the caller's own failure, handed back to it
                    savepoint.rollback()
                    unit.future.set_exception(error)
                else:
                    savepoint.commit()
                    done.append(unit)
        return done
