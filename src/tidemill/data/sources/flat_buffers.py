"""Just enough of FlatBuffers to read what a message says of itself; nothing outside of its bytes is looked at.

Source:
    FlatBuffers, internals: format components.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass


class PointsOutside(Exception):
    """Something points out of the bytes that are there."""


@dataclass(frozen=True, slots=True)
class Flat:
    """A table.

    Args:
        content: All bytes.
        place: Where in them it begins.
    """

    content: bytes
    place: int

    @classmethod
    def root(cls, content: bytes) -> "Flat":
        """Return the outermost table."""
        return cls(content, _at(content, 0, "<I"))

    def has(self, field: int) -> bool:
        """Return whether a field, by its number from 0, is there."""
        return bool(self._field(field))

    def integer(self, field: int, form: str) -> int:
        """Return a number, in a format of `struct`; 0 where it is left out."""
        place = self._field(field)
        return _at(self.content, place, f"<{form}") if place else 0

    def table(self, field: int) -> "Flat":
        """Return the table that a field refers to."""
        return Flat(self.content, self._referred(field))

    def length(self, field: int) -> int:
        """Return how many elements a list has; 0 where it is left out."""
        return _at(self.content, self._referred(field), "<I") if self.has(field) else 0

    def structs(self, field: int, form: str) -> Iterator[tuple[int, ...]]:
        """Yield the elements of a list of structs."""
        if not self.has(field):
            return
        start, each = self._referred(field), struct.Struct(f"<{form}")
        end = start + 4 + _at(self.content, start, "<I") * each.size
        if end > len(self.content):
            raise PointsOutside("a list ends outside of its message")
        yield from each.iter_unpack(self.content[start + 4 : end])

    def _referred(self, field: int) -> int:
        place = self._field(field)
        if not place:
            raise PointsOutside("a message lacks a part")
        return place + _at(self.content, place, "<I")

    def _field(self, field: int) -> int:
        known = self.place - _at(self.content, self.place, "<i")
        if 4 + 2 * field >= _at(self.content, known, "<H"):
            return 0
        offset = _at(self.content, known + 4 + 2 * field, "<H")
        return self.place + offset if offset else 0


def _at(content: bytes, place: int, form: str) -> int:
    if place < 0 or place + struct.calcsize(form) > len(content):
        raise PointsOutside("a message points out of itself")
    return int(struct.unpack_from(form, content, place)[0])
