"""Reads universal binary JSON as far as XGBoost writes it, so that a model can be looked at before XGBoost sees it.

Source: the format's draft 12, https://ubjson.org; XGBoost's writer uses typed arrays and 64-bit lengths.
"""

import struct
from collections.abc import Callable

_NUMBERS = {b"i": "b", b"U": "B", b"I": "h", b"l": "i", b"L": "q", b"d": "f", b"D": "d"}
_CONSTANTS: dict[bytes, object] = {b"T": True, b"F": False, b"Z": None, b"N": None}
_DEEPEST = 50


class Reader:
    """One text. Every fault of it is a ValueError, an IndexError or a struct.error."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def whole(self) -> object:
        """Return the value that the text is."""
        found = self._value(self._take(1), 0)
        if self._at != len(self._content):
            raise ValueError("it goes on after its end")
        return found

    def _take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._content):
            raise ValueError("it is cut")
        self._at += count
        return self._content[self._at - count : self._at]

    def _number(self, kind: bytes) -> int | float:
        form = ">" + _NUMBERS[kind]
        (found,) = struct.unpack(form, self._take(struct.calcsize(form)))
        return found  # type: ignore[no-any-return]  # what the form says

    def _length(self) -> int:
        kind = self._take(1)
        if kind not in _NUMBERS or kind in b"dD":
            raise ValueError("a length is no whole number")
        return int(self._number(kind))

    def _text(self) -> str:
        return self._take(self._length()).decode()

    def _value(self, kind: bytes, depth: int) -> object:
        if depth > _DEEPEST:
            raise ValueError("it is too deep")
        if kind in _NUMBERS:
            return self._number(kind)
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind in {b"S", b"C"}:
            return self._text() if kind == b"S" else self._take(1).decode()
        if kind not in {b"[", b"{"}:
            raise ValueError("it holds an unknown mark")
        return self._array(depth) if kind == b"[" else self._object(depth)

    def _head(self) -> tuple[bytes, int | None]:
        """Return the type and the count that a container states before its values."""
        kind = b""
        if self._content[self._at : self._at + 1] == b"$":
            self._take(1)
            kind = self._take(1)
        if self._content[self._at : self._at + 1] != b"#":
            if kind:
                raise ValueError("a type without a count")
            return kind, None
        self._take(1)
        return kind, self._length()

    def _array(self, depth: int) -> list[object]:
        kind, count = self._head()
        if kind in _NUMBERS and count is not None:
            form = _NUMBERS[kind]
            return list(struct.unpack(f">{count}{form}", self._take(count * struct.calcsize(">" + form))))
        found: list[object] = []
        self._each(count, b"]", lambda mark: found.append(self._value(mark or kind or self._take(1), depth + 1)))
        return found

    def _object(self, depth: int) -> dict[str, object]:
        kind, count = self._head()
        found: dict[str, object] = {}

        def pair(mark: bytes) -> None:
            if mark:
                self._at -= 1
            name = self._text()
            if name in found:
                raise ValueError("a name stands twice")
            found[name] = self._value(kind or self._take(1), depth + 1)

        self._each(count, b"}", pair)
        return found

    def _each(self, count: int | None, end: bytes, take: Callable[[bytes], None]) -> None:
        if count is not None:
            if not 0 <= count <= len(self._content) - self._at:
                raise ValueError("it is cut")
            for _ in range(count):
                take(b"")
            return
        while (mark := self._take(1)) != end:
            take(mark)
