"""Files of a version at a place, read from there as they are asked for."""

from threading import Lock
from typing import cast

from tidemill.core.digests import Digest
from tidemill.data.errors import NotATable
from tidemill.data.rules import parse_dataset_ref
from tidemill.data.sharing.errors import DamagedRecord
from tidemill.data.sharing.records import SharedVersion
from tidemill.data.sharing.shelf import Shelf
from tidemill.objects import ObjectStore
from tidemill.objects.digest import digest_bytes
from tidemill.objects.packs.folder import StoredFiles
from tidemill.objects.remote import RemoteStore, connect, parse_address
from tidemill.objects.remote.errors import RemoteDamaged
from tidemill.objects.remote.store import Stored

_READS = 3


class SharedFiles(StoredFiles):
    """The files of a version at a place. Each chunk is verified against the layout; nothing is written to this disk.

    A read that goes on where the last one ended fetches some MiB in one request, any other one just its chunks.

    Args:
        remote: The place; closed with this.
        shared: The version there.

    Raises:
        RemoteDamaged: If the manifest or the layout is not what was pushed.
    """

    def __init__(self, remote: RemoteStore, shared: SharedVersion) -> None:
        sizes = {found.digest: found.size for found in shared.objects}
        version = shared.version
        if version.layout_digest is None:
            raise NotATable(f"{version.ref} is a table, not files", hint="Read its rows with `scan_shared`.")
        if not {version.digest, version.layout_digest} <= sizes.keys():
            raise DamagedRecord(f"The record of {version.ref} does not name all that it needs", hint="Push it again.")
        super().__init__(cast("ObjectStore", _Objects(remote, sizes)), version.digest, version.layout_digest)
        self._remote = remote
        self._ahead: dict[int, bytes] = {}
        self._next = -1
        self._reading = Lock()

    def read_chunks(self, file: int, start: int, end: int) -> bytes:
        """Return the verified bytes of chunks that lie one after the other in one pack."""
        with self._reading:
            wanted = range(start, end)
            if not self._ahead.keys() >= set(wanted):
                is_on = start == self._next
                stop = max(end, self._span(start, self.layout.chunks_of(file).stop)[0]) if is_on else end
                self._ahead = dict(zip(range(start, stop), self._fetch(start, stop), strict=True))
            self._next = end
            return b"".join(self._ahead[number] for number in wanted)

    def read_into(self, buffer: bytearray, start: int, end: int) -> memoryview:
        """Return the verified bytes of chunks: in memory of their own, as what comes from elsewhere is."""
        del buffer
        return memoryview(self.read_chunks(-1, start, end))

    def _fetch(self, start: int, end: int) -> list[bytes]:
        chunks = [self.layout.chunk(number) for number in range(start, end)]
        first, last = chunks[0], chunks[-1]
        pack = Stored(*self.layout.packs[first.pack])
        for _ in range(_READS):
            content = self._remote.range(pack, first.offset, last.offset + last.length)
            found = [content[chunk.offset - first.offset :][: chunk.length] for chunk in chunks]
            if all(digest_bytes(one) == chunk.digest.hex() for one, chunk in zip(found, chunks, strict=True)):
                return found
        raise RemoteDamaged(
            f"A chunk in pack {pack.digest} at {self._remote.bucket} is not what was pushed",
            hint="Remove the pack there, and push the version again from a workspace that has it.",
        )

    def close(self) -> None:
        """Let go of the place."""
        super().close()
        self._remote.close()


class _Objects:
    """What of an object store the reading of a version begins with."""

    def __init__(self, remote: RemoteStore, sizes: dict[Digest, int]) -> None:
        self._remote = remote
        self._sizes = sizes

    def read(self, digest: Digest) -> bytes:
        return self._remote.read_all(Stored(digest, self._sizes[digest]))


def open_shared(uri: str, ref: str) -> SharedFiles:
    """Return the files of a version at a place, to be closed; no workspace is needed.

    Args:
        uri: The place, such as `s3://bucket/prefix`.
        ref: The version there, such as `pictures@3`.

    Raises:
        InvalidRemote: If the address names no place.
        DatasetNotFound: If no version of the dataset is there.
        DatasetVersionNotFound: If this one is not.
        NotATable: If it is a table.
    """
    bucket = connect(parse_address(uri))
    return SharedFiles(RemoteStore(bucket), Shelf(bucket).find(parse_dataset_ref(ref)))
