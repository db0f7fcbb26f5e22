"""What one can do with a workspace as a whole."""

from collections.abc import Iterator
from pathlib import Path

from tidemill.app.backup import take
from tidemill.app.fsck import Fsck, FsckReport
from tidemill.core.access import Actor
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.workflows.store import copy_database


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

    def fsck(self, actor: Actor) -> FsckReport:
        """Check everything that is stored: rows, audit chain, lineage, objects, and that what is named is there."""
        return Fsck(self._home, self._objects).run(self._ledger)

    def backup(self, actor: Actor) -> Iterator[bytes]:
        """Return the bytes of a copy of the whole workspace as it is now, taken while others write.

        Raises:
            UnknownDatabase: If the ledger is on PostgreSQL, which has its own tools for this.
        """

        def work(tx: Transaction) -> None:
            tx.audit("workspace.backup", Ref("workspace", "this"))

        self._ledger.write(actor, work)
        workflows = self._home / "workflows.sqlite"

        def copy_workflows(target: Path) -> None:
            copy_database(workflows, target)

        return take(self._home, self._ledger, self._objects, copy_workflows if workflows.exists() else None)
