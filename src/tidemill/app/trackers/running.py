"""Transfers under way: each is done by a thread of this process, and says how far it is."""

import threading
from collections.abc import Callable, Sequence

import msgspec
import sqlalchemy as sa

from tidemill.app.trackers.progress import Progress, TransferCancelled
from tidemill.app.trackers.records import Direction, Report, Transfer, TransferStatus
from tidemill.core.access import Actor
from tidemill.core.errors import Conflict, Internal, NotFound, TidemillError
from tidemill.core.ids import new_id
from tidemill.core.moments import utc_now
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.rows import record
from tidemill.tracking.store.tables import transfers

_MOST = 100
_Running = dict[str, tuple[Transfer, Progress, threading.Event]]
"""The transfers under way: as they began, how far they are, and what is set when they are over."""


class TransferNotFound(NotFound):
    """There was no transfer of that id."""

    code = "transfer_not_found"


class TransferRuns(Conflict):
    """The same transfer is under way."""

    code = "transfer_runs"


class Transfers:
    """The transfers of some directions.

    Args:
        ledger: Where they are kept.
        subject: What the audit calls them, such as `tracker`.
        directions: Which ones.
        command: The command line that shows one, before its id.
    """

    def __init__(self, ledger: Ledger, subject: str, directions: Sequence[Direction], command: str) -> None:
        self._ledger = ledger
        self._subject = subject
        self._directions = directions
        self._command = command
        self._lock = threading.Lock()
        self._running: _Running = {}

    def start(self, actor: Actor, transfer: Transfer, work: Callable[[Progress], None]) -> Transfer:
        """Begin a transfer, and return it.

        Raises:
            TransferRuns: If the same is under way.
        """
        progress = Progress()
        over = threading.Event()
        with self._lock:
            for other, _, _ in list(self._running.values()):
                if _sort(other) == _sort(transfer):
                    raise TransferRuns(
                        f"This {transfer.direction} is under way", hint=f"Look at it: `{self._command} {other.id}`."
                    )
            self._running[transfer.id] = (transfer, progress, over)
        try:
            self._ledger.write(actor, lambda tx: self._write(tx, transfer, "begin"))
            words = (actor, transfer, progress, work)
            name = f"{transfer.direction}-{transfer.tracker}"
            threading.Thread(target=self._do, args=words, name=name, daemon=True).start()
        except BaseException:
            self._leave(transfer)
            raise
        return transfer

    def list(self) -> "list[Transfer]":
        """Return the last ones, newest first."""
        table = transfers.c
        query = sa.select(transfers).where(table.direction.in_(self._directions))
        running = dict(self._running)
        with self._ledger.read() as connection:
            rows = [record(row) for row in connection.execute(query.order_by(table.started_at.desc()).limit(_MOST))]
        return [_told(row, self._running | running) for row in rows]

    def get(self, identifier: str) -> Transfer:
        """Return how far one is, or what it did.

        Raises:
            TransferNotFound: If there was none of that id.
        """
        table = transfers.c
        query = sa.select(transfers).where(table.id == identifier, table.direction.in_(self._directions))
        running = dict(self._running)
        with self._ledger.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            listing = self._command.removesuffix(" show") + (" list" if self._command.endswith(" show") else "")
            raise TransferNotFound(f"There was no transfer {shown(identifier)}", hint=f"List them with `{listing}`.")
        return _told(record(row), self._running | running)

    def cancel(self, identifier: str) -> Transfer:
        """End one at its next step; what it did is kept, and the same asked for again goes on."""
        if running := self._running.get(identifier):
            running[1].cancel()
            running[2].wait()
        return self.get(identifier)

    def close(self) -> None:
        """End what is under way, as a kill would."""
        for _, progress, over in list(self._running.values()):
            progress.cancel()
            over.wait()

    def _leave(self, transfer: Transfer) -> None:
        _, _, over = self._running.pop(transfer.id)
        over.set()

    def _do(self, actor: Actor, transfer: Transfer, progress: Progress, work: Callable[[Progress], None]) -> None:
        status = TransferStatus.DONE
        try:
            work(progress)
        except TransferCancelled as ended:
            status = TransferStatus.CANCELLED
            progress.fail(ended)
        except TidemillError as error:
            status = TransferStatus.FAILED
            progress.fail(error)
        except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
            status = TransferStatus.FAILED
            # The type only: the text of a foreign error may hold an address with a password.
            fault = f"The {transfer.direction} failed by a fault of Tidemill: {type(error).__name__}"
            progress.fail(Internal(fault, hint="Please report it; what was done is kept."))
        ended_with = _changed(transfer, status, progress.report())
        try:
            self._ledger.write(actor, lambda tx: self._write(tx, ended_with, status.value))
        finally:
            self._leave(transfer)

    def _write(self, tx: Transaction, transfer: Transfer, what: str) -> None:
        tx.upsert(transfers, {name: getattr(transfer, name) for name in transfer.__struct_fields__})
        tx.audit(
            f"{self._subject}.{transfer.direction}.{what}",
            Ref("workspace", "this"),
            transfer=transfer.id,
            place=transfer.place,
            counts=transfer.report.counts,
            **({"of": transfer.of} if transfer.of else {}),
        )


def new_transfer(actor: Actor, direction: Direction, tracker: str, place: str, *, of: str = "") -> Transfer:
    """Return a transfer that begins now.

    Args:
        actor: Who asked for it.
        direction: Which way it goes.
        tracker: The make of the other side.
        place: Where that is, without credentials.
        of: What is transferred, where that is not everything.
    """
    return Transfer(
        id=new_id(),
        direction=direction,
        tracker=tracker,
        place=place,
        of=of,
        status=TransferStatus.RUNNING,
        started_at=utc_now(),
        started_by=actor.name,
    )


def _sort(transfer: Transfer) -> tuple[str, str, str]:
    return transfer.direction, transfer.place, transfer.of


def _told(row: dict[str, object], running: _Running) -> Transfer:
    """Return a transfer as its row says, or as its thread does while there is one.

    Whoever calls looks at the threads before it reads the row: a thread writes the end first and leaves then.
    """
    found = msgspec.convert(row, Transfer)
    if found.id in running:
        return _changed(running[found.id][0], TransferStatus.RUNNING, running[found.id][1].report())
    if found.status == TransferStatus.RUNNING:
        return _changed(found, TransferStatus.STOPPED, found.report)
    return found


def _changed(transfer: Transfer, status: TransferStatus, report: Report) -> Transfer:
    ended_at = transfer.ended_at if status in {TransferStatus.RUNNING, TransferStatus.STOPPED} else utc_now()
    return msgspec.structs.replace(transfer, status=status, report=report, ended_at=ended_at)
