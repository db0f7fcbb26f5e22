"""Streams of Arrow IPC, which say nothing of what follows: read some batches at a time, each looked at before.

Source:
    Apache Arrow columnar format 1.5: encapsulated message format, IPC streaming format, record batch message, body
    compression.
"""

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from tidemill.core.errors import TidemillError
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.disk import Scratch, is_full
from tidemill.data.errors import EmptySource, MalformedTable, SourceTooLarge
from tidemill.data.sources.arrow_file import check_unpacked
from tidemill.data.sources.flat_buffers import Flat, PointsOutside
from tidemill.data.sources.frames import write_frames
from tidemill.data.sources.parquet_file import damaged, in_plain_types
from tidemill.data.sources.table import Rows
from tidemill.data.sources.telling import Share

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_NEXT = b"\xff\xff\xff\xff"
_END = _NEXT + bytes(4)
_LONGEST_HEAD = 64 << 20
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_AT_ONCE = 8 << 20
_MOST_DICTIONARIES = 256 << 20
_STORED = -1


class _Message(NamedTuple):
    """A part of a stream.

    Args:
        kind: What it holds.
        head: What is said of its body.
        raw: All its bytes.
        body: Where in them the body begins.
    """

    kind: int
    head: Flat
    raw: bytes
    body: int


def read_stream(path: Path, name: str, scratch: Scratch, told: Share) -> Rows:
    """Return the rows of an Arrow stream.

    Raises:
        MalformedTable: If it is truncated or damaged.
        EmptySource: If it has no rows or no columns.
        SourceTooLarge: If a batch takes far more memory than it has bytes.
    """
    raw = scratch.new(".parquet")
    try:
        with path.open("rb") as file:
            write_frames(_frames(file, path.stat().st_size, name, told), raw, name, scratch)
        frame = in_plain_types(pl.scan_parquet(raw, glob=False), name)
    except EmptySource as error:
        error.hint = "Look at how the file was exported."
        raise
    except TidemillError:
        raise
    except (PointsOutside, pl.exceptions.PolarsError, OSError) as error:
        if is_full(error):
            raise
        raise damaged(name, error) from error
    return Rows(frame, None, {})


def _frames(file: IO[bytes], size: int, name: str, told: Share) -> "Iterator[pl.DataFrame]":
    schema, waiting, held = b"", list[bytes](), 0
    dictionaries: dict[int, list[bytes]] = {}
    for message in _messages(file, size, name):
        if message.kind == _SCHEMA:
            schema = message.raw
        elif message.kind in {_DICTIONARY, _BATCH}:
            _check_body(message, name)
            if message.kind == _DICTIONARY:
                if waiting:
                    yield _frame(schema, dictionaries, waiting)
                    waiting, held = [], 0
                _remember(message, dictionaries, name)
                continue
            waiting.append(message.raw)
            held += len(message.raw)
        if held >= _AT_ONCE:
            yield _frame(schema, dictionaries, waiting)
            waiting, held = [], 0
        told(file.tell() / size)
    if waiting or schema:
        yield _frame(schema, dictionaries, waiting)


def _frame(schema: bytes, dictionaries: dict[int, list[bytes]], batches: list[bytes]) -> "pl.DataFrame":
    before = b"".join(b"".join(each) for each in dictionaries.values())
    return pl.read_ipc_stream(BytesIO(b"".join([schema, before, *batches, _END])))


def _remember(message: _Message, dictionaries: dict[int, list[bytes]], name: str) -> None:
    """Keep a dictionary for the batches that follow: one adds to what is there, or takes its place.

    Raises:
        SourceTooLarge: If all of them are more than 256 MiB.
    """
    number, is_more = message.head.integer(0, "q"), bool(message.head.integer(2, "B"))
    if is_more and number in dictionaries:
        dictionaries[number].append(message.raw)
    else:
        dictionaries[number] = [message.raw]
    if sum(len(raw) for raws in dictionaries.values() for raw in raws) > _MOST_DICTIONARIES:
        raise SourceTooLarge(
            f"The dictionaries of {shown(name)} are longer than {_MOST_DICTIONARIES} bytes",
            where=name,
            hint="Write its categories as text, or as Parquet.",
        )


def _messages(file: IO[bytes], size: int, name: str) -> Iterator[_Message]:
    while start := file.read(4):
        head = file.read(4) if start == _NEXT else b""
        length = struct.unpack("<i", _whole(head if start == _NEXT else start, 4, name))[0]
        if length == 0:
            return
        if not 0 < length <= _LONGEST_HEAD:
            raise _cut(name)
        about = _whole(file.read(length), length, name)
        message = Flat.root(about)
        body = message.integer(3, "q")
        if not 0 <= body <= size - file.tell():
            raise _cut(name)
        raw = b"".join([start, head, about, _whole(file.read(body), body, name)])
        yield _Message(message.integer(1, "B"), message.table(2), raw, len(raw) - body)


def _check_body(message: _Message, name: str) -> None:
    """Hold what a batch says of its rows against the bytes that it has.

    Raises:
        MalformedTable: If its buffers lie elsewhere.
        SourceTooLarge: If they unpack to far more.
    """
    batch = message.head.table(1) if message.kind == _DICTIONARY else message.head
    size = len(message.raw) - message.body
    rows, is_packed = batch.integer(0, "q"), batch.has(3)
    taken, columns = 0, batch.length(1)
    for offset, length in batch.structs(2, "qq"):
        if offset < 0 or length < 0 or offset + length > size:
            raise _cut(name)
        unpacked = length
        if is_packed and length >= 8:
            (stated,) = struct.unpack_from("<q", message.raw, message.body + offset)
            unpacked = length if stated == _STORED else stated
        if unpacked < 0:
            raise _cut(name)
        taken += unpacked
    if rows < 0:
        raise _cut(name)
    check_unpacked(max(taken, rows * max(1, columns)), len(message.raw), name)


def _whole(content: bytes, length: int, name: str) -> bytes:
    if len(content) < length:
        raise _cut(name)
    return content


def _cut(name: str) -> MalformedTable:
    return MalformedTable(
        f"{shown(name)} is truncated or damaged: it says to hold more than it does",
        where=name,
        hint="Fetch it again and compare its size.",
    )
