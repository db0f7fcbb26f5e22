"""What a Parquet file says of itself, held against its bytes before the fast reader believes it.

That reader takes the memory that a file claims: for a page, for the rows of a group, for a schema nested without end.
So the footer and the head of every page are looked at first, in memory that does not grow with the file.

Source:
    The Parquet format, https://parquet.apache.org/docs/file-format/, and the compact protocol of Thrift.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from tidemill.core.names import shown
from tidemill.data.errors import MalformedTable, SourceTooLarge, UnsupportedSource
from tidemill.data.sources.dialect import MOST_COLUMNS, too_many_columns
from tidemill.data.sources.thrift import Fields, NotThrift, Thrift

_TAIL = 8
_HEAD = 1 << 10
_LONGEST_HEAD = 1 << 24  # a head may hold the least and the greatest value
_DEEPEST = 32
_MOST_ELEMENTS = 4 * MOST_COLUMNS
_RATIO = 200
_GROUP_BYTES = 1 << 30
_FILE_BYTES = 16 << 30
_WIDTHS = {0: 1, 1: 4, 3: 12, 4: 4}
_WIDTH = 8
_SLACK = 1 << 10  # some writers leave out the heads of pages in what they count
_ROWS, _GROUPS, _SCHEMA = 3, 4, 2


class _Chunk(NamedTuple):
    """A column of a group: where it lies, and how large it says to be."""

    start: int
    packed: int
    plain: int
    values: int
    width: int


def check_shape(file: BinaryIO, name: str) -> None:
    """Look at what a Parquet file says of itself.

    Args:
        file: The file, which begins as Parquet files do.
        name: How messages call it.

    Raises:
        MalformedTable: If it is truncated, or says what its bytes do not hold.
        SourceTooLarge: If a group of rows, or all of them, would take far more memory than the file has bytes.
        UnsupportedSource: If it is encrypted, or nested too deeply.
        InvalidColumns: If it has more columns than a table may have.
    """
    try:
        end, footer = _footer(file, name)
        _check_footer(file, end, footer, name)
    except (NotThrift, OverflowError) as error:
        raise MalformedTable(
            f"{shown(name)} is truncated or damaged: {error}", where=name, hint="Fetch it again and compare its size."
        ) from error


def _footer(file: BinaryIO, name: str) -> tuple[int, bytes]:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    if tail[4:] == b"PARE":
        raise UnsupportedSource(f"{shown(name)} is encrypted", hint="Decrypt it first.")
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != b"PAR1" or length + _TAIL + 4 > size:
        raise NotThrift("its end is not that of a Parquet file")
    file.seek(size - _TAIL - length)
    return size - _TAIL - length, file.read(length)


def _check_footer(file: BinaryIO, end: int, footer: bytes, name: str) -> None:
    rows = counted = plain = packed = 0
    has_schema = False
    thrift = Thrift(footer)
    for field in thrift.fields():
        if field == _SCHEMA:
            _check_schema(thrift.structs(), name)
            has_schema = True
        elif field == _ROWS:
            rows = thrift.number()
        elif field == _GROUPS:
            for group in thrift.structs():
                chunks = [_chunk(column, end) for column in group.list_at(1)]
                counted += group.number_at(3)
                taken = sum(max(chunk.plain, chunk.values * chunk.width) for chunk in chunks)
                held = sum(chunk.packed for chunk in chunks)
                _check_growth(taken, held, _GROUP_BYTES, name)
                plain, packed = plain + taken, packed + held
                for chunk in chunks:
                    _check_pages(file, chunk)
        else:
            thrift.skip()
    if not has_schema or rows != counted:
        raise NotThrift(f"it says {rows} rows, and its groups say {counted}")
    if packed > end:
        raise NotThrift("its columns share bytes")
    _check_growth(plain, end, _FILE_BYTES, name)


def _check_growth(taken: int, held: int, free: int, name: str) -> None:
    if taken > free and taken > _RATIO * held:
        raise SourceTooLarge(
            f"{shown(name)} unpacks to {taken} bytes from {held}, more than {_RATIO} times as much",
            where=name,
            hint="Write it again in smaller groups of rows, or in several files, if it is really that large.",
        )


def _check_schema(elements: Iterator[Fields], name: str) -> None:
    """Refuse a schema that is nested too deeply for whoever follows it by recursion."""
    open_groups: list[int] = []
    for count, element in enumerate(elements):
        if count > _MOST_ELEMENTS:
            raise too_many_columns(count, name)
        while open_groups and not open_groups[-1]:
            open_groups.pop()
        if open_groups:
            open_groups[-1] -= 1
        if children := element.number_at(5):
            open_groups.append(children)
        if len(open_groups) > _DEEPEST:
            raise UnsupportedSource(
                f"{shown(name)} nests its columns more than {_DEEPEST} deep", hint="Write what is nested as JSON text."
            )


def _chunk(column: Fields, end: int) -> _Chunk:
    about = column.fields_at(3)
    data, words = about.number_at(9), about.number_at(11)
    start = min(data, words) if words else data
    chunk = _Chunk(
        start, about.number_at(7), about.number_at(6), about.number_at(5), _WIDTHS.get(about.number_at(1), _WIDTH)
    )
    if min(chunk) < 0 or max(data, chunk.start + chunk.packed) > end:
        raise NotThrift("a column lies beyond its end")
    return chunk


def _check_pages(file: BinaryIO, chunk: _Chunk) -> None:
    """Hold what the heads of pages claim against what the footer says of them."""
    place, stop, plain, values = chunk.start, chunk.start + chunk.packed, 0, 0
    while place < stop and values < chunk.values:
        page, size = _page(file, place, stop)
        unpacked, packed = page.number_at(2), page.number_at(3)
        held = next((page.fields_at(kind).number_at(1) for kind in (5, 8) if page.has(kind)), 0)
        words = page.fields_at(7).number_at(1) if page.has(7) else 0
        place += size + packed
        plain += unpacked
        values += held
        if min(unpacked, packed, held, words) < 0 or place > stop + _SLACK:
            raise NotThrift("a page lies beyond its column")
        if plain > 2 * chunk.plain + _SLACK or values > chunk.values or words > unpacked:
            raise NotThrift("a page claims more than its column holds")


def _page(file: BinaryIO, place: int, stop: int) -> tuple[Fields, int]:
    length = _HEAD
    while True:
        file.seek(place)
        thrift = Thrift(file.read(min(length, stop - place)))
        try:
            return thrift.struct(), thrift.place
        except NotThrift:
            if length >= min(_LONGEST_HEAD, stop - place):
                raise
            length *= 8
