"""Bytes on their way into the store: written and digested piece by piece, and stored all at once at the end."""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from blake3 import blake3

from tidemill.core.digests import Digest

_BEGIN = 16 << 20
"""Bytes after which the disk begins to write: many, so that it writes few long stretches."""

_WRITE = 2
"""What tells Linux to begin writing a stretch of a file, and not to wait (`SYNC_FILE_RANGE_WRITE`)."""


class Incoming:
    """A file that is not an object yet.

    Args:
        path: Where the bytes wait.
        settle: Makes the finished file the object of its digest.
        is_synced: Whether a crash of the machine must leave it: a part of a file that is forgotten then need not stay.
        threads: How many threads digest a large piece; as many as there are cores when left out.
    """

    def __init__(
        self, path: Path, settle: Callable[[Path, Digest], None], *, is_synced: bool = True, threads: int = blake3.AUTO
    ) -> None:
        self._path = path
        self._settle = settle
        self._is_synced = is_synced
        self._hasher = blake3(max_threads=threads)
        self._file = path.open("xb")
        self.size = self._begun = 0

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Add bytes."""
        self.digest(piece)
        self.append(piece)

    def digest(self, piece: bytes | bytearray | memoryview) -> None:
        """Take bytes into the digest; whoever calls this and `append` by themselves gives both the same, in order."""
        self._hasher.update(piece)

    def append(self, piece: bytes | bytearray | memoryview) -> None:
        """Write bytes that the digest has or will have."""
        self._file.write(piece)
        self.size += len(piece)
        if self._is_synced and self.size - self._begun >= _BEGIN:
            _begin_writing(self._file.fileno(), self._begun, self.size - self._begun)
            self._begun = self.size

    def digested(self) -> blake3:
        """Return a copy of the digest of what was written so far."""
        return self._hasher.copy()

    def finish(self) -> tuple[Digest, int]:
        """Store what was written and return its digest and its size in bytes; it is there for good then."""
        self._file.flush()
        if self._is_synced:
            os.fsync(self._file.fileno())
        digest = Digest(self._hasher.hexdigest())
        self._settle(self._path, digest)
        return digest, self.size

    def __enter__(self) -> Self:
        """Return the file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _begin_writing(handle: int, start: int, size: int) -> None:
    """Let the disk write while the rest is on its way, so that the sync at the end has little left to wait for."""
    if begin := _sync_file_range():
        begin(handle, ctypes.c_int64(start), ctypes.c_int64(size), _WRITE)  # what fails here, the sync will tell


@cache
def _sync_file_range() -> Callable[..., int] | None:
    """Return the call of the system, which only Linux has."""
    return getattr(ctypes.CDLL(None), "sync_file_range", None)
