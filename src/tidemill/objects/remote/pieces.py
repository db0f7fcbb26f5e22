"""How a large object is kept at a place: as pieces, each an object of its own.

A transfer that was cut off goes on at the piece where it was, two objects that begin alike share pieces, and who needs
a range of an object reads and verifies the pieces around it only. No upload is ever left half done at the place.
"""

from contextlib import suppress
from itertools import accumulate

import msgspec

from tidemill.core.digests import Digest, InvalidDigest, parse_digest
from tidemill.objects.remote.errors import RemoteDamaged

PIECE = 8 << 20
"""Size in bytes of each piece but the last, and up to which an object is kept whole."""

_FORMAT = "tidemill.pieces.1"


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of bytes with a digest of its own.

    Args:
        offset: Where it begins.
        length: Its length in bytes.
        digest: The digest of its bytes.
    """

    offset: int
    length: int
    digest: Digest


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    size: int
    pieces: tuple[tuple[Digest, int], ...]


def encode_pieces(pieces: list[Slot]) -> bytes:
    """Return the bytes that list the pieces of an object."""
    size = sum(piece.length for piece in pieces)
    return msgspec.json.encode(_Wire(_FORMAT, size, tuple((piece.digest, piece.length) for piece in pieces)))


def decode_pieces(content: bytes, size: int, where: str) -> list[Slot]:
    """Return the pieces of an object of a known size.

    Raises:
        RemoteDamaged: If the bytes are no list of such pieces.
    """
    try:
        wire = msgspec.json.decode(content, type=_Wire)
        digests = [parse_digest(digest) for digest, _ in wire.pieces]
    except (msgspec.MsgspecError, InvalidDigest):
        wire, digests = _Wire("", 0, ()), []
    lengths = [length for _, length in wire.pieces]
    if wire.format != _FORMAT or lengths != piece_lengths(size) or wire.size != size:
        raise RemoteDamaged(f"{where} is not the list of an object's pieces", hint="Push the version again.")
    offsets = accumulate(lengths, initial=0)
    return [Slot(offset, length, digest) for offset, length, digest in zip(offsets, lengths, digests, strict=False)]


def named_pieces(content: bytes) -> list[Digest]:
    """Return the digests that the list of an object's pieces names, of whatever object; none when it is no list."""
    with suppress(msgspec.MsgspecError, InvalidDigest):
        return [parse_digest(digest) for digest, _ in msgspec.json.decode(content, type=_Wire).pieces]
    return []


def piece_lengths(size: int) -> list[int]:
    """Return the lengths in bytes of the pieces of an object."""
    whole, rest = divmod(size, PIECE)
    return [PIECE] * whole + ([rest] if rest else [])
