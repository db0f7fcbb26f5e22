"""Stored files back on disk: a new folder whole or not at all, an old one only where it differs."""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import local
from typing import NamedTuple, Self

from tidemill.core.digests import Digest
from tidemill.core.errors import Conflict, OutOfSpace, Unavailable
from tidemill.core.ids import new_id
from tidemill.core.names import shown
from tidemill.objects.digest import digest_file
from tidemill.objects.packs.folder import SPAN_BYTES, StoredFiles
from tidemill.objects.packs.manifest import FileEntry
from tidemill.objects.packs.pace import threads_for
from tidemill.objects.packs.seen import Look, Seen, look_at
from tidemill.objects.store import FULL, ObjectStore

_BATCH = 256
_LARGE = 4 << 20
_CLONE = 0x40049409
"""The request by which Linux lets two files share their blocks until one is written (`FICLONE`)."""

_MOST_NAMED = 5

Progress = Callable[[int, int], None]


class FilesInTheWay(Conflict):
    """A folder holds files that a checkout would overwrite, and that are not stored."""

    code = "files_in_the_way"


class TargetNotWritable(Unavailable):
    """A folder cannot be made or written there."""

    code = "target_not_writable"


class CheckedOut(NamedTuple):
    """What a checkout did.

    Args:
        written: Files that were written.
        kept: Files that were there already.
        removed: Files of the version before that are gone.
        bytes_written: The size of those written.
    """

    written: int
    kept: int
    removed: int
    bytes_written: int


class Plan(NamedTuple):
    """What is to be done to a folder.

    Args:
        write: Numbers of files to write.
        keep: Numbers of files that are as they should be.
        remove: Paths to remove.
    """

    write: list[int]
    keep: list[int]
    remove: list[str]


class Checkout:
    """Writes the files of a version to a folder.

    Args:
        objects: Where the packs are.
        files: The version.
        link: Whether a large file may be a second name of its pack, which costs no space and must not be changed.
        progress: Is told how many bytes of how many are done.
    """

    def __init__(
        self, objects: ObjectStore, files: StoredFiles, *, link: bool = False, progress: Progress | None = None
    ) -> None:
        self._objects = objects
        self._files = files
        self._link = link
        self._tell = progress or (lambda _done, _total: None)
        self._done = self._total = 0
        self._looks: dict[str, tuple[int, int, int, int]] = {}
        self._is_new = False
        self._buffers = local()

    def new(self, target: Path) -> CheckedOut:
        """Write all files to a folder that does not exist; it appears when it is whole.

        Raises:
            OutOfSpace: If the disk is full.
            TargetNotWritable: If the folder cannot be made.
        """
        temporary = target.with_name(f".{target.name[:100]}.{new_id()}")
        self._is_new = True
        with told(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.mkdir()
            try:
                numbers = list(range(len(self._files.entries)))
                written = self._write(numbers, temporary)
                temporary.rename(target)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        return CheckedOut(len(numbers), 0, 0, written)

    def update(self, target: Path, seen: Seen | None, before: Iterable[FileEntry], *, force: bool) -> CheckedOut:
        """Make an existing folder hold the files of the version; others in it stay.

        Args:
            target: The folder.
            seen: How it was left by the last checkout.
            before: The files of the version that this one wrote.
            force: Whether files that were changed since, or are not the checkout's, are overwritten.

        Raises:
            FilesInTheWay: If such would be overwritten, and `force` is not given.
            UnsafePath: If the folder holds links or devices.
            OutOfSpace: If the disk is full.
            TargetNotWritable: If it is no folder, or cannot be written.
        """
        with told(target):
            plan = self._plan(target, seen, {entry.path: entry.digest for entry in before}, force=force)
            for path in plan.remove:
                (target / path).unlink(missing_ok=True)
            _remove_empty(target, plan.remove)
            _clear(target, (self._files.entries[number].path for number in plan.write))
            written = self._write(plan.write, target)
            for number in plan.keep:
                path = self._files.entries[number].path
                self._note(path, (target / path).stat())
        return CheckedOut(len(plan.write), len(plan.keep), len(plan.remove), written)

    def seen(self, manifest: Digest) -> Seen:
        """Return how the folder was left."""
        return Seen(manifest, time.time_ns(), self._looks)

    def _plan(self, target: Path, seen: Seen | None, before: dict[str, Digest], *, force: bool) -> Plan:
        looks = {look.path: look for look in look_at(target)}
        plan, strange = Plan([], [], []), []
        for number, entry in enumerate(self._files.entries):
            look = looks.pop(entry.path, None)
            held = _held(target, look, seen, before) if look else None
            if held == entry.digest:
                plan.keep.append(number)
                continue
            plan.write.append(number)
            if look and (held is None or held != before.get(entry.path)):
                strange.append(entry.path)
        blocks = _blocking(self._files.entries[number].path for number in plan.write)
        for path, look in looks.items():
            if path in before and _held(target, look, seen, before) == before[path]:
                plan.remove.append(path)
            elif path in before or blocks(path):
                strange.append(path)
        if strange and not force:
            raise FilesInTheWay(
                f"{shown(str(target))} holds what a checkout would lose: {', '.join(map(shown, strange[:_MOST_NAMED]))}"
                + (f" and {len(strange) - _MOST_NAMED} more" if len(strange) > _MOST_NAMED else ""),
                hint="Add them as a version first, check out elsewhere, or overwrite them with --force.",
            )
        plan.remove.extend(path for path in strange if path in looks)
        return plan

    def _write(self, numbers: Sequence[int], folder: Path) -> int:
        entries = self._files.entries
        for parent in sorted({entries[number].path.rpartition("/")[0] for number in numbers}):
            (folder / parent).mkdir(parents=True, exist_ok=True)
        self._total = sum(entries[number].size for number in numbers)
        base = str(folder)
        small = [number for number in numbers if entries[number].size < _LARGE]
        batches = [small[at : at + _BATCH] for at in range(0, len(small), _BATCH)]
        threads = None
        while batches and threads is None:
            began = time.perf_counter()
            batch = batches.pop(0)
            self._advance(self._batch(batch, base))
            threads = threads_for(time.perf_counter() - began, len(batch))
        with ThreadPoolExecutor(threads or 1, thread_name_prefix="checkout") as pool:
            for size in pool.map(lambda batch: self._batch(batch, base), batches):
                self._advance(size)
        with ThreadPoolExecutor(2, thread_name_prefix="checkout") as pool:
            for number in numbers:
                if entries[number].size >= _LARGE:
                    self._large(number, base, pool)
        return self._total

    def _batch(self, numbers: Sequence[int], base: str) -> int:
        size = 0
        with _Folders(base) as folders:
            for number, pieces in self._files.contents(numbers):
                entry = self._files.entries[number]
                parent, _, name = entry.path.rpartition("/")
                folder = folders.handle(parent)
                at = 0
                with _Coming(name, is_new=self._is_new, folder=folder) as coming:
                    for piece in pieces:
                        _write_all(coming.handle, piece, at)
                        at += len(piece)
                    self._note(entry.path, coming.finish())
                size += at
        return size

    def _large(self, number: int, base: str, pool: ThreadPoolExecutor) -> None:
        entry = self._files.entries[number]
        path = f"{base}/{entry.path}"
        whole = self._files.whole_pack(number)
        if whole and self._link:
            source = self._objects.verify(whole)
            temporary = f"{path}.{new_id()}"
            try:
                os.link(source, temporary)
            except OSError:
                pass  # another disk, or a file system without links: a copy then
            else:
                os.replace(temporary, path)  # noqa: PTH105 - texts, as everywhere here
                self._note(entry.path, os.stat(path))  # noqa: PTH116 - as above
                self._advance(entry.size)
                return
        with _Coming(path, is_new=self._is_new) as coming:
            if whole and self._clone(whole, coming.handle):
                self._advance(entry.size)
            else:
                os.truncate(coming.handle, entry.size)
                for size in pool.map(lambda run: self._run(run, coming.handle), self._runs(number)):
                    self._advance(size)
            self._note(entry.path, coming.finish())

    def _runs(self, number: int) -> list[tuple[int, int, int]]:
        """Return what can be read in one go: first and last chunk, and where it goes."""
        found, offset = [], 0
        for start, end, size in self._files.spans(number):
            found.append((start, end, offset))
            offset += size
        return found

    def _run(self, run: tuple[int, int, int], handle: int) -> int:
        buffer = getattr(self._buffers, "one", None)
        if buffer is None:
            buffer = self._buffers.one = bytearray(SPAN_BYTES)
        content = self._files.read_into(buffer, run[0], run[1])
        _write_all(handle, content, run[2])
        return len(content)

    def _clone(self, pack: Digest, handle: int) -> bool:
        with self._objects.open(pack) as source:
            try:
                fcntl.ioctl(handle, _CLONE, source.fileno())
            except OSError:
                return False  # most file systems cannot
        self._objects.verify(pack)
        return True

    def _note(self, path: str, state: os.stat_result) -> None:
        self._looks[path] = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)

    def _advance(self, size: int) -> None:
        self._done += size
        self._tell(self._done, self._total)


def _held(target: Path, look: Look, seen: Seen | None, before: dict[str, Digest]) -> Digest | None:
    """Return the digest of what a file holds now, read only where it was touched."""
    if seen and look.path in before and seen.is_unchanged(look):
        return before[look.path]
    try:
        return digest_file(target / look.path)
    except OSError:
        return None


class _Folders:
    """The folder that files are written to, held open while they go to the same: names in it are found at once.

    Args:
        base: What paths start from.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self._path: str | None = None
        self._handle = -1

    def handle(self, path: str) -> int:
        """Return a folder, open; it holds until the next is asked for."""
        if path != self._path:
            self._close()
            self._handle = os.open(f"{self._base}/{path}", os.O_RDONLY | os.O_DIRECTORY)
            self._path = path
        return self._handle

    def __enter__(self) -> Self:
        """Return the folders themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the last."""
        self._close()

    def _close(self) -> None:
        if self._path is not None:
            os.close(self._handle)
            self._path = None


class _Coming:
    """A file that is written: there, in a folder that nobody sees yet, else beside it until it is whole.

    Args:
        path: Where it goes.
        is_new: Whether nobody sees the folder yet.
        folder: What the path starts from, open; the working folder when left out.
    """

    def __init__(self, path: str, *, is_new: bool, folder: int | None = None) -> None:
        # Texts are several times cheaper than paths, and there may be many.
        self._path = path
        self._folder = folder
        self._temporary = path if is_new else f"{path}.{new_id()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        self.handle = os.open(self._temporary, flags, 0o644, dir_fd=folder)
        self._is_open = True

    def finish(self) -> os.stat_result:
        """Put the file into its place, and return how it looks."""
        state = os.fstat(self.handle)
        self._close()
        if self._temporary == self._path:
            return state
        os.replace(self._temporary, self._path, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        return os.stat(self._path, dir_fd=self._folder, follow_symlinks=False)  # the move changed its time

    def _close(self) -> None:
        self._is_open = False
        os.close(self.handle)

    def __enter__(self) -> Self:
        """Return the file itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Leave nothing unfinished behind."""
        if self._is_open:
            self._close()
        if kind is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._temporary, dir_fd=self._folder)


def _write_all(handle: int, content: bytes | memoryview, offset: int) -> None:
    """Write bytes to their place: one call need not take all, as on a disk that fills."""
    at = os.pwrite(handle, content, offset)
    while at < len(content):
        at += os.pwrite(handle, memoryview(content)[at:], offset + at)


@contextmanager
def told(target: Path) -> Iterator[None]:
    """Say in the words of the error family that a folder cannot be written."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise OutOfSpace(
                f"There is no space left to write {shown(str(target))}", hint="Free some space, then check out again."
            ) from error
        raise TargetNotWritable(
            f"{shown(str(target))} cannot be written: {error.strerror}",
            hint="Give a folder, or the path of one that can be made.",
        ) from error


def _blocking(paths: Iterable[str]) -> Callable[[str], bool]:
    """Return what tells whether a file stands where files of paths need a folder, or below where one of them goes."""
    files = set(paths)
    folders = {parent for path in files for parent in _parents(path)}
    return lambda path: path in folders or not files.isdisjoint(_parents(path))


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _clear(target: Path, paths: Iterable[str]) -> None:
    """Remove folders without a file from where files go."""
    for path in paths:
        place = target / path
        if place.is_dir():
            for folder, _, _ in os.walk(place, topdown=False):
                os.rmdir(folder)  # noqa: PTH106 - a text, as everywhere here


def _remove_empty(target: Path, removed: Iterable[str]) -> None:
    """Remove the folders that lost their last file."""
    parents = {parent for path in removed for parent in Path(path).parents if parent != Path()}
    for parent in sorted(parents, key=lambda each: len(each.parts), reverse=True):
        with suppress(OSError):  # it holds something else
            (target / parent).rmdir()
