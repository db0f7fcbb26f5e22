"""Chunks out of packs, verified, in the order in which they lie there."""

from collections.abc import Iterator, Sequence

from tidemill.objects.digest import digest_bytes
from tidemill.objects.packs.layout import Chunk, Layout
from tidemill.objects.store import DamagedObject, ObjectStore


def read_chunks(objects: ObjectStore, layout: Layout, chunks: Sequence[Chunk]) -> Iterator[bytes]:
    """Yield the verified bytes of chunks that come by pack and offset.

    Raises:
        DamagedObject: If one is not what was stored.
    """
    pack = -1
    file = None
    try:
        for chunk in chunks:
            digest = layout.packs[chunk.pack][0]
            if file is None or chunk.pack != pack:
                if file is not None:
                    file.close()
                file, pack = objects.open(digest), chunk.pack
            file.seek(chunk.offset)
            content = file.read(chunk.length)
            if digest_bytes(content) != chunk.digest.hex():
                raise DamagedObject(
                    f"A chunk in pack {digest} is not what was stored",
                    hint="Restore the pack from a backup; `tidemill data verify` names every file.",
                )
            yield content
    finally:
        if file is not None:
            file.close()
