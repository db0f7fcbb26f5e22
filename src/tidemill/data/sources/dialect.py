"""How a CSV file is written, seen from its first bytes: encoding, delimiter, header."""

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from tidemill.core.names import InvalidText, check_text, shown
from tidemill.data.errors import EmptySource, InvalidColumns, MalformedTable, WrongDelimiter, WrongEncoding
from tidemill.data.sources.encoding import likely

DELIMITERS = (",", ";", "\t", "|")
RESERVED = frozenset({"_rule", "_column", "_rules", "_source_row"})
LONGEST_NAME = 256
MOST_COLUMNS = 50_000
_OTHERS = (":", "^", "~", "\x01", "\x1f")
_HEAD = 1 << 18
_LONGEST_HEADER = 1 << 26


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to read a CSV file.

    Args:
        delimiter: What stands between fields.
        columns: The names in the header.
        header_lines: How many lines the header takes, with empty ones before it.
    """

    delimiter: str
    columns: tuple[str, ...]
    header_lines: int


def sniff(path: Path, name: str, delimiter: str | None = None) -> Dialect:
    """Return how a CSV file is written.

    Args:
        path: The file, not packed.
        name: How messages call it.
        delimiter: What stands between fields, when the caller knows; else it is found.

    Raises:
        EmptySource: If it has no bytes, or a header and nothing else.
        WrongEncoding: If the start is not UTF-8.
        WrongDelimiter: If the delimiter gives one column and another one would give more.
        InvalidColumns: If the header cannot be used.
    """
    head, whole = _head(path, name)
    if "\n" not in head and "\r" in head:
        raise MalformedTable(
            f"{shown(name)} ends its lines with CR alone", where=f"{name}:1", hint="Save it with LF or CRLF line ends."
        )
    lines = _records(head, ",")  # only to know how many there are
    if whole and len(lines) < 2:
        raise EmptySource(
            f"{shown(name)} has a header and no rows", where=name, hint="Look at how the file was exported."
        )
    chosen = delimiter or _find(head, whole=whole)
    _check_delimiter(head, chosen, name, whole=whole)
    first = next(iter(_records(head, chosen)), [])
    columns = _columns(first, name)
    return Dialect(chosen, columns, _header_lines(head, chosen))


def _head(path: Path, name: str) -> tuple[str, bool]:
    size = path.stat().st_size
    length = _HEAD
    while True:
        with path.open("rb") as file:
            raw = file.read(length)
        if not raw.strip(codecs.BOM_UTF8 + b" \t\r\n"):
            raise EmptySource(f"{shown(name)} is empty", where=name, hint="Look at how the file was exported.")
        whole = length >= size
        if whole or raw.count(b"\n", 0, length) >= 2 or length >= _LONGEST_HEADER:
            return _decode(raw, name, whole=whole), whole
        length *= 8


def _decode(raw: bytes, name: str, *, whole: bool) -> str:
    if not whole:
        raw = raw[: raw.rfind(b"\n") + 1] or raw
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise WrongEncoding(
            f"{shown(name)} is not UTF-8: line {line} holds the byte 0x{raw[error.start]:02x}",
            where=f"{name}:{line}",
            hint=f"Name its encoding: --encoding {likely(raw)}, it seems.",
        ) from None


def _records(head: str, delimiter: str, most: int = 50) -> list[list[str]]:
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    csv.field_size_limit(_LONGEST_HEADER)
    records = []
    try:
        for record in reader:
            if record:
                records.append(record)
            if len(records) == most:
                break
    except csv.Error:
        return records
    return records


def _widths(head: str, delimiter: str, *, whole: bool) -> list[int]:
    records = _records(head, delimiter)
    if not whole and 2 < len(records) < 50:
        records = records[:-1]
    return [len(record) for record in records]


def _is_consistent(widths: list[int]) -> bool:
    return len(widths) > 1 and widths[0] > 1 and all(width == widths[0] for width in widths)


def _find(head: str, *, whole: bool) -> str:
    scores = {}
    for candidate in DELIMITERS:
        widths = _widths(head, candidate, whole=whole)
        if not widths or widths[0] < 2:
            continue
        agreeing = sum(width == widths[0] for width in widths) / len(widths)
        scores[candidate] = (agreeing, widths[0])
    return max(scores, key=lambda sign: scores[sign], default=",")


def _check_delimiter(head: str, delimiter: str, name: str, *, whole: bool) -> None:
    widths = _widths(head, delimiter, whole=whole)
    if not widths or widths[0] > 1:
        return
    for other in (*DELIMITERS, *_OTHERS):
        widths = _widths(head, other, whole=whole)
        if other != delimiter and _is_consistent(widths):
            raise WrongDelimiter(
                f"{shown(name)} has one column with {shown(delimiter)} between fields, "
                f"and {widths[0]} with {shown(other)}",
                where=f"{name}:1",
                hint=f"Give delimiter={shown(other)}.",
            )


def _columns(first: list[str], name: str) -> tuple[str, ...]:
    if all(_is_number(cell) for cell in first):
        raise InvalidColumns(
            f"The first line of {shown(name)} holds only numbers, so it is no header",
            where=f"{name}:1",
            hint="Add a first line with the names of the columns.",
        )
    return check_columns([cell.strip() or f"column_{index + 1}" for index, cell in enumerate(first)], f"{name}:1")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def check_columns(columns: list[str], where: str) -> tuple[str, ...]:
    """Return names of columns if a table may have them.

    Raises:
        InvalidColumns: If there are too many, or one comes twice, is reserved, too long, or holds control characters.
    """
    if len(columns) > MOST_COLUMNS:
        raise too_many_columns(len(columns), where)
    seen: dict[str, int] = {}
    for index, column in enumerate(columns, 1):
        try:
            check_text(column, f"the name of column {index}", LONGEST_NAME)
        except InvalidText as error:
            raise InvalidColumns(error.message, where=where, hint="Rename the column in the source.") from error
        if not column or column in RESERVED:
            raise InvalidColumns(f"Column {index} is called {shown(column)}", where=where, hint="Give it another name.")
        if column in seen:
            raise InvalidColumns(
                f"Columns {seen[column]} and {index} are both called {shown(column)}",
                where=where,
                hint="Rename one of them in the source.",
            )
        seen[column] = index
    return tuple(columns)


def too_many_columns(count: int, where: str) -> InvalidColumns:
    """Return the error for a table that is too wide."""
    return InvalidColumns(
        f"A table has {MOST_COLUMNS} columns at most, and this one has {count}",
        where=where,
        hint="Keep it as long rows, a name and a value each, or in several tables.",
    )


def _header_lines(head: str, delimiter: str) -> int:
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    while not next(reader):
        pass
    return reader.line_num
