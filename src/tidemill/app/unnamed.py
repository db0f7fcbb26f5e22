"""Objects that nothing names any more leave the store, while others write.

Whoever stores bytes, or relies on some that are there, makes the object young, and names it in the ledger within a day,
or before the pipeline ends that it runs in. So an object that is older and that the ledger does not name is not needed
by anybody, and nobody can come to need it without making it young.
"""

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import NamedTuple

from tidemill.app import references
from tidemill.core.digests import Digest, InvalidDigest, parse_digest
from tidemill.core.moments import Moment, utc_now
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger
from tidemill.objects import ObjectMissing, ObjectStore
from tidemill.pipelines.store import working_since

GRACE = timedelta(days=1)
"""How long what was stored may wait to be named."""


class Amount(NamedTuple):
    """Some objects: how many, and their size."""

    objects: int = 0
    size_bytes: int = 0

    def plus(self, size_bytes: int) -> "Amount":
        """Return this and one more."""
        return Amount(self.objects + 1, self.size_bytes + size_bytes)


class Found(NamedTuple):
    """Objects that nothing names.

    Args:
        old: Those that may go.
        size_bytes: The size of those.
        young: Those that somebody may be about to name.
        before: The moment that parts them.
    """

    old: list[Digest]
    size_bytes: int
    young: Amount
    before: Moment


class Unnamed:
    """Finds and removes objects that nothing names.

    Args:
        ledger: Names what is needed.
        objects: All objects.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore) -> None:
        self._ledger = ledger
        self._objects = objects

    def find(self, without: Collection[Ref] = ()) -> Found:
        """Return the objects that nothing names, or only the rows of some things do.

        Raises:
            Damaged: If a tree cannot be read, so that it is not known which files it needs.
        """
        now = utc_now()
        with self._ledger.read() as connection:
            working = working_since(connection, now)
            wanted = references.mentioned(connection, without)
        before = min(now - GRACE, working or now)
        wanted |= self._in_trees(wanted)
        old, size, young = [], 0, Amount()
        for digest in self._stored():
            if bytes.fromhex(digest) in wanted:
                continue
            try:
                state = self._objects.path(digest).stat()
            except FileNotFoundError:
                continue
            if state.st_mtime < before.timestamp():
                old.append(digest)
                size += state.st_size
            else:
                young = young.plus(state.st_size)
        return Found(old, size, young, before)

    def remove(self, found: Found) -> Amount:
        """Remove what was found, unless somebody touched or named it meanwhile; return what went."""
        leaving, before_s = self._objects.leaving, found.before.timestamp()
        aside: dict[Digest, int] = {}
        try:
            for digest in found.old:
                if (size := leaving.set_aside(digest, before_s)) is not None:
                    aside[digest] = size
            self._put_back_what_is_named(aside)
        except BaseException:  # it is not known which of them are needed
            for digest in aside:
                leaving.put_back(digest)
            raise
        gone = Amount()
        for digest, size in aside.items():
            leaving.delete(digest)
            gone = gone.plus(size)
        return gone

    def _put_back_what_is_named(self, aside: dict[Digest, int]) -> None:
        if not aside:
            return
        with self._ledger.read() as connection:
            wanted = references.mentioned(connection)
        # First the trees themselves, so that it can be read which files they need.
        self._put_back(aside, wanted)
        self._put_back(aside, self._in_trees(wanted))

    def _put_back(self, aside: dict[Digest, int], needed: set[bytes]) -> None:
        for digest in [each for each in aside if bytes.fromhex(each) in needed]:
            self._objects.leaving.put_back(digest)
            del aside[digest]

    def _in_trees(self, wanted: set[bytes]) -> set[bytes]:
        found: set[bytes] = set()
        for raw in wanted:
            try:
                needed = references.needs(self._objects, Digest(raw.hex()))
            except ObjectMissing:
                continue  # what looks like a digest may be of something else; a lost object is for fsck to tell
            found |= {bytes.fromhex(digest) for digest in needed}
        return found

    def _stored(self) -> Iterator[Digest]:
        for name in self._objects.digests():
            try:
                yield parse_digest(name)
            except InvalidDigest:
                continue  # for fsck to tell
