"""BLAKE3 digests of bytes and files."""

from pathlib import Path

from blake3 import blake3

from tidemill.core.digests import Digest

_LARGE = 8 << 20


def digest_bytes(content: bytes | memoryview) -> Digest:
    """Return the digest of some bytes."""
    return Digest(blake3(content).hexdigest())


def digest_file(path: Path) -> Digest:
    """Return the digest of a file's content, read once, on all cores when it is large."""
    hasher = blake3(max_threads=blake3.AUTO)
    if path.stat().st_size > _LARGE:
        hasher.update_mmap(path)
    else:
        hasher.update(path.read_bytes())
    return Digest(hasher.hexdigest())
