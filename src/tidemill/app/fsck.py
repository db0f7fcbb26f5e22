"""Is everything still what was written? Finds what is damaged, and names what depends on it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from tidemill.app import references
from tidemill.app.placing import is_workspace, no_workspace
from tidemill.app.records import Finding, FsckReport
from tidemill.core.digests import Digest, InvalidDigest, parse_digest
from tidemill.core.errors import Damaged, TidemillError
from tidemill.ledger import FolderLock, Ledger
from tidemill.ledger.audit import verify_chain
from tidemill.objects import ObjectStore
from tidemill.objects.unsynced import Unsynced

_MOST_NAMED = 20
_MOST_LINES = 100
_LOCK_WAIT_S = 10.0


class Fsck:
    """One check of a workspace.

    Args:
        home: Its folder.
        objects: Its objects.
    """

    def __init__(self, home: Path, objects: ObjectStore) -> None:
        self._home = home
        self._objects = objects
        self._findings: list[Finding] = []
        self._checked: dict[str, int] = {}
        self._wanted: set[bytes] = set()
        self._trees: dict[str, list[str]] = {}

    def run(self, ledger: Ledger | None) -> FsckReport:
        """Look at everything.

        Args:
            ledger: The ledger; None when it could not even be opened, which `tell` has said before.
        """
        # References first, bytes second: an object is stored before the ledger names it, so whatever the ledger named
        # then must be there now, also while others write.
        if ledger:
            with suppress(TidemillError):  # what hinders it is found below
                Unsynced(ledger, self._objects).settle()
            for part, look in (("ledger", self._rows), ("audit", self._chain), ("lineage", self._edges)):
                self._guarded(part, ledger, look)
            self._guarded("ledger", ledger, self._collect)
        self._guarded_file(self._home / "workflows.sqlite", "workflows")
        broken = self._bytes()
        if broken:
            self._name(broken, ledger)
        return FsckReport(is_clean=not self._findings, findings=self._findings, checked=self._checked)

    def tell(self, part: str, subject: str, problem: str, needed_by: list[str] | None = None) -> None:
        """Note a finding."""
        self._findings.append(Finding(part=part, subject=subject, problem=problem, needed_by=needed_by or []))

    def _guarded(self, part: str, ledger: Ledger, look: Callable[[Ledger], None]) -> None:
        try:
            look(ledger)
        except Damaged as error:
            self.tell(part, "the ledger", f"it could not be read to its end: {error.message}", ["everything recorded"])

    def _rows(self, ledger: Ledger) -> None:
        for number, line in enumerate(ledger.damage()):
            if number == _MOST_LINES:
                self.tell("ledger", "the ledger", "there is more damage of this kind")
                return
            self.tell("ledger", "the ledger", line, ["what is recorded there"])

    def _chain(self, ledger: Ledger) -> None:
        with ledger.read() as connection:
            self._checked["audit events"] = references.count_events(connection)
            for broken in verify_chain(connection):
                self.tell("audit", f"audit event {broken.seq}", broken.problem, ["the proof of every event after it"])

    def _edges(self, ledger: Ledger) -> None:
        with ledger.read() as connection:
            self._checked["lineage edges"] = references.count_edges(connection)
            for ref, neighbours in references.missing_ends(connection):
                self.tell("lineage", str(ref), "lineage names it, and it is not there", neighbours[:_MOST_NAMED])

    def _collect(self, ledger: Ledger) -> None:
        with ledger.read() as connection:
            for reference in references.to_objects(connection):
                try:
                    self._wanted.add(bytes.fromhex(parse_digest(reference.digest)))
                except InvalidDigest:
                    self.tell("ledger", reference.place, "it holds no digest where one must be")
        self._checked["references"] = len(self._wanted)

    def _bytes(self) -> dict[str, str]:
        """Return what is wrong with which digest, after reading every object and every tree that is referred to."""
        broken: dict[str, str] = {}
        for damage in self._objects.fsck():
            name = damage.path.removeprefix("objects/").replace("/", "")
            try:
                broken[parse_digest(name)] = damage.problem
            except InvalidDigest:
                self.tell("objects", damage.path, damage.problem)
        stored = {bytes.fromhex(digest) for digest in self._sound_names()}
        self._checked["objects"] = len(stored)
        for raw in list(self._wanted):
            digest = Digest(raw.hex())
            if raw in stored and digest not in broken:
                for needed in references.needs(self._objects, digest):
                    self._wanted.add(bytes.fromhex(needed))
                    self._trees.setdefault(needed, []).append(digest)
        for raw in self._wanted - stored:
            broken[raw.hex()] = "it is missing"
        return broken

    def _sound_names(self) -> Iterator[Digest]:
        for digest in self._objects.digests():
            try:
                yield parse_digest(digest)
            except InvalidDigest:
                continue  # told already

    def _name(self, broken: dict[str, str], ledger: Ledger | None) -> None:
        """Tell of each broken object, with what needs it."""
        needed: dict[str, list[str]] = {digest: [] for digest in broken}
        if ledger:
            try:
                with ledger.read() as connection:
                    trees = {tree for digest in broken for tree in self._trees.get(digest, [])}
                    places = references.needed_by(connection, {*broken, *trees})
            except Damaged:
                places = {}
            for digest, names in needed.items():
                for holder in (digest, *self._trees.get(digest, [])):
                    names += [name for name in places.get(holder, []) if name not in names]
        for digest, problem in sorted(broken.items()):
            path = self._objects.path(Digest(digest)).relative_to(self._objects.root).as_posix()
            self.tell("objects", path, problem, needed[digest][:_MOST_NAMED])

    def _guarded_file(self, path: Path, part: str) -> None:
        """Check an SQLite file of another's with SQLite's own means."""
        if not path.exists():
            return
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                lines = [str(line) for (line,) in connection.execute("PRAGMA integrity_check")]
        except sqlite3.DatabaseError as error:
            lines = [str(error)]
        for line in lines[:_MOST_LINES]:
            if line != "ok":
                self.tell(part, path.name, line, ["what is under way: rollouts, retraining, schedules"])


def check_folder(home: Path, database: str = "") -> FsckReport:
    """Check a workspace in which no process works, however damaged it is.

    Raises:
        WorkspaceMissing: If there is none.
        WorkspaceInUse: If a process works in it.
    """
    if not is_workspace(home, database):
        raise no_workspace(home)
    file = home / "ledger.sqlite"
    lock = FolderLock(home, wait_s=_LOCK_WAIT_S)
    try:
        objects = ObjectStore(home)
        fsck = Fsck(home, objects)
        # A process killed while it made the file leaves it empty, but then nothing was stored yet.
        is_empty = not file.exists() or (file.stat().st_size == 0 and any(objects.digests()))
        if not database and is_empty:
            fsck.tell("ledger", file.name, "it is empty" if file.exists() else "it is missing", ["everything recorded"])
            return fsck.run(None)
        ledger = _opened(database or file, fsck)
        if ledger is None:
            return fsck.run(None)
        with closing(ledger):
            return fsck.run(ledger)
    finally:
        lock.release()


def _opened(place: str | Path, fsck: Fsck) -> Ledger | None:
    try:
        return Ledger.open(place)
    except Damaged as error:
        fsck.tell("ledger", "the ledger", error.message, ["everything recorded"])
        return None
