"""Make a version of files as they are: a folder, or files that were named."""

import os
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.lazy import lazy
from tidemill.core.moments import from_us
from tidemill.core.names import shown
from tidemill.data import store
from tidemill.data.disk import plain_disk
from tidemill.data.errors import EmptySource, InvalidOption
from tidemill.data.records import DatasetKind, DatasetVersion, Source, SourceFile
from tidemill.data.rules import DatasetRef
from tidemill.data.service.place import Place
from tidemill.data.service.underway import Tell
from tidemill.data.sources.locate import Found
from tidemill.objects import UnsafePath
from tidemill.objects.packs.adding import Addition
from tidemill.objects.packs.folder import StoredFiles
from tidemill.objects.packs.known import MOST, Known
from tidemill.objects.packs.manifest import FileEntry, decode_files
from tidemill.objects.packs.seen import Look, Seen, State, kept_look, look_at_file, looks_of, states_below

if TYPE_CHECKING:
    from tidemill.data.service import recording
    from tidemill.data.service.recording import Draft, Order
else:
    recording = lazy("tidemill.data.service.recording")  # whoever only looks at a folder records nothing


class Looked(NamedTuple):
    """Files to add.

    Args:
        states: What they look like, by path.
        place: Gives where the file of a path is.
        folder: What their paths start from; also the name under which the look at them is kept.
        taken_ns: When the looking began, in nanoseconds since 1970.
        is_named: Whether files were named, not a folder.
    """

    states: dict[str, State]
    place: Callable[[str], str]
    folder: Path
    taken_ns: int
    is_named: bool = False

    def looks(self) -> list[Look]:
        """Return looks at them, in order of path."""
        return looks_of(self.states)


def look(found: Found) -> Looked:
    """Return a look at what a source names.

    Raises:
        UnsafePath: If a folder holds a symbolic link, a device, or a name that cannot be kept.
    """
    taken = time.time_ns()
    if folder := found.folder:
        base = str(folder)
        return Looked(states_below(folder), lambda path: os.path.join(base, path), folder, taken)  # noqa: PTH118 - many
    by_name = {Path(file.name).name if len(found.files) == 1 else file.name: file.path for file in found.files}
    looks = [look_at_file(path, name) for name, path in by_name.items()]
    where = Path(os.path.commonpath([file.path for file in found.files]))
    states = {each.path: each[1:] for each in looks}
    return Looked(states, lambda path: str(by_name[path]), where, taken, is_named=True)


def ingest_files(place: Place, actor: Actor, order: "Order", found: Found) -> DatasetVersion:
    """Make a version of files, or return the latest one when it holds the same.

    Files that look as they did at the last time are not read, and of the others only new chunks are stored.

    Raises:
        EmptySource: If there are none.
        FileChanged: If one changes while it is read.
    """
    looked = look(found)
    if not looked.states:
        raise EmptySource(f"{shown(order.uri)} holds no files", hint="Give a folder with files.")
    with place.ledger.read() as connection:
        latest = store.find_version(connection, DatasetRef(order.name), parts=True)
    base = latest if latest and latest.layout_digest else None
    if latest and base is None and order.append:
        raise InvalidOption(
            f"{latest.ref} is a table, to which no files can be appended",
            hint="Give the files a dataset of their own, or leave out --append.",
        )
    seen = place.seen.find(order.name, looked.folder)
    if base and not order.append and _is_all_unchanged(place, base, seen, looked):
        return msgspec.structs.replace(base, created=False)
    with plain_disk(place.objects.root), place.works.begin(order.name, "bytes added") as tell:
        draft = _draft(place, order, base, seen, looked, tell)
    made = recording.record(place, actor, order, draft, base.id if base and order.append else None)
    place.seen.keep(order.name, looked.folder, Seen(made.digest, looked.taken_ns, looked.states))
    return made


def _is_all_unchanged(place: Place, base: DatasetVersion, seen: Seen | None, looked: Looked) -> bool:
    if seen is None or seen.version != base.digest or len(looked.states) != base.files:
        return False
    return place.objects.has(base.digest) and seen.is_all_unchanged(looked.states)


def _draft(
    place: Place, order: "Order", base: DatasetVersion | None, seen: Seen | None, looked: Looked, tell: Tell
) -> "Draft":
    known = Known(place.objects)
    looks = looked.looks()
    if base and base.layout_digest:
        with StoredFiles(place.objects, base.digest, base.layout_digest) as files:
            is_whole = known.learn(files.layout)
            is_of_base = is_whole and seen and seen.version == base.digest
            trusted = seen if seen and is_of_base else Seen(base.digest, 0, {})
            known.trust(trusted, files.manifest, files.layout)
            if order.append:
                looks = sorted([*looks, *_staying(base, files.entries, looked.states)])
    _learn_others(place, known, order.name)
    added = Addition(place.objects, known, tell).add(looks, looked.place)
    return recording.Draft(
        kind=DatasetKind.TREE,
        digest=added.manifest,
        layout_digest=added.layout,
        files=added.files,
        source=Source(uri=order.uri, files=_named(place, added.manifest, looked) if looked.is_named else ()),
        size_bytes=added.size_bytes,
    )


def _staying(base: DatasetVersion, entries: Sequence[FileEntry], here: Collection[str]) -> list[Look]:
    """Return looks for the files of an earlier version that stay beside those that are here."""
    stay = [entry for entry in entries if entry.path not in here]
    for files, others in ((here, [entry.path for entry in stay]), ({entry.path for entry in stay}, here)):
        for path in others:
            folder = path
            while folder := folder.rpartition("/")[0]:
                if folder in files:
                    raise UnsafePath(
                        f"{shown(folder)} would be a file and a folder, one of them from {base.ref}",
                        hint="Rename one of the two, or add the folder without --append.",
                    )
    return [kept_look(entry) for entry in stay]


def _named(place: Place, manifest: Digest, looked: Looked) -> tuple[SourceFile, ...]:
    """Return files that were named as the source says them."""
    entries = decode_files(place.objects.read(manifest)).files
    return tuple(
        SourceFile(
            name=entry.path,
            size_bytes=entry.size,
            digest=entry.digest,
            modified_at=from_us(looked.states[entry.path][1] // 1000),
        )
        for entry in entries
        if entry.path in looked.states
    )


def _learn_others(place: Place, known: Known, name: str) -> None:
    """Know the chunks of other datasets too: people copy folders, and give them new names."""
    with place.ledger.read() as connection:
        others: Sequence[DatasetVersion] = store.latest_trees(connection, without=name)
    for version in others:
        if len(known) >= MOST or not version.layout_digest:
            return
        if place.objects.has(version.layout_digest):
            with StoredFiles(place.objects, version.digest, version.layout_digest) as files:
                known.learn(files.layout)
