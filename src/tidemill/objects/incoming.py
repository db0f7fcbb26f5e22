"""Bytes on their way into the store: written and digested piece by piece, and stored all at once at the end."""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from blake3 import blake3

from tidemill.core.digests import Digest


class Incoming:
    """A file that is not an object yet.

    Args:
        path: Where the bytes wait.
        settle: Makes the finished file the object of its digest.
        is_synced: Whether a crash of the machine must leave it: a part of a file that is forgotten then need not stay.
    """

    def __init__(self, path: Path, settle: Callable[[Path, Digest], None], *, is_synced: bool = True) -> None:
        self._path = path
        self._settle = settle
        self._is_synced = is_synced
        self._hasher = blake3(max_threads=blake3.AUTO)
        self._file = path.open("xb")
        self.size = 0

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Add bytes."""
        self._hasher.update(piece)
        self._file.write(piece)
        self.size += len(piece)

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
