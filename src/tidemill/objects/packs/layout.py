"""Where the chunks of a version's files lie."""

import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

import msgspec

from tidemill.core.digests import Digest, InvalidDigest, parse_digest
from tidemill.core.errors import Damaged

LAYOUT_MARK = b"tidemill.layout.1\n"
"""What every layout begins with."""

DIGEST_SIZE = 32

_AT_ONCE = 4096


class DamagedLayout(Damaged):
    """The layout of a version's files cannot be read."""

    code = "damaged_layout"


class Chunk(NamedTuple):
    """A piece of a file.

    Args:
        digest: The raw digest of its bytes.
        pack: Which pack of the layout holds it.
        offset: Where it begins there.
        length: Its length in bytes.
    """

    digest: bytes
    pack: int
    offset: int
    length: int


class _Wire(msgspec.Struct, array_like=True):
    packs: list[tuple[str, int]]
    digests: bytes
    lengths: bytes
    packs_of: bytes
    offsets: bytes
    counts: bytes


class Layout:
    """The chunks of every file, file by file in the order of the manifest.

    Args:
        packs: The packs and their sizes in bytes.
    """

    def __init__(self, packs: list[tuple[Digest, int]] | None = None) -> None:
        self.packs = packs or []
        self._digests = bytearray()
        self._lengths = array("I")
        self._packs_of = array("I")
        self._offsets = array("Q")
        self._counts = array("I")
        self._starts: list[int] = []

    def __len__(self) -> int:
        """Return how many chunks there are."""
        return len(self._lengths)

    @property
    def files(self) -> int:
        """How many files there are."""
        return len(self._counts)

    def add(self, digest: bytes, pack: int, offset: int, length: int) -> None:
        """Add a chunk to the file that is being laid out."""
        self._digests += digest
        self._packs_of.append(pack)
        self._offsets.append(offset)
        self._lengths.append(length)

    def end_file(self, chunks: int) -> None:
        """End a file that had so many chunks."""
        self._counts.append(chunks)
        self._starts = []

    def settle(self, packs: list[tuple[Digest, int]]) -> None:
        """Name the packs that the chunks were given by number, and forget those that hold none of them."""
        used = sorted(set(self._packs_of))
        numbers = {old: new for new, old in enumerate(used)}
        self.packs = [packs[old] for old in used]
        self._packs_of = array("I", [numbers[old] for old in self._packs_of])

    def chunk(self, number: int) -> Chunk:
        """Return a chunk by its number."""
        at = number * DIGEST_SIZE
        return Chunk(
            bytes(self._digests[at : at + DIGEST_SIZE]),
            self._packs_of[number],
            self._offsets[number],
            self._lengths[number],
        )

    def chunks_of(self, file: int) -> range:
        """Return the numbers of a file's chunks."""
        if not self._starts:
            self._starts = [0, *accumulate(self._counts)]
        return range(self._starts[file], self._starts[file + 1])

    def chunks(self, numbers: range | None = None) -> Iterator[Chunk]:
        """Yield chunks by their numbers, which follow one another; all when left out."""
        wanted = range(len(self)) if numbers is None else numbers
        for start in range(wanted.start, wanted.stop, _AT_ONCE):
            stop = min(start + _AT_ONCE, wanted.stop)
            raw = bytes(self._digests[start * DIGEST_SIZE : stop * DIGEST_SIZE])
            digests = [raw[at : at + DIGEST_SIZE] for at in range(0, len(raw), DIGEST_SIZE)]
            columns = (self._packs_of[start:stop], self._offsets[start:stop], self._lengths[start:stop])
            yield from map(Chunk._make, zip(digests, *columns, strict=True))

    def file_of(self, chunk: int) -> int:
        """Return the number of the file that has a chunk."""
        self.chunks_of(0)
        return bisect_right(self._starts, chunk) - 1

    def encode(self) -> bytes:
        """Return the bytes of this."""
        wire = _Wire(
            [(digest, size) for digest, size in self.packs],
            bytes(self._digests),
            *(_little(numbers) for numbers in (self._lengths, self._packs_of, self._offsets, self._counts)),
        )
        return LAYOUT_MARK + msgspec.msgpack.encode(wire)

    @classmethod
    def decode(cls, content: bytes) -> "Layout":
        """Return what `encode` wrote.

        Raises:
            DamagedLayout: If the bytes are not a layout, or a chunk lies outside its pack.
        """
        if not content.startswith(LAYOUT_MARK):
            raise _damaged()
        try:
            wire = msgspec.msgpack.decode(memoryview(content)[len(LAYOUT_MARK) :], type=_Wire)
            made = cls([(parse_digest(digest), size) for digest, size in wire.packs])
            made._digests = bytearray(wire.digests)
            made._lengths = _numbers("I", wire.lengths)
            made._packs_of = _numbers("I", wire.packs_of)
            made._offsets = _numbers("Q", wire.offsets)
            made._counts = _numbers("I", wire.counts)
        except (msgspec.MsgspecError, InvalidDigest, ValueError) as error:
            raise _damaged() from error
        if not made._is_sound():
            raise _damaged()
        return made

    def _is_sound(self) -> bool:
        count = len(self._lengths)
        if not count == len(self._packs_of) == len(self._offsets) == len(self._digests) // DIGEST_SIZE:
            return False
        if sum(self._counts) != count or len(self._digests) % DIGEST_SIZE:
            return False
        sizes = [size for _, size in self.packs]
        return all(
            pack < len(sizes) and offset + length <= sizes[pack]
            for pack, offset, length in zip(self._packs_of, self._offsets, self._lengths, strict=True)
        )


def packs_of(content: bytes) -> list[Digest]:
    """Return the packs that a layout names, given its bytes."""
    return [digest for digest, _ in Layout.decode(content).packs]


def _little(numbers: "array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()


def _numbers(code: str, content: bytes) -> "array[int]":
    numbers = array(code)
    numbers.frombytes(content)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _damaged() -> DamagedLayout:
    return DamagedLayout(
        "This object is not the layout of a version's files", hint="`tidemill fsck` names what depends on it."
    )
