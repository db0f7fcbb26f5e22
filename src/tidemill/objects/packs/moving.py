"""What of a layout must be moved to a place that has some of its packs, or some of its chunks in other packs.

A pack of which at least half is lacking moves whole. Of others just the lacking chunks move, in new and smaller packs,
and the layout is written anew for that place; the manifest, and with it the name of the content, stays.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tidemill.core.digests import Digest
from tidemill.objects.packs.layout import Chunk, Layout
from tidemill.objects.packs.writing import ENOUGH

Pack = tuple[Digest, int]
"""A pack and its size in bytes."""


class Place(NamedTuple):
    """Where a chunk lies."""

    pack: Pack
    offset: int


class Move(NamedTuple):
    """What is to be moved.

    Args:
        whole: Packs that move as they are.
        chunks: What each new pack will hold, in this order.
        known: Chunks that are there in other packs.
    """

    whole: list[Pack]
    chunks: list[list[Chunk]]
    known: dict[bytes, Place]


def plan_move(layout: Layout, has: Callable[[Pack], bool], others: Iterable[Layout]) -> Move:
    """Return what of a layout is lacking at a place.

    Args:
        layout: Where the chunks lie here.
        has: Returns whether a pack is there.
        others: Layouts of versions that are there; they are looked at only when packs are lacking.
    """
    is_there = [has(pack) for pack in layout.packs]
    if all(is_there):
        return Move([], [], {})
    lacking = {chunk.digest: chunk for chunk in layout.chunks() if not is_there[chunk.pack]}
    known = _find(lacking, has, others)
    left = [0] * len(layout.packs)
    for digest, chunk in lacking.items():
        left[chunk.pack] += 0 if digest in known else chunk.length
    moves = [2 * bytes_left >= size > 0 for bytes_left, (_, size) in zip(left, layout.packs, strict=True)]
    rest = [chunk for digest, chunk in lacking.items() if digest not in known and not moves[chunk.pack]]
    rest.sort(key=lambda chunk: (chunk.pack, chunk.offset))
    return Move([pack for pack, move in zip(layout.packs, moves, strict=True) if move], parted(rest), known)


def relaid(layout: Layout, move: Move, made: list[Pack]) -> Layout:
    """Return a layout for the place, once what was planned is there.

    Args:
        layout: Where the chunks lie here.
        move: What was planned.
        made: The new packs, in the order of the plan.
    """
    if not move.chunks and not move.known:
        return layout
    places = dict(move.known)
    for pack, chunks in zip(made, move.chunks, strict=True):
        offset = 0
        for chunk in chunks:
            places[chunk.digest] = Place(pack, offset)
            offset += chunk.length
    whole = set(move.whole)
    numbers: dict[Pack, int] = {}
    new = Layout()
    for file in range(layout.files):
        chunks_of = layout.chunks_of(file)
        for number in chunks_of:
            chunk = layout.chunk(number)
            pack = layout.packs[chunk.pack]
            place = None if pack in whole else places.get(chunk.digest)
            pack, offset = place or (pack, chunk.offset)
            new.add(chunk.digest, numbers.setdefault(pack, len(numbers)), offset, chunk.length)
        new.end_file(len(chunks_of))
    new.packs.extend(numbers)
    return new


def _find(lacking: dict[bytes, Chunk], has: Callable[[Pack], bool], others: Iterable[Layout]) -> dict[bytes, Place]:
    known: dict[bytes, Place] = {}
    for other in others:
        is_there = [has(pack) for pack in other.packs]
        for chunk in other.chunks():
            if is_there[chunk.pack] and chunk.digest in lacking:
                known.setdefault(chunk.digest, Place(other.packs[chunk.pack], chunk.offset))
    return known


def parted(chunks: list[Chunk]) -> list[list[Chunk]]:
    """Part chunks into packs of a limited size."""
    packs: list[list[Chunk]] = []
    size = ENOUGH
    for chunk in chunks:
        if size + chunk.length > ENOUGH:
            packs.append([])
            size = 0
        packs[-1].append(chunk)
        size += chunk.length
    return packs
