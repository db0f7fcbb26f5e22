"""The compact protocol of Thrift, as far as the metadata of Parquet needs it, wary of what it reads.

Source:
    Thrift compact protocol, https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from collections.abc import Iterator
from typing import Union

_DEEPEST = 16
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_NUMBERS = {4, 5, 6}
_LONGEST_NUMBER = 70

Value = Union[int, "Fields", list["Fields"], None]


class NotThrift(Exception):
    """The bytes are not what they should be."""


class Fields(dict[int, Value]):
    """The numbers and structures of a structure, by the number of their field; what else it holds is left out."""

    def has(self, field: int) -> bool:
        """Return whether a field is there."""
        return field in self

    def number_at(self, field: int) -> int:
        """Return a number; nought where there is none."""
        value = self.get(field, 0)
        if not isinstance(value, int):
            raise NotThrift(f"field {field} is no number")
        return value

    def fields_at(self, field: int) -> "Fields":
        """Return a structure; an empty one where there is none."""
        value = self.get(field)
        if value is not None and not isinstance(value, Fields):
            raise NotThrift(f"field {field} is no structure")
        return value if isinstance(value, Fields) else Fields()

    def list_at(self, field: int) -> "list[Fields]":
        """Return a list of structures; an empty one where there is none."""
        value = self.get(field)
        if value is not None and not isinstance(value, list):
            raise NotThrift(f"field {field} is no list")
        return value or []


class Thrift:
    """Reads one structure from its first byte.

    Args:
        raw: The bytes, which may go on behind it.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._kind = 0
        self.place = 0

    def fields(self) -> Iterator[int]:
        """Yield the number of each field; take its value, or skip it, before the next."""
        field = 0
        while head := self._byte():
            self._kind = head & 15
            field = field + (head >> 4) if head >> 4 else self._signed()
            yield field

    def number(self) -> int:
        """Return the value of a field that is a number."""
        if self._kind not in _NUMBERS:
            raise NotThrift("a field is no number")
        return self._signed()

    def structs(self) -> Iterator[Fields]:
        """Yield the structures of a field that is a list of them."""
        if self._kind != _LIST:
            raise NotThrift("a field is no list")
        count, kind = self._list_head()
        if count and kind != _STRUCT:
            raise NotThrift("a list holds no structures")
        for _ in range(count):
            yield self.struct(1)

    def struct(self, depth: int = 0) -> Fields:
        """Return a structure."""
        found, field = Fields(), 0
        while head := self._byte():
            kind = head & 15
            field = field + (head >> 4) if head >> 4 else self._signed()
            if kind in _NUMBERS:
                found[field] = self._signed()
            elif kind > _FALSE:
                value = self._value(kind, depth + 1)
                if value is not None:
                    found[field] = value
        return found

    def skip(self) -> None:
        """Go beyond the value of a field."""
        if self._kind not in {_TRUE, _FALSE}:
            self._value(self._kind, 1)

    def _value(self, kind: int, depth: int) -> Value:
        if depth > _DEEPEST:
            raise NotThrift("it is nested too deeply")
        if kind in _NUMBERS:
            return self._signed()
        if kind == _STRUCT:
            return self.struct(depth)
        if kind in {_LIST, _SET}:
            count, element = self._list_head()
            if element == _STRUCT:
                return [self.struct(depth) for _ in range(count)]
            self._many(count, element, depth)
        elif kind == _MAP:
            count = self._unsigned()
            kinds = self._byte() if count else 0
            for _ in range(count):
                self._many(1, kinds >> 4, depth)
                self._many(1, kinds & 15, depth)
        elif kind == _BINARY:
            self._go(self._unsigned())
        else:
            self._go({_TRUE: 1, _FALSE: 1, _BYTE: 1, _DOUBLE: 8}.get(kind, len(self._raw) + 1))
        return None

    def _many(self, count: int, kind: int, depth: int) -> None:
        for _ in range(count):
            self._value(kind, depth + 1)

    def _list_head(self) -> tuple[int, int]:
        head = self._byte()
        count = self._unsigned() if head >> 4 == 15 else head >> 4
        if count > len(self._raw) - self.place:  # each element has a byte at least
            raise NotThrift("a list is longer than the file")
        return count, head & 15

    def _byte(self) -> int:
        try:
            value = self._raw[self.place]
        except IndexError:
            raise NotThrift("it ends too early") from None
        self.place += 1
        return value

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift >= _LONGEST_NUMBER:
                raise NotThrift("a number is too long")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)

    def _go(self, length: int) -> None:
        self.place += length
        if self.place > len(self._raw):
            raise NotThrift("it ends too early")
