"""New chunks on their way into packs."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from blake3 import blake3

from tidemill.core.digests import Digest
from tidemill.objects.incoming import Incoming
from tidemill.objects.store import ObjectStore

ENOUGH = 256 << 20
"""Size in bytes at which a pack takes no more files; one file is never parted among packs."""

ALONE = 16 << 20
"""Size in bytes from which a file begins a pack of its own, so that it lies there in one piece."""

_MOST_WAITING = 4


class PackWriter:
    """Appends chunks to packs in order, in two threads of its own: one writes, one digests the same bytes meanwhile.

    Args:
        objects: Where the finished packs go.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._stack = ExitStack()
        self._pack: Incoming | None = None
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="packs")
        self._digesting = ThreadPoolExecutor(1, thread_name_prefix="digests")
        self._waiting: list[Future[None]] = []
        self.size = 0
        self.total = 0
        self.finished: list[tuple[Digest, int]] = []

    def append(self, pieces: Iterable[memoryview | bytes], size: int) -> "Future[None]":
        """Append pieces of a size in bytes; they must not change before the future is done."""
        if self._pack is None:
            # One thread digests: more would wait for one another, and take the cores from who reads and writes.
            self._pack = self._stack.enter_context(self._objects.incoming(threads=1))
        while len(self._waiting) >= _MOST_WAITING:
            self._waiting.pop(0).result()
        taken = list(pieces)
        digested = self._digesting.submit(_digest, self._pack, taken)
        future = self._writing.submit(_write, self._pack, taken, digested)
        self._waiting.append(future)
        self.size += size
        self.total += size
        return future

    def drain(self) -> None:
        """Wait until all that was appended is written."""
        while self._waiting:
            self._waiting.pop(0).result()

    def hasher(self) -> "blake3":
        """Return a copy of the digest so far of the pack that is being written."""
        self.drain()
        return self._pack.digested() if self._pack else blake3()

    def roll(self) -> None:
        """End the pack; what follows goes to a new one."""
        self.drain()
        if self._pack is not None:
            self.finished.append(self._pack.finish())
            self._stack.close()
            self._pack = None
            self.size = 0

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no unfinished pack behind."""
        self._digesting.shutdown()  # first, as the other thread waits for it
        self._writing.shutdown(cancel_futures=True)
        self._stack.close()


def _digest(pack: Incoming, pieces: list[memoryview | bytes]) -> None:
    for piece in pieces:
        pack.digest(piece)


def _write(pack: Incoming, pieces: list[memoryview | bytes], digested: "Future[None]") -> None:
    """Write pieces; they are done with when they are digested too."""
    for piece in pieces:
        pack.append(piece)
    digested.result()
