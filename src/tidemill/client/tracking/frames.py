"""Lines with a checksum: how entries lie in a file that may be torn at its end.

A line is eight hexadecimal digits, a space, a JSON text and a newline. JSON holds no newline of its own, so that a
reader finds the next line whatever is wrong with this one; the digits are the CRC-32 of the text.
"""

import json
import zlib
from typing import Any, NamedTuple

Entry = dict[str, Any]
_HEAD = 9


class Line(NamedTuple):
    """A line that was read: its entry, None where it is damaged, and where the next line begins."""

    entry: Entry | None
    end: int


def frame(entry: Entry) -> bytes:
    """Return an entry as a line."""
    text = json.dumps(entry, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def read_lines(data: bytes, start: int = 0) -> list[Line]:
    """Return the whole lines in some bytes; what follows the last newline is still being written, or torn.

    Args:
        data: The bytes, from the beginning of a line.
        start: Where they begin in their file.
    """
    lines: list[Line] = []
    at = 0
    while (newline := data.find(b"\n", at)) >= 0:
        if newline > at:  # an empty line ends a torn one that could not be cut off
            lines.append(Line(_entry(data[at:newline]), start + newline + 1))
        at = newline + 1
    return lines


def _entry(line: bytes) -> Entry | None:
    text = line[_HEAD:]
    if line[:_HEAD] != b"%08x " % zlib.crc32(text):
        return None
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
