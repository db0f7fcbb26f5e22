"""Takes a version from a place: what is lacking here, then the row that makes it visible."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import msgspec
import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.errors import Damaged, NotFound
from tidemill.core.ids import new_id
from tidemill.core.refs import Ref
from tidemill.data import store
from tidemill.data.errors import DatasetMoved, DatasetVersionInTrash
from tidemill.data.records import DatasetKind, DatasetVersion
from tidemill.data.rules import DatasetRef, manifest
from tidemill.data.sharing.errors import DamagedRecord, DatasetDiverged
from tidemill.data.sharing.moved import Moved, Watcher
from tidemill.data.sharing.records import SharedVersion
from tidemill.data.sharing.repair import damaged_aside, stored_of
from tidemill.data.sharing.shelf import Shelf
from tidemill.data.sharing.store import insert_shared
from tidemill.data.trash import find_removed, find_trashed, is_dataset_trashed, removed_versions
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.objects.digest import digest_bytes
from tidemill.objects.packs.layout import Chunk, Layout
from tidemill.objects.packs.manifest import decode_files
from tidemill.objects.packs.moving import Pack, plan_move, relaid
from tidemill.objects.remote import RemoteStore
from tidemill.objects.remote.errors import RemoteDamaged
from tidemill.objects.remote.pieces import Slot
from tidemill.objects.remote.store import Stored

_ID = re.compile("[0-9a-f]{32}")
_GAP = 64 << 10
_RANGE = 8 << 20
_READS = 3
_EARLIER = 8


class Pull:
    """One pull.

    Args:
        ledger: Where the version will stand.
        objects: Where its objects will be.
        remote: Where it comes from.
        watcher: Is told how far it is.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore, remote: RemoteStore, watcher: Watcher) -> None:
        self._ledger = ledger
        self._objects = objects
        self._remote = remote
        self._shelf = Shelf(remote.bucket)
        self._watcher = watcher

    def run(self, actor: Actor, ref: DatasetRef, name: str = "", *, repair: bool = False) -> Moved:
        """Take a version, or what of it is lacking.

        Args:
            actor: Who does it.
            ref: Which one.
            name: How the dataset is called here; the same when left out.
            repair: Whether what is here already is read, and what of it is damaged taken anew.

        Raises:
            DatasetNotFound: If the place has no such dataset.
            DatasetVersionNotFound: If it has no such version.
            DatasetDiverged: If another version of that number is here.
            RemoteObjectMissing: If the place lost an object.
            RemoteDamaged: If an object there is not what was pushed.
        """
        shared = self._shelf.find(ref)
        version = msgspec.structs.replace(shared.version, dataset=name or ref.dataset)
        _check_whole(version)
        here = self._here(version)
        if not repair:
            return self._take(actor, ref, shared, version, is_new=here is None)
        stored = [*_plain(version), *stored_of(self._objects, here.layout_digest if here else None)]
        with damaged_aside(self._objects, stored, self._watcher) as damaged:
            done = self._take(actor, ref, shared, version, is_new=here is None)
        return replace(done, repaired=len(damaged))

    def _take(
        self, actor: Actor, ref: DatasetRef, shared: SharedVersion, version: DatasetVersion, *, is_new: bool
    ) -> Moved:
        sizes = {found.digest: found.size for found in shared.objects}
        plain = list(dict.fromkeys(_plain(version)))
        if not sizes.keys() >= set(plain):
            raise _incomplete(version)
        needed = [Stored(digest, sizes[digest]) for digest in plain]
        self._watcher.begin(f"pull {version.ref}", sum(stored.size for stored in needed))
        moved = self._remote.pull(self._objects, needed, self._watcher.step)
        held = [stored.digest for stored in needed]
        if version.layout_digest is not None:
            if version.layout_digest not in sizes:
                raise _incomplete(version)
            layout, sent = self._files(version, Stored(version.layout_digest, sizes[version.layout_digest]))
            version = msgspec.structs.replace(version, layout_digest=self._objects.put_bytes(layout.encode()))
            moved += sent
            held += [digest for digest, _ in layout.packs]
        if not self._objects.hold_all(held):
            raise DatasetMoved("What was pulled first was collected before the end", hint="Pull it again.")
        tags = [found.tags for found in self._shelf.list(ref.dataset) if found.name == ref.dataset]
        tagged = sorted(tag for some in tags for tag, number in some.items() if number == version.number)
        kept = self._keep(actor, version, shared, tagged)
        everything = [Stored(digest, size) for digest, size in sizes.items()]
        return Moved.of(kept, everything, moved, is_new=is_new)

    def _here(self, version: DatasetVersion) -> DatasetVersion | None:
        with self._ledger.read() as connection:
            return _same(connection, version, self._remote)

    def _files(self, version: DatasetVersion, stored: Stored) -> tuple[Layout, int]:
        """Take the chunks of files, and return where they lie here and how many bytes had to be moved."""
        content = self._remote.read_all(stored)
        layout = Layout.decode(content)
        files = decode_files(self._objects.read(version.digest)).files
        sizes = [sum(layout.chunk(number).length for number in layout.chunks_of(file)) for file in range(layout.files)]
        if sizes != [entry.size for entry in files] or version.files != layout.files:
            raise _incomplete(version)
        with self._ledger.read() as connection:
            trees = [found for found in store.list_versions(connection, version.dataset) if found.layout_digest]
            trees = [*trees[:_EARLIER], *store.latest_trees(connection, version.dataset)]
        digests = dict.fromkeys(tree.layout_digest for tree in trees if tree.layout_digest)
        others = self._layouts(digests)
        move = plan_move(layout, lambda pack: self._objects.leaving.touch(pack[0]), others)
        whole = [Stored(*pack) for pack in move.whole]
        rest = sum(chunk.length for chunks in move.chunks for chunk in chunks)
        self._watcher.begin(f"pull files of {version.ref}", sum(stored.size for stored in whole) + rest)
        moved = len(content) + self._remote.pull(self._objects, whole, self._watcher.step)
        made: list[Pack] = []
        for chunks in move.chunks:
            pack, sent = self._pack(layout, chunks)
            made.append(pack)
            moved += sent
        return relaid(layout, move, made), moved

    def _layouts(self, digests: Iterable[Digest]) -> Iterator[Layout]:
        for digest in digests:
            with suppress(Damaged, NotFound):  # what it would tell is moved instead
                yield Layout.decode(self._objects.read(digest))

    def _pack(self, layout: Layout, chunks: Sequence[Chunk]) -> tuple[Pack, int]:
        """Make a pack of just some chunks, from ranges of packs there."""
        where = {Digest(chunk.digest.hex()): chunk for chunk in chunks}
        offset, groups = 0, []
        for group in _near(chunks):
            slots = []
            for chunk in group:
                slots.append(Slot(offset, chunk.length, Digest(chunk.digest.hex())))
                offset += chunk.length
            groups.append(slots)

        def fetch(slots: Sequence[Slot]) -> list[bytes]:
            some = [where[slot.digest] for slot in slots]
            return self._range(Stored(*layout.packs[some[0].pack]), some)

        name = digest_bytes(b"".join(chunk.digest for chunk in chunks))
        made = self._remote.fill(self._objects, f"pack-{name}", groups, self._watcher.step, fetch=fetch)
        return (made.digest, made.size), made.moved

    def _range(self, pack: Stored, chunks: Sequence[Chunk]) -> list[bytes]:
        """Return the verified bytes of chunks that lie near one another in a pack."""
        start, end = chunks[0].offset, chunks[-1].offset + chunks[-1].length
        for _ in range(_READS):
            content = memoryview(self._remote.range(pack, start, end))
            found = [bytes(content[chunk.offset - start :][: chunk.length]) for chunk in chunks]
            if all(digest_bytes(one) == chunk.digest.hex() for one, chunk in zip(found, chunks, strict=True)):
                return found
        raise RemoteDamaged(
            f"A chunk in pack {pack.digest} at {self._remote.bucket} is not what was pushed",
            hint="Remove the pack there, and push the version again from a workspace that has it.",
        )

    def _keep(
        self, actor: Actor, version: DatasetVersion, shared: SharedVersion, tags: Sequence[str]
    ) -> DatasetVersion:
        def work(tx: Transaction) -> DatasetVersion:
            found = _same(tx.connection, version, self._remote)
            if found is None:
                known = store.find_version_by_id(tx.connection, version.id) or find_removed(tx.connection, version.id)
                taken = known is not None or not _ID.fullmatch(version.id)
                found = msgspec.structs.replace(version, id=new_id() if taken else version.id, created=True)
                insert_shared(tx.connection, found, shared.description, actor.name, tx.now)
                self._trail(tx, found, shared)
            elif found.layout_digest != version.layout_digest:  # of the old one something was lacking
                self._lay_anew(tx, found, version)
            self._tag(tx, found, tags)
            return found

        return self._ledger.write(actor, work)

    def _trail(self, tx: Transaction, version: DatasetVersion, shared: SharedVersion) -> None:
        target = Ref("dataset_version", version.id)
        for digest in dict.fromkeys([file.digest for file in version.source.files] or [version.digest]):
            tx.link(Ref("source", digest), "ingested", target)
        before = store.find_version(tx.connection, DatasetRef(version.dataset, number=version.number - 1))
        if before is not None:
            tx.link(Ref("dataset_version", before.id), "previous", target)
        tx.audit(
            "dataset.pull",
            target,
            dataset=version.dataset,
            number=version.number,
            digest=version.digest,
            place=str(self._remote.bucket),
            pushed_by=shared.pushed_by,
            lineage=list(shared.lineage),
        )

    def _lay_anew(self, tx: Transaction, found: DatasetVersion, version: DatasetVersion) -> None:
        table = store.dataset_versions
        tx.execute(sa.update(table).where(table.c.id == found.id).values(layout_digest=version.layout_digest))
        tx.audit("dataset.repair", Ref("dataset_version", found.id), place=str(self._remote.bucket))

    def _tag(self, tx: Transaction, version: DatasetVersion, tags: Sequence[str]) -> None:
        """Set tags that came along; one that points elsewhere here stays."""
        known = set(store.tags_of(tx.connection, version.dataset))
        for tag in tags:
            if tag not in known:
                row = {
                    "dataset": version.dataset,
                    "tag": tag,
                    "number": version.number,
                    "set_at": tx.now,
                    "set_by": tx.actor.name,
                }
                tx.execute(sa.insert(store.dataset_tags).values(row))
                tx.audit("dataset.tag", Ref("dataset_version", version.id), tag=tag)


def _same(connection: sa.Connection, version: DatasetVersion, remote: RemoteStore) -> DatasetVersion | None:
    """Return a version if it is here already.

    Raises:
        DatasetDiverged: If another one of that number is, or was.
        DatasetVersionInTrash: If it lies in the trash.
    """
    ref = DatasetRef(version.dataset, number=version.number)
    if find_trashed(connection, ref):
        whole = version.dataset if is_dataset_trashed(connection, version.dataset) else version.ref
        raise DatasetVersionInTrash(
            f"{version.ref} lies in the trash here",
            hint=f"Take it out with `tidemill data restore {whole}`, or pull it under another name with `--as NAME`.",
        )
    here = store.find_version(connection, ref, parts=True)
    gone = removed_versions(connection, version.dataset, version.number)
    is_other = any(one.digest != version.digest for one in gone)
    if is_other or (here is not None and (here.digest, here.report_digest) != (version.digest, version.report_digest)):
        raise DatasetDiverged(
            f"{version.ref} here is not {version.ref} at {remote.bucket}",
            hint="Pull it under another name with `--as NAME`.",
        )
    return here


def _check_whole(version: DatasetVersion) -> None:
    """Refuse a record that is not of the content that its digest names.

    Raises:
        DamagedRecord: If it is such.
    """
    if version.kind is not DatasetKind.TABLE:
        is_sound = version.layout_digest is not None
    else:
        named = digest_bytes(manifest(version.columns, version.key, version.time, version.parts))
        rows = sum(part.rows for part in version.parts), sum(part.rows_read for part in version.parts)
        is_sound = (
            version.layout_digest is None and named == version.digest and rows == (version.rows, version.rows_read)
        )
    if not is_sound:
        raise DamagedRecord(f"The record of {version.ref} is not of what its digest names", hint="Push it again.")


def _plain(version: DatasetVersion) -> Iterator[Digest]:
    """Yield every object of a version, but where its files lie."""
    yield version.digest
    for part in version.parts:
        yield from part.digests
    yield from (digest for digest in (version.profile_digest, version.report_digest) if digest)


def _near(chunks: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    """Part chunks that come by pack and offset into groups, each of which is fetched in one range."""
    group: list[Chunk] = []
    for chunk in chunks:
        if group:
            last = group[-1]
            gap = chunk.offset - (last.offset + last.length)
            if chunk.pack != last.pack or gap > _GAP or chunk.offset + chunk.length - group[0].offset > _RANGE:
                yield group
                group = []
        group.append(chunk)
    if group:
        yield group


def _incomplete(version: DatasetVersion) -> DamagedRecord:
    return DamagedRecord(f"The record of {version.ref} does not name all that it needs", hint="Push the version again.")
