"""Packs of which little is still needed: that moves into new packs, and layouts are written anew.

A pack is an object and stays whole as long as one chunk of it is needed. When versions went, little of one may be left.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from tidemill.core.digests import Digest
from tidemill.objects.packs.layout import Chunk, Layout
from tidemill.objects.packs.moving import Move, Pack, parted, relaid
from tidemill.objects.packs.reading import read_chunks
from tidemill.objects.store import ObjectStore

LEAST_SAVED = 1 << 20
"""How many bytes of a pack must be needless to make it worth its reading."""


def sparse_packs(layouts: Iterable[Layout]) -> dict[Pack, int]:
    """Return the packs of which less than half is needed, and how many bytes of each are.

    Args:
        layouts: Those of every version.
    """
    seen: dict[Pack, set[int]] = {}
    needed: dict[Pack, int] = {}
    for layout in layouts:
        places = [seen.setdefault(pack, set()) for pack in layout.packs]
        for chunk in layout.chunks():
            if chunk.offset not in places[chunk.pack]:
                places[chunk.pack].add(chunk.offset)
                pack = layout.packs[chunk.pack]
                needed[pack] = needed.get(pack, 0) + chunk.length
    return {pack: few for pack, few in needed.items() if 2 * few < pack[1] and pack[1] - few >= LEAST_SAVED}


def rewrite(
    objects: ObjectStore, digests: Iterable[Digest], packs: Mapping[Pack, int], told: Callable[[int], None]
) -> dict[Digest, Digest]:
    """Move what is needed of some packs into new ones, and return the layouts that stand for those that name them.

    Nothing is removed: whoever reads by the old layouts goes on.

    Args:
        objects: Where they are.
        digests: The layouts of every version.
        packs: The packs.
        told: Is told of the bytes that were moved.

    Raises:
        DamagedObject: If a chunk is not what was stored.
        OutOfSpace: If the disk is full.
    """
    old = Layout(list(packs))
    numbers = {pack: number for number, pack in enumerate(packs)}
    needed: dict[bytes, Chunk] = {}
    naming = []
    for digest, layout in _read(objects, digests):
        if numbers.keys() & set(layout.packs):
            naming.append(digest)
            for chunk in layout.chunks():
                if (number := numbers.get(layout.packs[chunk.pack])) is not None:
                    needed.setdefault(chunk.digest, chunk._replace(pack=number))
    groups = parted(sorted(needed.values(), key=lambda chunk: (chunk.pack, chunk.offset)))
    made: list[Pack] = []
    for chunks in groups:
        with objects.incoming() as coming:
            for content in read_chunks(objects, old, chunks):
                coming.write(content)
                told(len(content))
            made.append(coming.finish())
    move = Move([], groups, {})
    return {digest: objects.put_bytes(relaid(layout, move, made).encode()) for digest, layout in _read(objects, naming)}


def _read(objects: ObjectStore, digests: Iterable[Digest]) -> Iterator[tuple[Digest, Layout]]:
    for digest in digests:
        yield digest, Layout.decode(objects.read(digest))
