"""What the blocks of an Avro file claim, held against their bytes before the reader believes it.

Source:
    Apache Avro 1.12 specification, object container files.
"""

import zlib
from typing import BinaryIO

from tidemill.core.names import shown
from tidemill.data.errors import MalformedTable, SourceTooLarge

_FREE_RECORDS = 1 << 20
_FREE_BYTES = 256 << 20
_RATIO = 200
_MOST_PACKED = 1032  # deflate makes no more bytes of one
_LONGEST_HEAD = 64 << 20
_SYNC = 16
_DEFLATE = -15


def check_blocks(file: BinaryIO, name: str) -> None:
    """Look at what each block says, and unpack to nowhere those that could be large.

    Args:
        file: The file, which begins as Avro files do.
        name: How messages call it.

    Raises:
        MalformedTable: If a block says to hold more than it can.
        SourceTooLarge: If one unpacks to far more than its bytes.
    """
    size = file.seek(0, 2)
    file.seek(4)
    codec = _codec(file, name)
    file.seek(_SYNC, 1)
    while (place := file.tell()) < size:
        count, length = _number(file, name), _number(file, name)
        start = file.tell()
        if count < 0 or length < 0 or start + length + _SYNC > size:
            raise _lying(name, place)
        if count > max(_FREE_RECORDS, _MOST_PACKED * length):
            raise _lying(name, place)
        if codec == b"deflate" and length * _MOST_PACKED > _FREE_BYTES:
            _check_deflate(file.read(length), name)
        file.seek(start + length + _SYNC)


def _check_deflate(packed: bytes, name: str) -> None:
    most = max(_FREE_BYTES, _RATIO * len(packed))
    stream, total = zlib.decompressobj(_DEFLATE), 0
    while packed and not stream.eof:
        total += len(stream.decompress(packed, 1 << 20))
        packed = stream.unconsumed_tail
        if total > most:
            raise SourceTooLarge(
                f"A block of {shown(name)} unpacks to more than {most} bytes",
                where=name,
                hint="Write it again in smaller blocks, if it is really that large.",
            )


def _codec(file: BinaryIO, name: str) -> bytes:
    codec = b"null"
    while count := _number(file, name):
        if count < 0:
            _number(file, name)
        for _ in range(abs(count)):
            key, value = _bytes(file, name), _bytes(file, name)
            codec = value if key == b"avro.codec" else codec
    return codec


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
