"""Lines of JSON like those before: proved to hold nothing new without a look at each value in Python."""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Annotated

import msgspec

_MOST_COLUMNS = 2000
_MOST_MISSES = 8
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class KnownRows:
    """Takes objects whose columns and types of values are all known; everything else is left to be looked at.

    What is taken is what a decoder of these very types takes, so that nothing rests on a sample.

    Args:
        columns: The types of values of each column, as they were seen.
    """

    def __init__(self, columns: Mapping[str, set[type]]) -> None:
        self._misses = 0
        self._decoder: msgspec.json.Decoder[msgspec.Struct] | None = None
        if 0 < len(columns) <= _MOST_COLUMNS:
            fields = [(f"f{place}", _declared(found), None) for place, found in enumerate(columns.values())]
            names = {f"f{place}": column for place, column in enumerate(columns)}
            row = msgspec.defstruct("Row", fields, rename=names, forbid_unknown_fields=True, gc=False)
            self._decoder = msgspec.json.Decoder(row)

    def count(self, lines: bytes) -> int:
        """Return how many objects there are, a line each; 0 when they hold anything new, or are no such lines."""
        if self._decoder is None or self._misses > _MOST_MISSES:
            return 0
        try:
            rows = len(self._decoder.decode_lines(lines))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            rows = 0
        if not _has_a_line_each(lines, rows):
            self._misses += 1
            return 0
        return rows


def _has_a_line_each(lines: bytes, rows: int) -> bool:
    """Return whether objects that follow one another are a line each: the decoder takes them in any lines.

    Where every end of a line stands between `}` and `{`, none is inside of an object, and none inside of a text.
    """
    if b"\r" in lines:
        lines = lines.replace(b"\r\n", b"\n")
    ends = lines.count(b"\n") + (not lines.endswith(b"\n"))
    return rows == ends == lines.count(b"}\n{") + 1 and lines.startswith(b"{") and lines.endswith((b"}\n", b"}"))


def _declared(found: set[type]) -> object:
    """Return what a column may hold so that nothing new is known of it; missing is never new."""
    if found & {dict, list}:
        return object
    types: list[object] = [each for each in found if each not in {int, type(None)}]
    if int in found and float not in found:
        types.append(Annotated[int, msgspec.Meta(ge=_LEAST, le=_MOST)])
    return reduce(or_, types, None)
