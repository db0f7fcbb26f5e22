"""Brings a version to a place: what is lacking there, then the record that makes it visible."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import msgspec

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.ids import new_id
from tidemill.core.moments import utc_now
from tidemill.core.refs import Ref
from tidemill.data import store
from tidemill.data.records import DatasetVersion
from tidemill.data.sharing.errors import DatasetDiverged
from tidemill.data.sharing.moved import Moved, Watcher
from tidemill.data.sharing.presence import present
from tidemill.data.sharing.records import FORMAT, SharedObject, SharedVersion
from tidemill.data.sharing.shelf import Shelf
from tidemill.ledger import Ledger
from tidemill.ledger.lineage import trace
from tidemill.objects import ObjectStore
from tidemill.objects.digest import digest_bytes
from tidemill.objects.packs.layout import Layout
from tidemill.objects.packs.moving import Pack, plan_move, relaid
from tidemill.objects.packs.reading import read_chunks
from tidemill.objects.remote import RemoteStore
from tidemill.objects.remote.store import PULLING, Stored

_EARLIER = 3
_MOST_EDGES = 200


class Push:
    """One push.

    Args:
        ledger: Where the version stands.
        objects: Where its objects are.
        remote: Where it goes.
        atomic: Whether that place refuses a second record by itself.
        watcher: Is told how far it is.
    """

    def __init__(
        self, ledger: Ledger, objects: ObjectStore, remote: RemoteStore, watcher: Watcher, *, atomic: bool
    ) -> None:
        self._ledger = ledger
        self._objects = objects
        self._remote = remote
        self._shelf = Shelf(remote.bucket)
        self._atomic = atomic
        self._watcher = watcher

    def run(self, actor: Actor, version: DatasetVersion) -> Moved:
        """Bring a version there, or what of it is lacking.

        Raises:
            DatasetDiverged: If the place has another version of that number.
            RemoteBusy: If somebody removes a version there.
            ObjectMissing: If an object of it is not here.
            DamagedObject: If one is not what was stored.
        """
        with present(self._remote.bucket, "push", version.ref, actor.name) as here:
            moved = self._run(actor, version)
            is_taken = here.is_taken()
        if is_taken:
            # It stood still for so long that a removal did not wait for it, and may have removed what it found there.
            with present(self._remote.bucket, "push", version.ref, actor.name):
                self._run(actor, version)
        return moved

    def _run(self, actor: Actor, version: DatasetVersion) -> Moved:
        there = self._shelf.read(version.dataset, version.number)
        if there is None:
            moved = self._bring(actor, version)
        else:
            self._check_same(version, there)
            moved = self._complete(version, there)
        for tag in version.tags:
            self._shelf.tag(version.dataset, tag, version.number)
        return moved

    def _complete(self, version: DatasetVersion, there: SharedVersion) -> Moved:
        """Bring what a place lost of a version that it has."""
        needed = [Stored(found.digest, found.size) for found in there.objects]
        lost = self._remote.missing(needed)
        self._watcher.begin(f"push {version.ref}", sum(stored.size for stored in lost))
        moved = self._remote.push(self._objects, lost, self._watcher.step)
        return Moved.of(version, needed, moved, is_new=False)

    def _bring(self, actor: Actor, version: DatasetVersion) -> Moved:
        needed = [Stored(digest, self._objects.size(digest)) for digest in dict.fromkeys(_plain(version))]
        self._watcher.begin(f"push {version.ref}", sum(stored.size for stored in needed))
        moved = self._remote.push(self._objects, needed, self._watcher.step)
        if version.layout_digest is not None:
            layout, sent = self._bring_files(version, version.layout_digest)
            content = layout.encode()
            placed = Stored(digest_bytes(content), len(content))
            version = msgspec.structs.replace(version, layout_digest=placed.digest)
            with self._scratch() as scratch:
                scratch.put_bytes(content)
                moved += sent + self._remote.push(scratch, [placed], self._watcher.step)
            needed += [placed, *(Stored(*pack) for pack in layout.packs)]
        return Moved.of(version, needed, moved, is_new=self._record(actor, version, needed))

    def _bring_files(self, version: DatasetVersion, layout_digest: Digest) -> tuple[Layout, int]:
        """Bring the chunks of files, and return where they lie there and how many bytes had to be moved."""
        layout = Layout.decode(self._objects.read(layout_digest))
        earlier = self._earlier(version.dataset)
        named = {one.digest for found in earlier for one in found.objects}

        def has(pack: Pack) -> bool:
            # What a version names is whole; what an unfinished push left is looked at piece by piece.
            return (self._remote.has if pack[0] in named else self._remote.has_whole)(Stored(*pack))

        move = plan_move(layout, cache(has), self._layouts_there(earlier))
        whole = [Stored(*pack) for pack in move.whole]
        rest = sum(chunk.length for chunks in move.chunks for chunk in chunks)
        self._watcher.begin(f"push files of {version.ref}", sum(stored.size for stored in whole) + rest)
        moved = self._remote.push(self._objects, whole, self._watcher.step)
        made: list[Pack] = []
        for chunks in move.chunks:
            with self._scratch() as scratch, scratch.incoming() as coming:
                for content in read_chunks(self._objects, layout, chunks):
                    coming.write(content)
                pack = coming.finish()
                moved += self._remote.push(scratch, [Stored(*pack)], self._watcher.step)
                made.append(pack)
        return relaid(layout, move, made), moved

    def _earlier(self, name: str) -> list[SharedVersion]:
        """Return the latest versions that are there."""
        numbers = [number for found in self._shelf.list(name) if found.name == name for number in found.numbers]
        found = [self._shelf.read(name, number) for number in numbers[: -_EARLIER - 1 : -1]]
        return [one for one in found if one is not None]

    def _layouts_there(self, earlier: Sequence[SharedVersion]) -> Iterator[Layout]:
        """Yield the layouts of versions that are there: their chunks need not be moved."""
        for found in earlier:
            if digest := found.version.layout_digest:
                stored = next(Stored(one.digest, one.size) for one in found.objects if one.digest == digest)
                yield Layout.decode(self._remote.read_all(stored))

    def _record(self, actor: Actor, version: DatasetVersion, needed: Sequence[Stored]) -> bool:
        with self._ledger.read() as connection:
            dataset = store.find_dataset(connection, version.dataset)
            came_from = trace(connection, Ref("dataset_version", version.id), "up", limit=_MOST_EDGES)
        shared = SharedVersion(
            format=FORMAT,
            version=msgspec.structs.replace(version, tags=(), created=False),
            description=dataset.description if dataset else "",
            objects=tuple(SharedObject(stored.digest, stored.size) for stored in needed),
            lineage=tuple(f"{edge.source} {edge.relation} {edge.target}" for edge in came_from.edges),
            pushed_at=utc_now(),
            pushed_by=actor.name,
        )
        if self._shelf.write(shared, atomic=self._atomic):
            return True
        # Somebody was faster: with the same version that is as good.
        there = self._shelf.read(version.dataset, version.number)
        if there is not None:
            self._check_same(version, there)
        return False

    def _check_same(self, version: DatasetVersion, there: SharedVersion) -> None:
        other = there.version
        if (other.digest, other.report_digest) != (version.digest, version.report_digest):
            raise DatasetDiverged(
                f"{self._remote.bucket} has another {version.ref}, "
                f"pushed by {there.pushed_by} on {there.pushed_at:%Y-%m-%d}",
                hint="Pull it with `--as ANOTHER-NAME`, and compare; then add yours again for a number of its own.",
            )

    @contextmanager
    def _scratch(self) -> Iterator[ObjectStore]:
        """Give a store for what is made for the place only."""
        folder = self._objects.root / PULLING / new_id()
        try:
            yield ObjectStore(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _plain(version: DatasetVersion) -> Iterator[Digest]:
    """Yield every object of a version, but where its files lie."""
    yield version.digest
    for part in version.parts:
        yield from part.digests
    yield from (digest for digest in (version.profile_digest, version.report_digest) if digest)
