"""What the blocks of an Avro file claim, held against their bytes before the reader believes it.

Source:
    Apache Avro 1.12 specification, object container files.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO

from tidemill.core.errors import TidemillError
from tidemill.core.lazy import load
from tidemill.core.names import shown
from tidemill.data.errors import MalformedTable, SourceTooLarge, UnsupportedSource
from tidemill.data.sources.unpack import load_zstd

_FREE_RECORDS = 1 << 20
_FREE_BYTES = 256 << 20
_RATIO = 200
_MOST_PACKED = 1032  # deflate makes no more bytes of one
_LONGEST_HEAD = 64 << 20
_SYNC = 16
_DEFLATE = -15
_CHECKSUM = 4
_PIECE = 1 << 20
_XZ_MEMORY = 256 << 20
_CODECS = ("null", "deflate", "snappy", "zstandard", "bzip2", "xz")


def check_blocks(file: BinaryIO, name: str) -> None:
    """Look at what each block says, and unpack to nowhere those that could be large.

    Args:
        file: The file, which begins as Avro files do.
        name: How messages call it.

    Raises:
        MalformedTable: If a block says to hold more than it can, or is not what its codec packs.
        SourceTooLarge: If one unpacks to far more than its bytes.
        UnsupportedSource: If the codec is none that is read.
        MissingExtra: If the codec's library is not installed.
    """
    size = file.seek(0, 2)
    file.seek(4)
    codec = _codec(file, name)
    if codec not in _CODECS:
        raise UnsupportedSource(
            f"{shown(name)} is packed with {shown(codec)}, which is not read",
            where=name,
            hint=f"Write it with one of: {', '.join(_CODECS)}.",
        )
    file.seek(_SYNC, 1)
    while (place := file.tell()) < size:
        count, length = _number(file, name), _number(file, name)
        start = file.tell()
        if count < 0 or length < 0 or start + length + _SYNC > size:
            raise _lying(name, place)
        try:
            held = _unpacked(codec, file, length, name)
        except TidemillError:
            raise
        except Exception as error:  # of five libraries, each with its own
            raise _lying(name, place) from error
        if count > max(_FREE_RECORDS, held):
            raise _lying(name, place)
        file.seek(start + length + _SYNC)


def _unpacked(codec: str, file: BinaryIO, length: int, name: str) -> int:
    """Return how many bytes a block unpacks to, or the most that it may where that is harmless."""
    if codec == "null":
        return length
    if codec == "deflate" and length * _MOST_PACKED <= _FREE_BYTES:
        return length * _MOST_PACKED
    packed = file.read(length)
    if codec == "snappy":
        return _snapped(packed, name)
    new: dict[str, Callable[[], Any]] = {
        "deflate": lambda: zlib.decompressobj(_DEFLATE),
        "bzip2": bz2.BZ2Decompressor,
        "xz": lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY),
        "zstandard": lambda: load_zstd().ZstdDecompressor(),
    }
    return _streamed(new[codec], packed, name)


def _snapped(packed: bytes, name: str) -> int:
    """Unpack a block of Snappy, if it may be as long as it says, to hold it against its checksum: no reader does."""
    content = BytesIO(packed[:-_CHECKSUM])
    stated = shift = 0
    while True:
        byte = content.read(1)
        if not byte or shift > 28:
            raise EOFError
        stated |= (byte[0] & 127) << shift
        shift += 7
        if byte[0] < 128:
            break
    _check_most(stated, len(packed), name)
    unpacked = bytes(load("cramjam").snappy.decompress_raw(packed[:-_CHECKSUM]))
    if zlib.crc32(unpacked) != int.from_bytes(packed[-_CHECKSUM:], "big"):
        raise ValueError("the checksum is another")
    return len(unpacked)


def _streamed(new: Callable[[], Any], packed: bytes, name: str) -> int:
    """Unpack streams that follow one another to nowhere."""
    total, rest = 0, packed
    while rest:
        stream = new()
        while not stream.eof:
            piece = stream.decompress(rest, _PIECE)
            rest = getattr(stream, "unconsumed_tail", b"")  # of deflate; the others keep it
            total += len(piece)
            _check_most(total, len(packed), name)
            if not piece and not rest and not stream.eof and getattr(stream, "needs_input", True):
                raise EOFError
        rest = stream.unused_data
    return total


def _check_most(total: int, length: int, name: str) -> None:
    most = max(_FREE_BYTES, _RATIO * length)
    if total > most:
        raise SourceTooLarge(
            f"A block of {shown(name)} unpacks to more than {most} bytes",
            where=name,
            hint="Write it again in smaller blocks, if it is really that large.",
        )


def _codec(file: BinaryIO, name: str) -> str:
    codec = b"null"
    while count := _number(file, name):
        if count < 0:
            _number(file, name)
        for _ in range(abs(count)):
            key, value = _bytes(file, name), _bytes(file, name)
            codec = value if key == b"avro.codec" else codec
    return codec.decode(errors="replace")


def _bytes(file: BinaryIO, name: str) -> bytes:
    length = _number(file, name)
    if not 0 <= length <= _LONGEST_HEAD:
        raise _lying(name, file.tell())
    content = file.read(length)
    if len(content) < length:
        raise _lying(name, file.tell())
    return content


def _number(file: BinaryIO, name: str) -> int:
    value = shift = 0
    while True:
        byte = file.read(1)
        if not byte or shift > 63:
            raise _lying(name, file.tell())
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return (value >> 1) ^ -(value & 1)
        shift += 7


def _lying(name: str, place: int) -> MalformedTable:
    return MalformedTable(
        f"{shown(name)} is truncated or damaged: what it says at byte {place} cannot be",
        where=name,
        hint="Fetch it again and compare its size.",
    )
