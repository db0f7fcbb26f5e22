"""Stored files as a folder that can be read: whole, in part, or copied out; every chunk is verified."""

import io
import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from threading import Lock
from typing import BinaryIO, Self

from blake3 import blake3

from tidemill.core.digests import Digest
from tidemill.core.errors import NotFound
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.objects.packs.layout import Chunk, Layout
from tidemill.objects.packs.manifest import FileEntry, decode_files
from tidemill.objects.store import DamagedObject, ObjectStore

SPAN_BYTES = 2 << 20
"""Bytes that are read in one go: so few that they are verified and written while the processor still has them."""


class NotFiles(NotFound):
    """A version holds no file of that path."""

    code = "file_not_in_version"


class StoredFiles:
    """The files of a version.

    Args:
        objects: Where the packs are.
        manifest: The object that lists the files.
        layout: The object that says where their chunks lie.

    Raises:
        ObjectMissing: If one of the two is not stored.
        DamagedObject: If one of them is not what was written.
    """

    def __init__(self, objects: ObjectStore, manifest: Digest, layout: Digest) -> None:
        self._objects = objects
        self.manifest = decode_files(objects.read(manifest))
        self.layout = Layout.decode(objects.read(layout))
        self._numbers = {entry.path: number for number, entry in enumerate(self.manifest.files)}
        self._packs: dict[int, BinaryIO] = {}
        self._lock = Lock()

    @property
    def entries(self) -> list[FileEntry]:
        """The files, by path."""
        return self.manifest.files

    def entry(self, path: str) -> FileEntry:
        """Return the file of a path.

        Raises:
            NotFiles: If there is none.
        """
        return self.manifest.files[self._number(path)]

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            NotFiles: If there is none of that path.
            DamagedObject: If a chunk is not what was stored.
        """
        return b"".join(self.pieces(self._number(path)))

    def open(self, path: str) -> BinaryIO:
        """Return a file, open for reading; a range of it costs its chunks, not the file.

        Raises:
            NotFiles: If there is none of that path.
        """
        number = self._number(path)
        return io.BufferedReader(_File(self, number, self.manifest.files[number]), 1 << 20)

    def pieces(self, file: int) -> Iterator[bytes]:
        """Yield the verified content of a file by its number, in pieces of some MiB."""
        for start, end, _ in self.spans(file):
            yield self.read_chunks(file, start, end)

    def spans(self, file: int) -> Iterator[tuple[int, int, int]]:
        """Yield what of a file is read in one go: its first chunk, the one after its last, and its size in bytes."""
        chunks = self.layout.chunks_of(file)
        start = chunks.start
        while start < chunks.stop:
            end, size = self._span(start, chunks.stop)
            yield start, end, size
            start = end

    def contents(self, files: Iterable[int]) -> Iterator[tuple[int, Iterable[bytes | memoryview]]]:
        """Yield files by their numbers with their verified content in pieces; small ones side by side are read at once.

        Args:
            files: Their numbers, ascending. The pieces of one are to be taken before the next is asked for.
        """
        run: list[int] = []
        end = size = 0
        for file in files:
            chunks = self.layout.chunks_of(file)
            if run and not (len(chunks) == 1 and size < SPAN_BYTES and self._goes_on(chunks.start, end)):
                yield from self._run(run)
                run, size = [], 0
            if len(chunks) != 1:
                yield file, self.pieces(file)
                continue
            run.append(file)
            size += self.manifest.files[file].size
            end = chunks.stop
        yield from self._run(run)

    def read_chunks(self, file: int, start: int, end: int) -> bytes:
        """Return the verified bytes of chunks that lie one after the other in one pack.

        Args:
            file: The file of the first chunk.
            start: The number of the first chunk.
            end: The number of the one after the last.
        """
        del file
        first, size = self._stretch(start, end)
        content = os.pread(self._pack(first.pack).fileno(), size, first.offset)
        self._check(memoryview(content), start, end)
        return content

    def read_into(self, buffer: bytearray, start: int, end: int) -> memoryview:
        """Return the verified bytes of chunks as `read_chunks` does, in a buffer that is used again.

        To touch fresh memory costs more than to read and verify what goes there, where a host has to give it first.

        Args:
            buffer: Where they go, if it is large enough: a span of `spans` fits into `SPAN_BYTES`.
            start: The number of the first chunk.
            end: The number of the one after the last.
        """
        first, size = self._stretch(start, end)
        view = memoryview(buffer if size <= len(buffer) else bytearray(size))[:size]
        view = view[: os.preadv(self._pack(first.pack).fileno(), [view], first.offset)]
        self._check(view, start, end)
        return view

    def whole_pack(self, file: int) -> Digest | None:
        """Return the pack that holds just this file, from its first byte to its last; None when there is none."""
        entry, chunks = self.manifest.files[file], self.layout.chunks_of(file)
        if not chunks:
            return None
        pack, size = self.layout.packs[self.layout.chunk(chunks.start).pack]
        return pack if pack == entry.digest and size == entry.size else None

    def verify(self, progress: Callable[[int, int], None] | None = None) -> Iterator[tuple[FileEntry, str]]:
        """Yield each file that is damaged, and what is wrong with it, after reading every byte.

        Args:
            progress: Is told how many bytes of how many are read.
        """
        total, done = self.manifest.size_bytes, 0
        for number, entry in enumerate(self.manifest.files):
            done += entry.size
            if progress:
                progress(done, total)
            hasher = blake3(max_threads=blake3.AUTO)
            try:
                for piece in self.pieces(number):
                    hasher.update(piece)
            except (DamagedObject, NotFound) as error:
                yield entry, error.message
                continue
            except OSError as error:
                yield entry, f"it cannot be read: {error.strerror}"
                continue
            if hasher.hexdigest() != entry.digest:
                yield entry, "its chunks are sound and make another file than its digest says"

    def close(self) -> None:
        """Close the packs that were opened."""
        with self._lock:
            for pack in self._packs.values():
                pack.close()
            self._packs.clear()

    def __enter__(self) -> Self:
        """Return the files themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the packs."""
        self.close()

    def _number(self, path: str) -> int:
        number = self._numbers.get(path)
        if number is None:
            raise NotFiles(f"There is no file {shown(path)} in this version", hint=did_you_mean(path, self._numbers))
        return number

    def _stretch(self, start: int, end: int) -> tuple[Chunk, int]:
        """Return the first of some chunks, and how many bytes lie from its begin to the end of the last."""
        first, last = self.layout.chunk(start), self.layout.chunk(end - 1)
        return first, last.offset + last.length - first.offset

    def _check(self, content: memoryview, start: int, end: int) -> None:
        at = 0
        for number, (digest, pack, _, length) in enumerate(self.layout.chunks(range(start, end)), start):
            if blake3(content[at : at + length]).digest() != digest:
                raise self._damaged(self.layout.file_of(number), pack)
            at += length

    def _goes_on(self, chunk: int, before: int) -> bool:
        """Return whether a chunk follows the one before another in number and in place."""
        if chunk != before:
            return False
        one, two = self.layout.chunk(chunk - 1), self.layout.chunk(chunk)
        return one.pack == two.pack and one.offset + one.length == two.offset

    def _run(self, files: list[int]) -> Iterator[tuple[int, Iterable[bytes | memoryview]]]:
        """Yield files of one chunk each that lie side by side."""
        if not files:
            return
        chunks = range(self.layout.chunks_of(files[0]).start, self.layout.chunks_of(files[-1]).stop)
        content = memoryview(self.read_chunks(files[0], chunks.start, chunks.stop))
        at = 0
        for file, chunk in zip(files, self.layout.chunks(chunks), strict=True):
            yield file, (content[at : at + chunk.length],)
            at += chunk.length

    def _span(self, start: int, stop: int) -> tuple[int, int]:
        chunk = self.layout.chunk(start)
        pack, at, size = chunk.pack, chunk.offset, 0
        end = start
        while end < stop:
            chunk = self.layout.chunk(end)
            if chunk.pack != pack or chunk.offset != at or (size and size + chunk.length > SPAN_BYTES):
                break
            at += chunk.length
            size += chunk.length
            end += 1
        return end, size

    def _pack(self, number: int) -> BinaryIO:
        with self._lock:
            if (found := self._packs.get(number)) is None:
                found = self._packs[number] = self._objects.open(self.layout.packs[number][0])
            return found

    def _damaged(self, file: int, pack: int) -> DamagedObject:
        path, digest = self.manifest.files[file].path, self.layout.packs[pack][0]
        return DamagedObject(
            f"The bytes of {shown(path)} in pack {digest} are not what was stored",
            hint="Restore the pack from a backup; `tidemill data verify` names every file that is damaged.",
        )


class _File(io.RawIOBase):
    """A stored file that is read chunk by chunk."""

    def __init__(self, files: StoredFiles, number: int, entry: FileEntry) -> None:
        super().__init__()
        self._files = files
        self._number = number
        self._size = entry.size
        self._chunks = files.layout.chunks_of(number)
        self._ends = list(accumulate(files.layout.chunk(chunk).length for chunk in self._chunks))
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be sought."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("negative position")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Read up to the end of a chunk."""
        if self._at >= self._size:
            return 0
        index = bisect_right(self._ends, self._at)
        if self._held[0] != index:
            chunk = self._chunks[index]
            self._held = (index, self._files.read_chunks(self._number, chunk, chunk + 1))
        content = self._held[1]
        begin = self._at - (self._ends[index] - len(content))
        piece = content[begin : begin + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
