"""BLAKE3 digests of bytes and files."""

from pathlib import Path

from blake3 import blake3

from tidemill.core.digests import Digest

_PIECE = 4 << 20


def digest_bytes(content: bytes | memoryview) -> Digest:
    """Return the digest of some bytes."""
    return Digest(blake3(content).hexdigest())


def digest_file(path: Path) -> Digest:
    """Return the digest of a file's content, read once, on all cores when it is large."""
    # Not as a map of memory: where somebody shortens a file that is mapped, the kernel ends the process.
    hasher = blake3(max_threads=blake3.AUTO)
    piece = memoryview(bytearray(max(1, min(_PIECE, path.stat().st_size))))
    with path.open("rb", buffering=0) as file:
        while length := file.readinto(piece):
            hasher.update(piece[:length])
    return Digest(hasher.hexdigest())
