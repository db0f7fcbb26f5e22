"""Objects at a place, named by their digests as they are here: what is lacking is moved, what is read is verified."""

import shutil
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from tidemill.core.digests import Digest
from tidemill.objects.digest import digest_bytes
from tidemill.objects.remote.bucket import Bucket
from tidemill.objects.remote.errors import RemoteDamaged, RemoteObjectMissing
from tidemill.objects.remote.filling import Fetch, fill
from tidemill.objects.remote.pieces import PIECE, Slot, decode_pieces, encode_pieces, named_pieces
from tidemill.objects.store import ObjectStore, plain_errors

T = TypeVar("T")
R = TypeVar("R")
_AT_ONCE = 8
_AHEAD = 3
_PATIENCE_S = 7 * 86400.0
_READS = 3
"""How often damaged bytes are read: a fault of the way differs each time, one of the place does not."""

OBJECTS, LISTS = "objects", "pieces"
"""The folders there: of bytes, and of lists of the pieces of large objects."""

PULLING = "pulling"
"""The folder beside the objects in which unfinished ones wait to go on."""

_BUSY: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

Told = Callable[[int], None]
"""Is told of bytes that are where they should be, as that becomes known; may raise to end the work."""


class Stored(NamedTuple):
    """An object and its size in bytes."""

    digest: Digest
    size: int


class Filled(NamedTuple):
    """An object that was put together, and how many bytes had to be moved for it."""

    digest: Digest
    size: int
    moved: int


class RemoteStore:
    """The objects at a place. Close it: it has threads.

    Args:
        bucket: The place.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="remote")
        self._pieces: dict[Digest, list[Slot]] = {}

    def has(self, stored: Stored) -> bool:
        """Return whether an object is there, whole."""
        if stored.size > PIECE:
            return self.bucket.size(_listing(stored.digest)) is not None
        return self.bucket.size(_key(stored.digest)) == stored.size

    def missing(self, wanted: Iterable[Stored]) -> list[Stored]:
        """Return those objects that are not there, or of which a piece is not."""
        wanted = list(wanted)
        found = dict(self._each(self.has_whole, wanted))
        return [stored for stored in wanted if not found[stored]]

    def push(self, objects: ObjectStore, wanted: Iterable[Stored], told: Told) -> int:
        """Bring objects there, verified as they are read here, and return how many bytes had to be moved.

        An object that is there already is not moved, and neither is a piece of a large one.

        Raises:
            ObjectMissing: If an object is not here.
            DamagedObject: If one here is not what was stored.
        """
        return self._move(objects, wanted, told, self._push_small, self._push_large)

    def pull(self, objects: ObjectStore, wanted: Iterable[Stored], told: Told) -> int:
        """Bring objects here, verified, and return how many bytes had to be moved.

        Raises:
            RemoteObjectMissing: If an object is not there.
            RemoteDamaged: If one there is not what was stored.
        """
        return self._move(objects, wanted, told, self._pull_small, self._pull_large)

    def keys_of(self, wanted: Iterable[Stored], *, lists_lost: bool = True) -> dict[str, int]:
        """Return the names under which objects are kept there, and how many bytes are under each.

        Args:
            wanted: Which objects.
            lists_lost: Whether the list of an object's pieces may be lost; they are not known then.

        Raises:
            RemoteDamaged: If the list of an object's pieces cannot be read.
            RemoteObjectMissing: If it is lost, and may not be.
        """
        found: dict[str, int] = {}
        large = []
        for stored in wanted:
            if stored.size > PIECE:
                large.append(stored)
            else:
                found[_key(stored.digest)] = stored.size
        for stored, pieces in self._each(self._pieces_there if lists_lost else self._pieces_of, large):
            found[_listing(stored.digest)] = 0
            found |= {_key(piece.digest): piece.length for piece in pieces}
        return found

    def pieces_by_list(self, lists: Iterable[str]) -> Iterator[tuple[str, set[str]]]:
        """Yield lists of pieces, each with the names of the pieces that it says; one that is gone is left out.

        A list that cannot be read says none.
        """

        def read(key: str) -> set[str] | None:
            with suppress(RemoteObjectMissing):
                return {_key(digest) for digest in named_pieces(self.bucket.read(key))}
            return None

        for key, found in self._each(read, lists):
            if found is not None:
                yield key, found

    def delete(self, keys: Iterable[str], may: Callable[[], None], told: Told) -> None:
        """Remove names, a few at once: lists of pieces first, so that whoever finds one finds every piece.

        Args:
            keys: Which ones.
            may: Is asked before each, and raises to end it.
            told: Is told of each.
        """
        keys = list(keys)
        for is_list in (True, False):
            some = [key for key in keys if key.startswith(f"{LISTS}/") is is_list]
            for _ in self._each(lambda key: self.bucket.delete(key, may), some):
                told(1)

    def read(self, digest: Digest) -> bytes:
        """Return the bytes of an object of at most a piece, verified."""
        return self._verified(_key(digest), digest)

    def read_all(self, stored: Stored) -> bytes:
        """Return the bytes of an object, verified piece by piece; it must fit into memory."""
        if stored.size <= PIECE:
            return self.read(stored.digest)
        return b"".join(self.read(piece.digest) for piece in self._pieces_of(stored))

    def read_ahead(self, wanted: Iterable[Stored]) -> Iterator[bytes]:
        """Yield the bytes of objects in their order, verified, reading a few ahead."""
        waiting: deque[Future[bytes]] = deque()
        try:
            for stored in wanted:
                waiting.append(self._pool.submit(self.read_all, stored))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()

    def piece(self, stored: Stored, number: int) -> bytes:
        """Return a piece of an object, verified; an object of at most a piece is its own."""
        if stored.size <= PIECE:
            return self.read(stored.digest)
        return self.read(self._pieces_of(stored)[number].digest)

    def range(self, stored: Stored, start: int, end: int) -> bytes:
        """Return a range of an object's bytes, not verified: the caller knows digests of what it asks for."""
        if stored.size <= PIECE:
            return self.bucket.read(_key(stored.digest), start, end)
        found = bytearray()
        for piece in self._pieces_of(stored)[start // PIECE : -(-end // PIECE)]:
            low, high = max(start - piece.offset, 0), min(end - piece.offset, piece.length)
            found += self.bucket.read(_key(piece.digest), low, high)
        return bytes(found)

    def fill(
        self, objects: ObjectStore, name: str, groups: Iterable[Sequence[Slot]], told: Told, *, fetch: Fetch
    ) -> Filled:
        """Make an object here from verified ranges of objects there, and return it with the bytes that had to be moved.

        Args:
            objects: Where it goes.
            name: Names the unfinished file, the same in each try.
            groups: What it is made of: slots of the new object, those together that come in one range.
            told: Is told how far it is.
            fetch: Gives the verified bytes of a group.
        """
        with _unfinished(objects, name) as path:
            moved = fill(path, groups, fetch, self._pool, told)
            digest, size = objects.adopt(path)
        return Filled(digest, size, moved)

    def _move(
        self,
        objects: ObjectStore,
        wanted: Iterable[Stored],
        told: Told,
        small: Callable[[ObjectStore, Stored], int],
        large: Callable[[ObjectStore, Stored, Told], int],
    ) -> int:
        """Move objects, the small ones side by side and of a large one its pieces; return how many bytes that took."""
        wanted = list(wanted)
        moved = 0
        for stored, count in self._each(partial(small, objects), [each for each in wanted if each.size <= PIECE]):
            moved += count
            told(stored.size)
        return moved + sum(large(objects, each, told) for each in wanted if each.size > PIECE)

    def _push_small(self, objects: ObjectStore, stored: Stored) -> int:
        if self.has(stored):
            return 0
        self.bucket.put(_key(stored.digest), objects.read(stored.digest))
        return stored.size

    def has_whole(self, stored: Stored) -> bool:
        """Return whether an object is there, and each piece of it: what a place lost is brought again."""
        if not self.has(stored):
            return False
        if stored.size <= PIECE:
            return True
        self._pieces.pop(stored.digest, None)
        try:
            pieces = self._pieces_of(stored)
        except (RemoteDamaged, RemoteObjectMissing):
            return False
        # Not by the threads of `_each`: this is one of them already.
        return all(self.has(Stored(piece.digest, piece.length)) for piece in pieces)

    def _push_large(self, objects: ObjectStore, stored: Stored, told: Told) -> int:
        if self.has_whole(stored):
            told(stored.size)
            return 0
        path = objects.verify(stored.digest)
        moved, pieces = 0, []
        offsets = range(0, stored.size, PIECE)
        for offset, (piece, sent) in self._each(partial(self._push_piece, path), offsets):
            pieces.append(Slot(offset, piece.size, piece.digest))
            moved += sent
            told(piece.size)
        # Last: whoever finds the list finds every piece.
        self.bucket.put(_listing(stored.digest), encode_pieces(sorted(pieces, key=lambda slot: slot.offset)))
        return moved

    def _push_piece(self, path: Path, offset: int) -> tuple[Stored, int]:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read(PIECE)
        piece = Stored(digest_bytes(content), len(content))
        if self.has(piece):
            return piece, 0
        self.bucket.put(_key(piece.digest), content)
        return piece, piece.size

    def _pull_small(self, objects: ObjectStore, stored: Stored) -> int:
        if objects.leaving.touch(stored.digest):
            return 0
        objects.put_bytes(self.read(stored.digest))
        return stored.size

    def _pull_large(self, objects: ObjectStore, stored: Stored, told: Told) -> int:
        if objects.leaving.touch(stored.digest):
            told(stored.size)
            return 0
        pieces = self._pieces_of(stored)

        def fetch(slots: Sequence[Slot]) -> list[bytes]:
            return [self.read(slot.digest) for slot in slots]

        made = self.fill(objects, stored.digest, ([piece] for piece in pieces), told, fetch=fetch)
        if made.digest != stored.digest:
            raise RemoteDamaged(
                f"The pieces that {self.bucket} lists do not make the object {stored.digest}",
                hint=f"Remove {_listing(stored.digest)} there, and push the version again.",
            )
        return made.moved

    def _pieces_of(self, stored: Stored) -> list[Slot]:
        if stored.digest not in self._pieces:
            key = _listing(stored.digest)
            self._pieces[stored.digest] = decode_pieces(self.bucket.read(key), stored.size, f"{self.bucket}/{key}")
        return self._pieces[stored.digest]

    def _pieces_there(self, stored: Stored) -> list[Slot]:
        try:
            return self._pieces_of(stored)
        except RemoteObjectMissing:
            return []  # the place lost it

    def _verified(self, key: str, digest: Digest) -> bytes:
        for _ in range(_READS):
            content = self.bucket.read(key)
            if digest_bytes(content) == digest:
                return content
        raise RemoteDamaged(
            f"The bytes at {self.bucket}/{key} are not what was written",
            hint="Remove them there, and push the version again from a workspace that has it.",
        )

    def _each(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Yield each item with its result, a few at once, in the order in which they are done."""
        running: dict[Future[R], T] = {}
        try:
            for item in items:
                running[self._pool.submit(work, item)] = item
                if len(running) >= 2 * _AT_ONCE:
                    for done in wait(running, return_when=FIRST_COMPLETED).done:
                        yield running.pop(done), done.result()
            while running:
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(done), done.result()
        finally:
            for left in running:
                left.cancel()

    def close(self) -> None:
        """End the threads, after what they are at."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


@contextmanager
def _unfinished(objects: ObjectStore, name: str) -> Iterator[Path]:
    """Give a file that outlives this process, to one thread at a time; a workspace has one process."""
    folder = objects.root / PULLING
    with plain_errors(objects.root), _BUSY[name]:
        folder.mkdir(exist_ok=True)
        yield folder / name


def clear_pulling(objects: ObjectStore) -> None:
    """Remove what killed pushes made, and what of pulls waited too long to go on. Only at start, under the lock."""
    folder = objects.root / PULLING
    before = time.time() - _PATIENCE_S
    for left in folder.iterdir() if folder.is_dir() else ():
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        elif left.stat().st_mtime < before:
            left.unlink()


def _key(digest: Digest) -> str:
    return f"{OBJECTS}/{digest[:2]}/{digest[2:]}"


def _listing(digest: Digest) -> str:
    return f"{LISTS}/{digest[:2]}/{digest[2:]}"
