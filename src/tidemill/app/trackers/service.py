"""What one can do with other trackers: take what they hold, and give them what is here."""

import threading
from collections.abc import Callable
from importlib.metadata import entry_points

import msgspec
import sqlalchemy as sa

from tidemill.app.trackers.exporting import Export
from tidemill.app.trackers.importing import Here, Import
from tidemill.app.trackers.progress import Progress, TransferCancelled
from tidemill.app.trackers.records import Direction, Report, Transfer, TransferStatus
from tidemill.core.access import Actor
from tidemill.core.errors import Conflict, Internal, NotFound, TidemillError
from tidemill.core.ids import new_id
from tidemill.core.moments import Moment, utc_now
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.ledger.rows import record
from tidemill.tracking.ports import GROUP, Credentials, Tracker, TrackerNotFound
from tidemill.tracking.store.tables import transfers

_MOST = 100
_Running = dict[str, tuple[Transfer, Progress, threading.Event]]
"""The transfers under way: as they began, how far they are, and what is set when they are over."""


class TransferNotFound(NotFound):
    """There was no import or export of that id."""

    code = "transfer_not_found"


class TransferRuns(Conflict):
    """The same import or export is under way."""

    code = "transfer_runs"


class TrackerService:
    """The verbs of imports and exports. Each is done by a thread of this process; the verbs say how far it is.

    Args:
        here: The workspace's own parts.
    """

    def __init__(self, here: Here) -> None:
        self._here = here
        self._ledger = here.ledger
        self._lock = threading.Lock()
        self._running: _Running = {}

    def start_import(
        self,
        actor: Actor,
        *,
        tracker: str,
        source: str,
        artifacts: bool = False,
        artifact_root: str = "",
        since: Moment | None = None,
        credentials: Credentials | None = None,
    ) -> Transfer:
        """Begin to take what another tracker holds. Doing it again takes what is new, and doubles nothing.

        Args:
            actor: Who does it.
            tracker: The other tracker's make: `mlflow`.
            source: Its address: `https://HOST`, `sqlite:///PATH` or `postgresql://HOST/NAME`.
            artifacts: Whether to take the files too.
            artifact_root: The folder of the files, where the source is a database.
            since: Only runs that began or ended since then.
            credentials: Who asks there; they are kept in memory and no longer than needed.

        Raises:
            TrackerNotFound: If there is no integration with such a tracker.
            InvalidTracker: If the source is no address of one.
            UnknownSchema: If its database is of an unknown shape.
            TransferRuns: If the same import is under way.
        """
        opened = _find(tracker).source(source, credentials or Credentials(), artifact_root)

        def work(progress: Progress) -> None:
            try:
                Import(self._here, opened, actor, progress, with_files=artifacts, since=since).run()
            finally:
                opened.close()

        try:
            return self._start(actor, "import", tracker, opened.place, work)
        except BaseException:
            opened.close()
            raise

    def start_export(
        self,
        actor: Actor,
        *,
        tracker: str,
        target: str,
        artifacts: bool = False,
        artifact_root: str = "",
        credentials: Credentials | None = None,
    ) -> Transfer:
        """Begin to write what is here to another tracker. Doing it again to a server doubles nothing.

        Args:
            actor: Who does it.
            tracker: The other tracker's make: `mlflow`.
            target: Its address: `https://HOST`, or `sqlite:///PATH` of a database that does not exist yet.
            artifacts: Whether to write the files too.
            artifact_root: The folder of the files, where the target is a database.
            credentials: Who asks there; they are kept in memory and no longer than needed.

        Raises:
            TrackerNotFound: If there is no integration with such a tracker.
            InvalidTracker: If the target is no address of one, or something is there.
            MissingExtra: If making its database needs a library that is not there.
            TransferRuns: If the same export is under way.
        """
        opened = _find(tracker).target(target, credentials or Credentials(), artifact_root)

        def work(progress: Progress) -> None:
            try:
                Export(self._here, opened, progress, with_files=artifacts).run()
            finally:
                opened.close()

        try:
            return self._start(actor, "export", tracker, opened.place, work)
        except BaseException:
            opened.close()
            raise

    def list(self, actor: Actor) -> "list[Transfer]":
        """Return the last imports and exports, newest first."""
        del actor
        query = sa.select(transfers).order_by(transfers.c.started_at.desc()).limit(_MOST)
        running = dict(self._running)
        with self._ledger.read() as connection:
            rows = [record(row) for row in connection.execute(query)]
        return [_told(row, self._running | running) for row in rows]

    def get(self, actor: Actor, *, id: str) -> Transfer:  # noqa: A002 - the word of the API
        """Return how far an import or export is, or what it did.

        Raises:
            TransferNotFound: If there was none of that id.
        """
        del actor
        running = dict(self._running)
        with self._ledger.read() as connection:
            row = connection.execute(sa.select(transfers).where(transfers.c.id == id)).one_or_none()
        if row is None:
            raise TransferNotFound(
                f"There was no transfer {shown(id)}", hint="List them with `tidemill trackers list`."
            )
        return _told(record(row), self._running | running)

    def cancel(self, actor: Actor, *, id: str) -> Transfer:  # noqa: A002 - the word of the API
        """End an import or export at its next step; what it did is kept, and the same asked for again goes on."""
        if running := self._running.get(id):
            running[1].cancel()
            running[2].wait()
        return self.get(actor, id=id)

    def close(self) -> None:
        """End what is under way, as a kill would."""
        for _, progress, over in list(self._running.values()):
            progress.cancel()
            over.wait()

    def _start(
        self, actor: Actor, direction: Direction, tracker: str, place: str, work: Callable[[Progress], None]
    ) -> Transfer:
        progress = Progress()
        transfer = Transfer(
            id=new_id(),
            direction=direction,
            tracker=tracker,
            place=place,
            status=TransferStatus.RUNNING,
            started_at=utc_now(),
            started_by=actor.name,
        )
        over = threading.Event()
        with self._lock:
            for other, _, _ in list(self._running.values()):
                if (other.direction, other.place) == (direction, place):
                    raise TransferRuns(
                        f"This {direction} is under way", hint=f"Look at it: `tidemill trackers show {other.id}`."
                    )
            self._running[transfer.id] = (transfer, progress, over)
        try:
            self._ledger.write(actor, lambda tx: _write(tx, transfer, "begin"))
            words = (actor, transfer, progress, work)
            threading.Thread(target=self._do, args=words, name=f"{direction}-{tracker}", daemon=True).start()
        except BaseException:
            self._leave(transfer)
            raise
        return transfer

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
            self._ledger.write(actor, lambda tx: _write(tx, ended_with, status.value))
        finally:
            self._leave(transfer)


def _find(name: str) -> Tracker:
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        raise TrackerNotFound(
            f"There is no integration with a tracker {shown(name)}", hint=f"There is: {', '.join(sorted(found))}."
        )
    tracker: Tracker = found[name].load()()
    return tracker


def _write(tx: Transaction, transfer: Transfer, what: str) -> None:
    row = {
        "id": transfer.id,
        "direction": transfer.direction,
        "tracker": transfer.tracker,
        "place": transfer.place,
        "status": transfer.status.value,
        "started_at": transfer.started_at,
        "started_by": transfer.started_by,
        "ended_at": transfer.ended_at,
        "report": transfer.report,
    }
    tx.upsert(transfers, row)
    counts = transfer.report.counts
    tx.audit(
        f"tracker.{transfer.direction}.{what}",
        Ref("workspace", "this"),
        transfer=transfer.id,
        place=transfer.place,
        counts=counts,
    )


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
