"""Who works at a place: marks there keep pushes and removals apart, without a lock that a kill would leave closed.

Who begins puts a mark down first and looks for others then, so that of two who begin at once at least one sees the
other. A mark is renewed while its owner lives; by how old it is against one that was written just now, both by the
place's own clock, one is held for dead. Nothing hangs on that being right: a push that was held for dead finds so when
it ends, and looks after its objects once more; a removal looks before each object.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Literal

import msgspec

from tidemill.core.errors import TidemillError
from tidemill.core.ids import new_id
from tidemill.core.moments import Moment, utc_now
from tidemill.data.sharing.errors import DamagedRecord, RemoteBusy
from tidemill.objects.remote import Bucket
from tidemill.objects.remote.errors import RemoteObjectMissing, RemoteUnsafe

RENEWED_S = 30.0
"""How often a mark is renewed."""
DEAD_AFTER = timedelta(minutes=3)
"""How old a mark is whose owner is held for dead."""
FORGOTTEN_AFTER = timedelta(days=7)
"""How long one that was held for dead may sleep and still find out."""
_FOLDER, _TAKEN, _LEFT = "working/now", "working/taken", "working/left"

Doing = Literal["push", "remove"]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody does at a place.

    Args:
        doing: What.
        of: With which version.
        by: Who.
        at: Since when.
        keys: What a removal is about to remove, so that the next one can end it.
    """

    doing: Doing
    of: str
    by: str
    at: Moment
    keys: tuple[str, ...] = ()


class Presence:
    """A mark that stands at a place as long as its owner works.

    Args:
        bucket: The place.
        mark: What it says.
    """

    def __init__(self, bucket: Bucket, mark: Mark) -> None:
        self._bucket = bucket
        self._mark = mark
        self._id = new_id()
        self._over = threading.Event()
        self._writing = threading.Lock()
        self._now: Moment | None = None
        self._adopted: list[str] = []
        self._forgotten: list[str] = []

    def begin(self) -> None:
        """Put the mark down, and look for others.

        Raises:
            RemoteBusy: If a push and a removal would be there together.
        """
        self._write()
        name = "remote-presence"
        threading.Thread(target=self._renew, name=name, daemon=True).start()
        others = self._others()
        self._refuse(others)
        for key, (mark, _) in others.items():
            if mark.doing == "push":
                # Dead, or asleep: when it wakes it finds this.
                self._bucket.put(f"{_TAKEN}/{key}", b"")
                self._bucket.delete(f"{_FOLDER}/{key}")

    def adopt(self) -> list[Mark]:
        """Return what removals that are dead, or that failed, were about; `end` forgets those.

        Raises:
            RemoteBusy: If a removal of the same version is not held for dead.
        """
        adopted: list[Mark] = []
        for key, (mark, is_dead) in self._others().items():
            if mark.doing == "remove" and is_dead:
                self._bucket.put(f"{_TAKEN}/{key}", b"")
                self._adopted.append(f"{_FOLDER}/{key}")
                adopted.append(mark)
            elif mark.doing == "remove" and mark.of == self._mark.of:
                raise RemoteBusy(
                    f"{mark.by} removes {mark.of} at {self._bucket}, since {mark.at:%Y-%m-%d %H:%M} UTC",
                    hint="If that was killed, begin it again in a few minutes.",
                )
        for found in list(self._bucket.list(_LEFT)):
            self._adopted.append(found.key)
            adopted.append(_decode(self._bucket.read(found.key), found.key))
        return adopted

    def now(self) -> Moment:
        """Return the time when others were last looked for, by the clock of the place."""
        return self._now or utc_now()

    def note(self, of: str, keys: Sequence[str]) -> None:
        """Say what is about to be removed."""
        self._mark = msgspec.structs.replace(self._mark, of=of, keys=tuple(keys))
        self._write()

    def is_taken(self) -> bool:
        """Return whether somebody held the owner for dead."""
        return self._bucket.size(f"{_TAKEN}/{self._id}") is not None

    def end(self, *, is_whole: bool) -> None:
        """Take the mark away; what a removal did not remove is left for the next one."""
        self._over.set()
        if is_whole:
            for key in (*self._adopted, *self._forgotten):
                self._bucket.delete(key)
        elif self._mark.keys:
            self._bucket.put(f"{_LEFT}/{self._id}", msgspec.json.encode(self._mark))
        with self._writing:
            self._bucket.delete(f"{_FOLDER}/{self._id}")
            self._bucket.delete(f"{_TAKEN}/{self._id}")

    def _write(self) -> None:
        with self._writing:
            if not self._over.is_set():
                self._bucket.put(f"{_FOLDER}/{self._id}", msgspec.json.encode(self._mark))

    def _renew(self) -> None:
        while not self._over.wait(RENEWED_S):
            with suppress(TidemillError):  # the next time, or the work itself, tells
                self._write()

    def _others(self) -> dict[str, tuple[Mark, bool]]:
        """Return the marks of others by their id, and whether each is so old that its owner is held for dead."""
        self._write()
        listed = list(self._bucket.list(_FOLDER))
        own = f"{_FOLDER}/{self._id}"
        now = next((found.modified_at for found in listed if found.key == own), None)
        if now is None:
            raise RemoteUnsafe(
                f"{self._bucket} does not list what was written just now",
                hint="Use a store, or a way to mount the folder, that shows to everybody at once what one writes.",
            )
        self._now = now
        taken = self._bucket.list(_TAKEN) if self._mark.doing == "remove" else ()
        self._forgotten = [one.key for one in taken if now - one.modified_at > FORGOTTEN_AFTER]
        found: dict[str, tuple[Mark, bool]] = {}
        for one in listed:
            if one.key != own:
                with suppress(RemoteObjectMissing):  # it ended just now
                    mark = _decode(self._bucket.read(one.key), one.key)
                    found[one.key.rpartition("/")[2]] = mark, now - one.modified_at > DEAD_AFTER
        return found

    def _refuse(self, others: dict[str, tuple[Mark, bool]]) -> None:
        for mark, is_dead in others.values():
            if mark.doing == self._mark.doing or (is_dead and mark.doing == "push"):
                continue
            word = "pushes" if mark.doing == "push" else "removes"
            raise RemoteBusy(
                f"{mark.by} {word} {mark.of} at {self._bucket}, since {mark.at:%Y-%m-%d %H:%M} UTC",
                hint="Try again when that is over."
                if mark.doing == "push"
                else "Try again when that is over; if it was killed, the same again ends it, and so does "
                "`tidemill data remote sweep`.",
            )


@contextmanager
def present(bucket: Bucket, doing: Doing, of: str, by: str) -> Iterator[Presence]:
    """Work at a place, where pushes and removals are not there together.

    Args:
        bucket: The place.
        doing: What is done.
        of: With which version.
        by: Who does it.

    Raises:
        RemoteBusy: If the other is done there now.
    """
    here = Presence(bucket, Mark(doing=doing, of=of, by=by, at=utc_now()))
    try:
        here.begin()
        yield here
    except BaseException:
        with suppress(TidemillError):  # the one that is under way is the one to tell
            here.end(is_whole=False)
        raise
    here.end(is_whole=True)


def _decode(content: bytes, key: str) -> Mark:
    try:
        return msgspec.json.decode(content, type=Mark)
    except msgspec.MsgspecError:
        raise DamagedRecord(f"{key} does not say who works there", hint="Remove it if nobody does.") from None
