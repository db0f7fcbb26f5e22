"""From files to a manifest, a layout and the packs of what was not stored yet."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import BinaryIO, NamedTuple, cast

from blake3 import blake3

from tidemill.core.digests import Digest
from tidemill.core.errors import Conflict
from tidemill.core.names import shown
from tidemill.objects.packs.cutting import WHOLE, Cutter, Window, digests_of
from tidemill.objects.packs.known import Known
from tidemill.objects.packs.layout import Layout
from tidemill.objects.packs.manifest import FileEntry, encode_files
from tidemill.objects.packs.pace import threads_for
from tidemill.objects.packs.seen import Look
from tidemill.objects.packs.writing import ALONE, ENOUGH, PackWriter
from tidemill.objects.store import ObjectStore

_BATCH_BYTES = 4 << 20
_BATCH_FILES = 256
_AHEAD = 4

Progress = Callable[[int, int], None]
"""Is told how many bytes of how many are done."""


class FileChanged(Conflict):
    """A file changed, or went, while it was read."""

    code = "file_changed"


class Added(NamedTuple):
    """What became of the files.

    Args:
        manifest: The object that names the content.
        layout: The object that says where it lies.
        files: How many files there are.
        size_bytes: Their size.
        new_bytes: The size of the chunks that were not stored before.
        read_bytes: The size of the files that were read.
    """

    manifest: Digest
    layout: Digest
    files: int
    size_bytes: int
    new_bytes: int
    read_bytes: int


class Addition:
    """One addition of files.

    Args:
        objects: Where everything goes.
        known: The chunks that are stored.
        progress: Is told how far it is.
    """

    def __init__(self, objects: ObjectStore, known: Known, progress: Progress | None = None) -> None:
        self._objects = objects
        self._known = known
        self._tell = progress or (lambda _done, _total: None)
        self._layout = Layout()
        self._entries: list[FileEntry] = []
        self._total = self._done = self._read = 0

    def add(self, looks: Sequence[Look], place: Callable[[str], str]) -> Added:
        """Store files, and return what they became.

        Args:
            looks: The files, in order of path.
            place: Gives where the file of a path is.

        Raises:
            FileChanged: If one changes while it is read.
        """
        self._total = sum(look.size for look in looks)
        with (
            PackWriter(self._objects) as writer,
            ThreadPoolExecutor(2, thread_name_prefix="adding") as pool,
            closing(_Run(self, writer, pool, place)) as run,
        ):
            for small, batch in _batches(looks, self._known.file):
                if small:
                    run.small(batch)
                else:
                    run.flush()
                    for look in batch:
                        run.other(look)
            run.flush()
            writer.roll()
        self._layout.settle(self._known.packs(writer.finished))
        manifest = encode_files(self._entries)
        return Added(
            manifest=self._objects.put_bytes(manifest),
            layout=self._objects.put_bytes(self._layout.encode()),
            files=len(self._entries),
            size_bytes=self._total,
            new_bytes=writer.total,
            read_bytes=self._read,
        )

    def place_chunk(self, digest: bytes, length: int, writer: PackWriter) -> bool:
        """Lay out one chunk of the current file; return whether it is new and must be appended."""
        if (found := self._known.chunk(digest)) is not None:
            self._layout.add(digest, *found, length)
            return False
        number, offset = self._known.remember(digest, len(writer.finished), writer.size)
        self._layout.add(digest, number, offset, length)
        return True

    def end_file(self, look: Look, digest: Digest, chunks: int, *, was_read: bool) -> None:
        """Note a finished file."""
        self._layout.end_file(chunks)
        self._entries.append(FileEntry(look.path, look.size, digest))
        self._done += look.size
        self._read += look.size if was_read else 0
        self._tell(self._done, self._total)

    def is_linked(self, handle: int, digest: Digest) -> bool:
        """Return whether an open file is a second name of an object, whose time changes when it is relied on."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(handle), self._objects.path(digest).stat())
        return False

    def unchanged(self, look: Look) -> "tuple[Digest, Layout, int] | None":
        """Return what a file was, if it looks as it did."""
        return self._known.file(look)

    def tell(self, extra: int) -> None:
        """Say how far a large file is."""
        self._tell(self._done + extra, self._total)

    def keep(self, look: Look, old: "tuple[Digest, Layout, int]") -> None:
        """Lay out a file that is as it was."""
        digest, layout, file = old
        numbers = layout.chunks_of(file)
        for number in numbers:
            chunk = layout.chunk(number)
            self._layout.add(chunk.digest, self._known.pack(layout.packs[chunk.pack]), chunk.offset, chunk.length)
        self.end_file(look, digest, len(numbers), was_read=False)


class _Run:
    """The files of one addition, in their order."""

    def __init__(
        self, addition: Addition, writer: PackWriter, pool: ThreadPoolExecutor, place: Callable[[str], str]
    ) -> None:
        self._addition = addition
        self._writer = writer
        self._pool = pool
        self._place = place
        self._cutter = Cutter()
        self._readers: ThreadPoolExecutor | None = None
        self._batches: list[tuple[Sequence[Look], Future[list[tuple[bytes, bytes]]]]] = []

    def small(self, batch: Sequence[Look]) -> None:
        """Read small files ahead, in other threads, of which the first files tell how many are worth it."""
        if self._readers is None:
            began = time.perf_counter()
            read = _read_batch(batch, self._place)
            if threads := threads_for(time.perf_counter() - began, len(batch)):
                self._readers = ThreadPoolExecutor(threads, thread_name_prefix="reading")
            self._store(batch, read)
            return
        while len(self._batches) >= _AHEAD:
            self._take()
        self._batches.append((batch, self._readers.submit(_read_batch, batch, self._place)))

    def flush(self) -> None:
        """Store all that was read ahead."""
        while self._batches:
            self._take()

    def close(self) -> None:
        """End the reading."""
        if self._readers:
            self._readers.shutdown(cancel_futures=True)

    def _take(self) -> None:
        batch, future = self._batches.pop(0)
        self._store(batch, future.result())

    def _store(self, batch: Sequence[Look], read: list[tuple[bytes, bytes]]) -> None:
        fresh: list[bytes] = []
        size = 0
        for look, (content, digest) in zip(batch, read, strict=True):
            if content and self._is_new(digest, len(content), size):
                fresh.append(content)
                size += len(content)
            self._addition.end_file(look, Digest(digest.hex()), 1 if content else 0, was_read=True)
        if fresh:
            self._writer.append([b"".join(fresh)], size)
        if self._writer.size >= ENOUGH:
            self._writer.roll()

    def _is_new(self, digest: bytes, length: int, ahead: int) -> bool:
        self._writer.size += ahead  # where the batch will have grown to
        try:
            return self._addition.place_chunk(digest, length, self._writer)
        finally:
            self._writer.size -= ahead

    def other(self, look: Look) -> None:
        """Lay out a file that is unchanged, or cut a large one."""
        old = self._addition.unchanged(look)
        if old is not None:
            self._addition.keep(look, old)
            return
        if self._writer.size and look.size >= ALONE:
            self._writer.roll()
        self._large(look)
        if self._writer.size >= ALONE:
            self._writer.roll()

    def _large(self, look: Look) -> None:
        path = self._place(look.path)
        digest = _FileDigest(self._writer)
        waiting: list[tuple[Window, Future[list[bytes]]]] = []
        chunks = read = 0
        with _opened(path, look) as file:
            for window in self._cutter.windows(file):
                read += len(window.content)
                waiting.append((window, self._pool.submit(digests_of, window)))
                if len(waiting) >= 2:
                    chunks += self._window(*waiting.pop(0), digest)
                    self._addition.tell(read)
            for pair in waiting:
                chunks += self._window(*pair, digest)
            name = digest.finish()
            if not self._addition.is_linked(file.fileno(), name):
                _check_unchanged(file.fileno(), look, read)
        self._addition.end_file(look, name, chunks, was_read=True)

    def _window(self, window: Window, future: "Future[list[bytes]]", digest: "_FileDigest") -> int:
        digests = future.result()
        spans: list[memoryview] = []
        begin = at = fresh = 0
        for name, length in zip(digests, window.lengths, strict=True):
            self._writer.size += fresh
            is_new = self._addition.place_chunk(name, length, self._writer)
            self._writer.size -= fresh
            if is_new:
                fresh += length
            else:
                if at > begin:
                    spans.append(window.content[begin:at])
                begin = at + length
            at += length
        if at > begin:
            spans.append(window.content[begin:at])
        digest.update(window.content, is_all_new=fresh == len(window.content))
        if fresh:
            written = self._writer.append(spans, fresh)
            written.add_done_callback(lambda _: self._cutter.give_back(window))
        else:
            self._cutter.give_back(window)
        return len(digests)


class _FileDigest:
    """The digest of a file; as long as its pack holds nothing else, the pack's own does for both."""

    def __init__(self, writer: PackWriter) -> None:
        self._writer = writer
        self._own = blake3(max_threads=blake3.AUTO) if writer.size else None

    def update(self, content: memoryview, *, is_all_new: bool) -> None:
        """Take what follows, before it is appended to the pack."""
        if self._own is None and not is_all_new:
            self._own = self._writer.hasher()
        if self._own is not None:
            self._own.update(content)

    def finish(self) -> Digest:
        """Return the digest."""
        return Digest((self._own or self._writer.hasher()).hexdigest())


def _batches(looks: Iterable[Look], unchanged: Callable[[Look], object | None]) -> Iterator[tuple[bool, list[Look]]]:
    """Part files into batches to be read in one go, and others, keeping their order."""
    batch: list[Look] = []
    is_small, size = True, 0
    for look in looks:
        small = look.size <= WHOLE and unchanged(look) is None
        if batch and (small != is_small or size >= _BATCH_BYTES or len(batch) >= _BATCH_FILES):
            yield is_small, batch
            batch, size = [], 0
        is_small = small
        batch.append(look)
        size += look.size
    if batch:
        yield is_small, batch


def _read_batch(batch: Sequence[Look], place: Callable[[str], str]) -> list[tuple[bytes, bytes]]:
    """Return the content and the raw digest of each of some small files."""
    found = []
    for look in batch:
        with _opened(place(look.path), look) as file:
            content = file.read(look.size + 1)
            _check_unchanged(file.fileno(), look, len(content))
        found.append((content, blake3(content).digest()))
    return found


@contextmanager
def _opened(path: str, look: Look) -> Iterator[BinaryIO]:
    """Open a file without a buffer, by a path that is no symbolic link."""
    try:
        file = open(path, "rb", buffering=0, opener=_no_follow)  # noqa: SIM115 - an opener; closed below
    except OSError as error:
        raise FileChanged(
            f"{shown(look.path)} cannot be read: {error.strerror}", hint="Look whether something writes there."
        ) from error
    with file:
        yield cast("BinaryIO", file)


def _no_follow(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _check_unchanged(handle: int, look: Look, read: int) -> None:
    state = os.fstat(handle)
    now = (state.st_size, state.st_mtime_ns, state.st_ino)
    if read != look.size or now != (look.size, look.modified_ns, look.inode):
        raise FileChanged(
            f"{shown(look.path)} changed while it was read", hint="Wait until it is written, then add it again."
        )
