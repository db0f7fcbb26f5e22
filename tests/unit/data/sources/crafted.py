"""Parquet files written by hand, so that they can say what no writer would."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

INT32, INT64, BYTE_ARRAY = 1, 2, 6
GZIP = 2
PLAIN, RLE, RLE_DICTIONARY = 0, 3, 8

Value = Union[int, bytes, Mapping[int, "Value"], Sequence["Value"]]  # noqa: UP007 - it names itself


def number(value: int) -> bytes:
    """Return a number as the compact protocol writes it."""
    rest, raw = (value << 1) ^ (value >> 63), bytearray()
    while rest > 127:
        raw.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*raw, rest])


def _length(value: int) -> bytes:
    return number(value // 2 if not value % 2 else -(value // 2) - 1)


def _kind(value: Value) -> int:
    if isinstance(value, int):
        return 6
    return 8 if isinstance(value, bytes) else 12 if isinstance(value, Mapping) else 9


def thrift(value: Value) -> bytes:
    """Return a value in the compact protocol; a mapping is a structure by the numbers of its fields."""
    if isinstance(value, int):
        return number(value)
    if isinstance(value, bytes):
        return _length(len(value)) + value
    if isinstance(value, Mapping):
        fields = [bytes([_kind(each)]) + number(key) + thrift(each) for key, each in sorted(value.items())]
        return b"".join(fields) + b"\0"
    kind = _kind(value[0]) if value else 12
    head = bytes([len(value) << 4 | kind]) if len(value) < 15 else bytes([0xF0 | kind]) + _length(len(value))
    return head + b"".join(map(thrift, value))


@dataclass
class Table:
    """One required column of one value, said over and over: a dictionary of one word, and runs of its number.

    Args:
        rows: How many rows there are.
        word: The value.
        kind: The physical type of it.
        claims: What fields of the heads and the footer say in place of what is true.
        schema: More elements of the schema.
        children: How many columns the schema says to have.
    """

    rows: int
    word: bytes = (7).to_bytes(8, "little")
    kind: int = INT64
    claims: Mapping[str, int] = field(default_factory=dict)
    schema: Sequence[Mapping[int, Value]] = ()
    children: int = 1

    def __bytes__(self) -> bytes:
        """Return the file."""
        plain = (len(self.word).to_bytes(4, "little") if self.kind == BYTE_ARRAY else b"") + self.word
        words = self._page(2, plain, 7, {1: self.claims.get("words", 1), 2: PLAIN})
        run = b"\1" + _length(self.rows << 1) + b"\0"  # the width of a number, and one run of noughts
        values = self.claims.get("values", self.rows)
        data = self._page(0, run, 5, {1: values, 2: RLE_DICTIONARY, 3: RLE, 4: RLE})
        pages = words + data
        about: Mapping[int, Value] = {
            1: self.kind,
            2: [PLAIN, RLE, RLE_DICTIONARY],
            3: [b"a"],
            4: GZIP,
            5: self.claims.get("column", self.rows),
            6: self.claims.get("plain", len(plain) + len(run) + 100),
            7: self.claims.get("packed", len(pages)),
            9: self.claims.get("data", 4 + len(words)),
            11: 4,
        }
        group: Mapping[int, Value] = {
            1: [{2: 4, 3: about}] * self.claims.get("columns", 1),
            2: len(pages),
            3: self.rows,
        }
        leaf: dict[int, Value] = {1: self.kind, 3: 0, 4: b"a"}
        root: dict[int, Value] = {4: b"schema", 5: self.children}
        rows = self.claims.get("rows", self.rows)
        elements: list[Value] = [root, *(self.schema or [leaf])]
        footer = thrift({1: 1, 2: elements, 3: rows, 4: [group]})
        return b"PAR1" + pages + footer + len(footer).to_bytes(4, "little") + b"PAR1"

    def _page(self, kind: int, plain: bytes, place: int, about: Mapping[int, Value]) -> bytes:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        packed = packer.compress(plain) + packer.flush()
        size = self.claims.get("page", len(plain)) if kind == 0 else len(plain)
        return thrift({1: kind, 2: size, 3: len(packed), place: about}) + packed
