"""Chunks that are stored already, by their digest."""

from collections.abc import Callable

from tidemill.core.digests import Digest
from tidemill.objects.packs.layout import Layout
from tidemill.objects.packs.manifest import FileManifest
from tidemill.objects.packs.seen import Look, Seen
from tidemill.objects.store import ObjectStore

MOST = 1_000_000
"""Chunks that are kept in memory at most: 60 to 100 GB of large files, in some 200 MiB."""

_OFFSET_BITS = 44


class Known:
    """What need not be stored again.

    Every pack that is relied on is touched, so that it is not collected before the ledger names it.

    Args:
        objects: Where the packs are.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._places: dict[bytes, int] = {}
        self._numbers: dict[Digest, int] = {}
        self._packs: list[tuple[Digest, int] | int] = []
        self._fresh: dict[int, int] = {}
        self._files: Callable[[Look], tuple[Digest, Layout, int] | None] = lambda _: None

    def __len__(self) -> int:
        """Return how many chunks are known."""
        return len(self._places)

    def learn(self, layout: Layout) -> bool:
        """Know the chunks of an earlier version; return whether all its packs are there."""
        usable = [self._objects.leaving.touch(digest) for digest, _ in layout.packs]
        numbers = [self.pack(pack) if there else -1 for pack, there in zip(layout.packs, usable, strict=True)]
        for chunk in layout.chunks():
            if len(self._places) >= MOST:
                break
            if (number := numbers[chunk.pack]) >= 0:
                self._places.setdefault(chunk.digest, number << _OFFSET_BITS | chunk.offset)
        return all(usable)

    def trust(self, seen: Seen, manifest: FileManifest, layout: Layout) -> None:
        """Take files that look as they did for what they were then."""
        at = {entry.path: number for number, entry in enumerate(manifest.files)}

        def find(look: Look) -> tuple[Digest, Layout, int] | None:
            number = at.get(look.path)
            if number is None or not seen.is_unchanged(look):
                return None
            return manifest.files[number].digest, layout, number

        self._files = find

    def file(self, look: Look) -> "tuple[Digest, Layout, int] | None":
        """Return what a file was, if it looks as it did: its digest, and its number in a layout."""
        return self._files(look)

    def chunk(self, digest: bytes) -> tuple[int, int] | None:
        """Return the pack and the offset of a chunk."""
        place = self._places.get(digest)
        return None if place is None else (place >> _OFFSET_BITS, place & ((1 << _OFFSET_BITS) - 1))

    def remember(self, digest: bytes, fresh_pack: int, offset: int) -> tuple[int, int]:
        """Know a chunk that goes into a new pack, by that pack's place in the row of new ones."""
        number = self._fresh.get(fresh_pack)
        if number is None:
            number = self._fresh[fresh_pack] = len(self._packs)
            self._packs.append(fresh_pack)
        self._places[digest] = number << _OFFSET_BITS | offset
        return number, offset

    def pack(self, pack: tuple[Digest, int]) -> int:
        """Return the number of a stored pack."""
        number = self._numbers.get(pack[0])
        if number is None:
            number = self._numbers[pack[0]] = len(self._packs)
            self._packs.append(pack)
        return number

    def packs(self, finished: list[tuple[Digest, int]]) -> list[tuple[Digest, int]]:
        """Return all packs by number, given the new ones that were finished."""
        return [finished[pack] if isinstance(pack, int) else pack for pack in self._packs]
