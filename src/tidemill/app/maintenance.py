"""What one can do with a workspace as a whole."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec

from tidemill.app import removal, trash
from tidemill.app.choices import counted
from tidemill.app.copying import take
from tidemill.app.fsck import Fsck
from tidemill.app.records import Collection, FsckReport, Kept, Kind, Trashed, TrashPage
from tidemill.app.repacking import Repacked, Repacking
from tidemill.app.trackers.progress import Progress
from tidemill.app.trackers.records import Report
from tidemill.app.turns import Lasting, Turns
from tidemill.app.unnamed import Amount, Unnamed
from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput
from tidemill.core.moments import Moment, parse_duration, utc_now
from tidemill.core.refs import Ref
from tidemill.data.labels.deleting import end_all
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.objects.unsynced import Unsynced
from tidemill.tracking.paging import page_of
from tidemill.workflows.store import copy_database

_MOST_KEPT = 100
_MOST_LISTED = 1000
_LONGEST = timedelta(days=36_500)


class MaintenanceService:
    """The verbs of keeping a workspace sound.

    Args:
        home: Its folder.
        ledger: Its ledger.
        objects: Its objects.
    """

    local = frozenset({"backup"})

    def __init__(self, home: Path, ledger: Ledger, objects: ObjectStore) -> None:
        self._home = home
        self._ledger = ledger
        self._objects = objects
        self._turns = Turns()
        self._collecting: Progress | None = None

    def fsck(self, actor: Actor) -> FsckReport:
        """Check everything that is stored: rows, audit chain, lineage, objects, and that what is named is there."""
        with self._turns.together():
            return Fsck(self._home, self._objects).run(self._ledger)

    def gc(self, actor: Actor, *, older_than: str = "30d", dry_run: bool = False) -> Collection:
        """Remove for good what was in the trash for long, and the objects that nothing names any more.

        Args:
            actor: Who does it.
            older_than: How long a thing must have been in the trash, such as `30d` or `0s`.
            dry_run: Only say what would go.

        Raises:
            InvalidDuration: If the time is none.
            MaintenanceBusy: If a check, a backup or another collection is under way and does not end soon.
            Damaged: If a tree cannot be read, so that it is not known which files are needed; then no object goes.
        """
        before = _before(older_than)
        with self._turns.alone():
            # What waits in the ledger is named there, and takes no space.
            Unsynced(self._ledger, self._objects).settle()
            if dry_run:
                with self._ledger.read() as connection:
                    going, kept = removal.plan(connection, before)
                found = Unnamed(self._ledger, self._objects).find(without=going)
                made = _collection(dict(counted(going)), kept, len(found.old), found.size_bytes, found.young)
                return _with(made, Repacking(self._ledger, self._objects).find(going))
            self._collecting = progress = Progress()
            try:
                made = self._collect(actor, before, progress)
            finally:
                self._collecting = None

            def work(tx: Transaction) -> None:
                facts = {"older_than": older_than, "removed": made.removed, "objects": made.objects}
                tx.audit("workspace.gc", Ref("workspace", "this"), **facts, size_bytes=made.size_bytes)

            self._ledger.write(actor, work)
            return made

    def collecting(self, actor: Actor) -> Report:
        """Return how far the `gc` is that is under way; one in which nothing is done when there is none."""
        del actor
        progress = self._collecting
        return progress.report() if progress else Report()

    def list_trash(
        self,
        actor: Actor,
        *,
        kind: Kind | None = None,
        older_than: str = "30d",
        max_results: int = 100,
        page_token: str = "",
    ) -> TrashPage:
        """Return what is in the trash, what was put there last first.

        Args:
            actor: Who asks.
            kind: Only things of this kind; all when left out.
            older_than: The time that `gc` is given, by which is said from when on it removes each.
            max_results: The most to return; 1 to 1,000.
            page_token: The token of the page before.

        Raises:
            InvalidDuration: If the time is none.
        """
        del actor
        keep = _long(older_than)
        with self._ledger.read() as connection:

            def find(limit: int, offset: int) -> list[Trashed]:
                return trash.find(connection, kind, keep, limit, offset)

            items, token = page_of(find, max_results=max_results, most=_MOST_LISTED, page_token=page_token)
        return TrashPage(items=items, next_page_token=token)

    def backup(self, actor: Actor) -> Iterator[bytes]:
        """Return the bytes of a copy of the whole workspace as it is now, taken while others write.

        Raises:
            UnknownDatabase: If the ledger is on PostgreSQL, which has its own tools for this.
        """

        def work(tx: Transaction) -> None:
            tx.audit("workspace.backup", Ref("workspace", "this"))

        workflows = self._home / "workflows.sqlite"

        def copy_workflows(target: Path) -> None:
            copy_database(workflows, target)

        leave = self._turns.join()
        try:
            self._ledger.write(actor, work)
            copy = copy_workflows if workflows.exists() else None
            return Lasting(take(self._home, self._ledger, self._objects, copy), leave)
        except BaseException:
            leave()
            raise

    def _collect(self, actor: Actor, before: Moment, progress: Progress) -> Collection:
        end_all(self._ledger, actor)
        kept = removal.remove(self._ledger, actor, before, progress)
        progress.begin("looking for objects that nothing names")
        unnamed = Unnamed(self._ledger, self._objects)
        found = unnamed.find()
        progress.begin("objects", len(found.old))
        gone = unnamed.remove(found)
        removed = progress.report().counts
        made = _collection(removed, kept, gone.objects, gone.size_bytes, found.young, is_dry_run=False)
        return _with(made, Repacking(self._ledger, self._objects).run(actor, progress))


def _with(made: Collection, repacked: Repacked) -> Collection:
    return msgspec.structs.replace(
        made, repacked=repacked.packs, repacked_bytes=repacked.size_bytes, problem=repacked.problem
    )


def _before(older_than: str) -> Moment:
    return utc_now() - _long(older_than)


def _long(older_than: str) -> timedelta:
    long = parse_duration(older_than)
    if long > _LONGEST:
        raise InvalidInput(f"{older_than} is too long a time", hint=f"Give at most {_LONGEST.days} days.")
    return long


def _collection(
    removed: dict[str, int], kept: list[Kept], objects: int, size_bytes: int, young: Amount, *, is_dry_run: bool = True
) -> Collection:
    return Collection(
        is_dry_run=is_dry_run,
        removed=removed,
        kept=kept[:_MOST_KEPT],
        objects=objects,
        size_bytes=size_bytes,
        young_objects=young.objects,
        young_bytes=young.size_bytes,
    )
