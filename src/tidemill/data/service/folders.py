"""What one can do with the files of versions, on the disk of the machine that has the workspace."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tidemill.core.access import OWNER, SYSTEM, Actor
from tidemill.core.digests import Digest
from tidemill.core.moments import from_us
from tidemill.core.names import check_text, shown
from tidemill.data.errors import InvalidOption, SourceRefused
from tidemill.data.folders import CheckoutReport, DamagedFile, FolderStatus, Underway, VerifyReport
from tidemill.data.records import DatasetVersion
from tidemill.data.service.export import export
from tidemill.data.service.ingest_files import Looked, look
from tidemill.data.service.place import Place
from tidemill.data.sources.locate import Found, Located, locate
from tidemill.objects import DamagedObject, ObjectMissing, digest_file
from tidemill.objects.packs.checkout import Checkout
from tidemill.objects.packs.manifest import FileEntry, decode_files
from tidemill.objects.packs.seen import Seen

_MOST_NAMED = 1000
_LONGEST = 4096
_CHECKOUT = "checkout"


class FolderService:
    """The verbs of versions and the files that they came from, or go to.

    Args:
        place: What the verbs of datasets work on.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def status(self, actor: Actor, ref: str, *, source: str = "") -> FolderStatus:
        """Return how a version's source differs from it now.

        Only files whose size, times or inode are not as they were at the last look are read.

        Args:
            actor: Who asks.
            ref: The version.
            source: What to compare with; where the version came from when left out.

        Raises:
            SourceNotFound: If nothing is there any more.
            SourceRefused: If it may not be read.
        """
        version = self._place.find(ref)
        where = source or version.source.uri
        if "://" in where:
            raise InvalidOption(
                f"{shown(where)} is not on this machine, so its files cannot be looked at",
                hint="Add it again: what did not change there is not read again.",
            )
        found = locate(where, self._place.reach(actor))
        if version.layout_digest is None:
            return _status(version, where, *_table_changes(version, found))
        return _status(version, where, *self._file_changes(version, look(found)))

    def checkout(
        self, actor: Actor, ref: str, *, target: str = "", link: bool = False, force: bool = False
    ) -> CheckoutReport:
        """Write a version to the disk of the machine that has the workspace; only the owner may.

        A folder that does not exist appears whole or not at all. One that exists is changed where it differs.

        Args:
            actor: Who does it.
            ref: The version.
            target: A folder; for a table also a file that ends in `.csv` or `.parquet`. Where files were added from
                when left out.
            link: Let a large file be a second name of its stored bytes: it costs no space, and is read-only.
            force: Overwrite files that were changed since, or that no checkout wrote.

        Raises:
            SourceRefused: If somebody else than the owner asks.
            FilesInTheWay: If files would be lost, and `force` is not given.
            ExportExists: If a table's target exists.
            DamagedObject: If stored bytes are not what was written.
        """
        if actor not in {OWNER, SYSTEM}:
            raise SourceRefused(
                "Only the owner of the workspace may have files written on its machine",
                hint="Pull the dataset into a workspace of your own.",
            )
        version = self._place.find(ref)
        path = _target(version, target)
        if version.layout_digest is None:
            files = export(self._place, version, path)
            size = sum(file.size_bytes for file in files)
            return CheckoutReport(ref=version.ref, target=str(path), written=len(files), bytes_written=size)
        with self._place.files(version) as files_, self._place.works.begin(version.dataset, "bytes written") as tell:
            work = Checkout(self._place.objects, files_, link=link, progress=tell)
            if path.exists():
                seen = self._place.seen.find(_CHECKOUT, path)
                done = work.update(path, seen, self._held(seen), force=force)
            else:
                done = work.new(path)
        self._place.seen.keep(_CHECKOUT, path, work.seen(version.digest))
        return CheckoutReport(ref=version.ref, target=str(path), **done._asdict())

    def verify(self, actor: Actor, ref: str) -> VerifyReport:
        """Read every stored byte of a version, and return which of its files are damaged."""
        del actor
        version = self._place.find(ref)
        if version.layout_digest is None:
            damaged = tuple(_damaged_parts(self._place, version))
            count, size = len(version.parts), version.size_bytes
        else:
            with self._place.files(version) as files, self._place.works.begin(version.dataset, "bytes read") as tell:
                damaged = tuple(DamagedFile(path=entry.path, problem=text) for entry, text in files.verify(tell))
                count, size = len(files.entries), version.size_bytes
        return VerifyReport(ref=version.ref, is_sound=not damaged, files=count, size_bytes=size, damaged=damaged)

    def progress(self, actor: Actor, name: str) -> Underway:
        """Return how far the addition, checkout or verification of a dataset is that is under way in this process."""
        del actor
        return self._place.works.find(name)

    def works(self, actor: Actor) -> Sequence[Underway]:
        """Return how far every addition, checkout and verification is that is under way in this process."""
        del actor
        return self._place.works.all()

    def _held(self, seen: Seen | None) -> Iterable[FileEntry]:
        """Return the files of the version that a checkout wrote; none when it is not stored any more."""
        if seen is None:
            return ()
        try:
            return decode_files(self._place.objects.read(Digest(seen.version))).files
        except (ObjectMissing, DamagedObject):
            return ()

    def _file_changes(self, version: DatasetVersion, looked: Looked) -> tuple[int, dict[str, list[str]], int]:
        seen = self._place.seen.find(version.dataset, looked.folder)
        changes: dict[str, list[str]] = {"added": [], "changed": [], "removed": []}
        trusted = seen if seen and seen.version == version.digest else None
        if trusted and len(looked.states) == version.files and trusted.is_all_unchanged(looked.states):
            return len(looked.states), changes, 0
        known = {entry.path: entry for entry in decode_files(self._place.objects.read(version.digest)).files}
        read = 0
        for each in looked.looks():
            entry = known.get(each.path)
            if entry is None:
                changes["added"].append(each.path)
            elif entry.size != each.size:
                changes["changed"].append(each.path)
            elif not (trusted and trusted.is_unchanged(each)):
                read += each.size
                if digest_file(Path(looked.place(each.path))) != entry.digest:
                    changes["changed"].append(each.path)
        changes["removed"] = [path for path in known if path not in looked.states]
        return len(looked.states), changes, read


def _table_changes(version: DatasetVersion, found: Found) -> tuple[int, dict[str, list[str]], int]:
    known = {file.name: file for file in version.source.files}
    changes: dict[str, list[str]] = {"added": [], "changed": [], "removed": []}
    read = 0
    for located in found.files:
        file = known.pop(located.name, None)
        if file is None:
            changes["added"].append(located.name)
        elif file.size_bytes != located.size_bytes:
            changes["changed"].append(located.name)
        elif file.modified_at != from_us(located.modified_ns // 1000) or _was_touched(located, version):
            read += located.size_bytes
            if digest_file(located.path) != file.digest:
                changes["changed"].append(located.name)
    changes["removed"] = list(known)
    return len(found.files), changes, read


def _was_touched(located: Located, version: DatasetVersion) -> bool:
    """Return whether anything of a file changed since the version was made, though its time says otherwise."""
    changed_ns = located.path.stat().st_ctime_ns
    return from_us(changed_ns // 1000) >= version.created_at


def _status(version: DatasetVersion, where: str, files: int, changes: dict[str, list[str]], read: int) -> FolderStatus:
    return FolderStatus(
        dataset=version.dataset,
        ref=version.ref,
        source=where,
        is_unchanged=not any(changes.values()),
        files=files,
        added=tuple(changes["added"][:_MOST_NAMED]),
        changed=tuple(changes["changed"][:_MOST_NAMED]),
        removed=tuple(changes["removed"][:_MOST_NAMED]),
        counts={word: len(paths) for word, paths in changes.items()},
        read_bytes=read,
    )


def _target(version: DatasetVersion, target: str) -> Path:
    check_text(target, "the target", _LONGEST)
    if target:
        return Path(os.path.abspath(target))  # noqa: PTH100 - without following links, as the name of a look at it
    if version.layout_digest is None or not Path(version.source.uri).is_absolute():
        raise InvalidOption(f"It is not said where {version.ref} shall go", hint="Name a folder or a file.")
    return _origin(version)


def _origin(version: DatasetVersion) -> Path:
    """Return the folder that files were added from."""
    place = Path(version.source.uri)
    if not version.source.files:
        return place
    if [file.name for file in version.source.files] != [place.name]:
        raise InvalidOption(f"{version.ref} came from several places", hint="Name a folder to write its files to.")
    return place.parent


def _damaged_parts(place: Place, version: DatasetVersion) -> Iterator[DamagedFile]:
    for number, part in enumerate(version.parts):
        for digest in part.digests:
            try:
                place.objects.verify(digest)
            except (ObjectMissing, DamagedObject) as error:
                yield DamagedFile(path=f"part {number} ({part.source.name})", problem=error.message)
