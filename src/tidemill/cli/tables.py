"""Tables on a terminal: nothing is cut off, and no line is longer than the terminal is wide."""

import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from shutil import get_terminal_size

_GAP = "  "
_SHORT, _NARROWEST = 20, 16
"""A text up to the first, such as a moment, stays whole; no other is broken into lines shorter than the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What stands under which head, as text.

    Args:
        head: The names of the columns.
        lines: A cell for each column.
    """

    head: Sequence[str]
    lines: Sequence[Sequence[str]]

    def width(self, at: int) -> int:
        """Return how wide a column is."""
        return max(wide(text) for text in (self.head[at], *(line[at] for line in self.lines)))

    def of(self, places: Sequence[int]) -> "Table":
        """Return some of the columns."""
        return Table(head=[self.head[at] for at in places], lines=[[line[at] for at in places] for line in self.lines])


def terminal_width() -> int | None:
    """Return how wide the terminal is; None when what is written goes elsewhere."""
    return get_terminal_size().columns if sys.stdout.isatty() else None


def wide(text: str) -> int:
    """Return how many places of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def visible(text: str) -> str:
    r"""Return a text of one line that does nothing to a terminal: `\n` for a line's end, `\x1b` for an escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def laid_out(table: Table, width: int | None) -> Iterator[list[str]]:
    """Give the table in blocks of lines, the head first.

    A table that fits is one block. Where long texts can be broken so that it fits, they are; else the columns that find
    no room go on below, beside the first one again.

    Args:
        table: What to lay out.
        width: How wide a line may be; None when it does not matter.
    """
    widths = [table.width(at) for at in range(len(table.head))]
    if width is None or _total(widths) <= width:
        yield _written(table, widths)
    elif narrowed := _narrowed(table, widths, width):
        yield _written(table, narrowed)
    else:
        for places in _blocks(widths, width):
            part, held = table.of(places), [widths[at] for at in places]
            yield _written(part, _narrowed(part, held, width) or held)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _narrowed(table: Table, widths: Sequence[int], width: int) -> list[int] | None:
    """Return widths with which the lines fit when long texts are broken between words; None when they cannot be."""
    texts = [at for at, each in enumerate(widths) if each > _SHORT and any(" " in line[at] for line in table.lines)]
    left = width - _total(widths) + sum(widths[at] for at in texts)
    # The highest limit for all of them that leaves the lines short enough.
    limit = max(
        (each for each in range(_NARROWEST, width) if sum(min(widths[at], each) for at in texts) <= left), default=0
    )
    return [min(each, limit) if at in texts else each for at, each in enumerate(widths)] if texts and limit else None


def _blocks(widths: Sequence[int], width: int) -> Iterator[list[int]]:
    """Give the columns that stand beside one another; the first one names the row, in each block."""
    block = [0]
    for at in range(1, len(widths)):
        if len(block) > 1 and _total([widths[each] for each in (*block, at)]) > width:
            yield block
            block = [0]
        block.append(at)
    yield block


def _written(table: Table, widths: Sequence[int]) -> list[str]:
    said = [_padded(table.head, widths)]
    for line in table.lines:
        cells = [_wrapped(text, width) for text, width in zip(line, widths, strict=True)]
        said.extend(_padded(texts, widths) for texts in zip_longest(*cells, fillvalue=""))
    return said


def _wrapped(text: str, width: int) -> list[str]:
    if wide(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]


def _padded(texts: Sequence[str], widths: Sequence[int]) -> str:
    padded = (text + " " * (width - wide(text)) for text, width in zip(texts, widths, strict=True))
    return _GAP.join(padded).rstrip()
