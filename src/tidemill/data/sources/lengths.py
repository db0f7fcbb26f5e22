"""Rows of text that are too long to be held: found before the reader holds one."""

from pathlib import Path

from tidemill.core.names import shown
from tidemill.data.errors import MalformedTable
from tidemill.data.sources.json_text import LONGEST

_PIECE = 1 << 20
_QUOTE, _END = b'"', b"\n"


def check_lengths(path: Path, name: str) -> None:
    """Look for a row of CSV that is too long; a line end inside quotes ends none.

    Args:
        path: The file, not packed.
        name: How messages call it.

    Raises:
        MalformedTable: If there is one, with the line at which it begins.
    """
    if path.stat().st_size <= LONGEST:
        return
    place = since = 0
    inside = False
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            end = _last_end(piece, inside=inside)
            inside ^= bool(piece.count(_QUOTE) % 2)
            place += len(piece)
            if end >= 0:
                since = place - len(piece) + end + 1
            if place - since > LONGEST:
                break
        else:
            return
    line = _lines_before(path, since) + 1
    raise MalformedTable(
        f"A row of {shown(name)} is longer than {LONGEST} bytes, or a quote in it is never closed",
        where=f"{name}:{line}",
        hint="Close the quote, or keep such values as files in a folder and name them in the table.",
        details={"line": line},
    )


def _last_end(piece: bytes, *, inside: bool) -> int:
    """Return where in a piece the last line ends that ends outside quotes; -1 when none does."""
    if _QUOTE not in piece:
        return -1 if inside else piece.rfind(_END)
    # From the end: what follows the last quote is outside of quotes if all quotes before it are pairs.
    stop, is_inside = len(piece), inside ^ bool(piece.count(_QUOTE) % 2)
    while True:
        quote = piece.rfind(_QUOTE, 0, stop)
        if not is_inside and (end := piece.rfind(_END, quote + 1, stop)) >= 0:
            return end
        if quote < 0:
            return -1
        stop, is_inside = quote, not is_inside


def _lines_before(path: Path, place: int) -> int:
    count = 0
    with path.open("rb") as file:
        while place > 0 and (piece := file.read(min(_PIECE, place))):
            count += piece.count(_END)
            place -= len(piece)
    return count
