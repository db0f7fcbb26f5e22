"""Where a CSV file is broken: the slow, exact look after the fast reader stumbled."""

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import MalformedTable, WrongEncoding
from tidemill.data.sources.dialect import Dialect
from tidemill.data.sources.encoding import likely

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

_PIECE = 1 << 22
_QUOTE = ord('"')


def diagnose(path: Path, name: str, dialect: Dialect) -> None:
    """Read a CSV file record by record and raise the first fault, with its line; return when there is none.

    Raises:
        WrongEncoding: If a line is not UTF-8.
        MalformedTable: If a row has another number of fields than the header, or a quote is not closed.
    """
    lines = _Lines(path, name)
    reader = csv.reader(iter(lines), delimiter=dialect.delimiter, strict=True)
    wanted, start, row = len(dialect.columns), 1, -1
    try:
        for record in reader:
            if record or row >= 0:
                row += 1
                _check_length(record, wanted, row, name, start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise MalformedTable(
            f"The quotes of row {row + 1} of {shown(name)} cannot be followed: {error}",
            where=f"{name}:{start}",
            hint="Close the quote, and double quotes inside quoted fields.",
            details={"row": row + 1, "line": start},
        ) from None


def _check_length(record: list[str], wanted: int, row: int, name: str, line: int) -> None:
    if len(record) == wanted or (wanted == 1 and not record):
        return
    found = f"has {len(record)} fields" if record else "is an empty line"
    raise MalformedTable(
        f"Row {row} of {shown(name)} {found}, and the header has {wanted}",
        where=f"{name}:{line}",
        hint="Look for a missing or unquoted delimiter, or a cut line.",
        details={"row": row, "line": line, "fields": len(record), "expected": wanted},
    )


class _Lines:
    """The lines of a file as text; a byte that is not UTF-8 is an error with its line."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name

    def __iter__(self) -> Iterator[str]:
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).decode()
                except UnicodeDecodeError as error:
                    raise WrongEncoding(
                        f"{shown(self._name)} is not UTF-8: line {number} holds the byte 0x{line[error.start]:02x}",
                        where=f"{self._name}:{number}",
                        hint=f"Name its encoding: --encoding {likely(line)}, it seems.",
                        details={"line": number},
                    ) from None


def count_delimiters(path: Path, dialect: Dialect) -> int:
    """Return how many delimiters stand outside quotes, header left out.

    Rows times (columns - 1), when every row has all its fields; the fast reader fills short rows with nulls.
    """
    sign, header, total, inside = ord(dialect.delimiter), len(dialect.columns) - 1, 0, False
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            array = np.frombuffer(piece, dtype=np.uint8)
            is_sign = array == sign
            quotes = array == _QUOTE
            if inside or quotes.any():
                parity = np.logical_xor.accumulate(quotes) ^ inside
                is_sign &= ~parity
                inside = bool(parity[-1])
            total += int(np.count_nonzero(is_sign))
    return total - header
