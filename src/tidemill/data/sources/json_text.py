"""JSON as people have it, seen through once: lines, an array, objects one after another."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec

from tidemill.core.names import shown
from tidemill.data.errors import MalformedTable, UnsupportedSource, WrongEncoding
from tidemill.data.quoting import told
from tidemill.data.sources.dialect import MOST_COLUMNS, too_many_columns
from tidemill.data.sources.json_known import KnownRows
from tidemill.data.sources.telling import LOOKED, Share, unheard

LONGEST = 64 << 20
_PIECE = 1 << 20
_BOM = b"\xef\xbb\xbf"
_GAPS = " \t\r\n,"


@dataclass(slots=True)
class Survey:
    """What a file of JSON lines holds.

    Args:
        name: How messages call it.
        columns: The types of values of each column, in the order in which the columns first come.
        rows: How many rows there are.
    """

    name: str
    columns: dict[str, set[type]] = field(default_factory=dict)
    rows: int = 0

    @property
    def kinds(self) -> int:
        """How many types of values were seen, over all columns; it only grows."""
        return sum(map(len, self.columns.values())) + len(self.columns)

    def add(self, row: dict[str, object]) -> None:
        """Take a row into account."""
        self.rows += 1
        for column, value in row.items():
            try:
                self.columns[column].add(type(value))
            except KeyError:
                self.columns[column] = {type(value)}
                if len(self.columns) > MOST_COLUMNS:
                    raise too_many_columns(len(self.columns), f"{self.name}, row {self.rows}") from None
            if type(value) is int and not -(1 << 63) <= value < 1 << 63:
                self.columns[column].add(float)


class NotLines(Exception):
    """The file is JSON, and not a plain object a line."""


def survey_lines(path: Path, name: str, told: Share = unheard) -> Survey:
    """Return what a file holds, if each line is an object.

    Args:
        path: The file, not packed.
        name: How messages call it.
        told: Hears how far it is.

    Raises:
        NotLines: If a line is not, or holds what only some readers take, such as `NaN`.
    """
    survey, size, place = Survey(name), max(1, path.stat().st_size), 0
    known: KnownRows | None = None
    with path.open("rb") as file:
        for lines in _pieces(file):
            rows = known.count(lines) if known else 0
            if rows:
                survey.rows += rows
            else:
                before = survey.kinds
                _survey_piece(lines, survey)
                if known is None or survey.kinds != before:
                    known = KnownRows(survey.columns)
            place += len(lines)
            told(place / size, LOOKED)
    return survey


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces of whole lines."""
    rest = b""
    while piece := file.read(max(_PIECE, len(rest))):  # twice as much each time, for a line that is long
        end = piece.rfind(b"\n") + 1
        if not end and len(rest) + len(piece) >= LONGEST:
            raise NotLines
        if end:
            yield rest + piece[:end]
        rest = piece[end:] if end else rest + piece
    if rest:
        yield rest


def _survey_piece(lines: bytes, survey: Survey) -> None:
    decoder = msgspec.json.Decoder()
    for line in BytesIO(lines):
        if len(line) >= LONGEST or line.startswith(_BOM) or not line.strip():
            raise NotLines
        try:
            row = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise NotLines from None
        if type(row) is not dict:
            raise NotLines
        survey.add(row)


def write_lines(path: Path, name: str, target: Path, told: Share = unheard) -> Survey:
    """Write any JSON that holds objects as one object a line, and return what it holds.

    `NaN` and `Infinity` become null.

    Args:
        path: The file, not packed.
        name: How messages call it.
        target: The file to write.
        told: Hears how far it is.

    Raises:
        MalformedTable: If it is broken, with its line.
        UnsupportedSource: If it holds something else than objects.
    """
    survey, size, before = Survey(name), max(1, path.stat().st_size), 0
    with path.open("rb") as source, target.open("wb") as sink:
        for row in _Objects(source, name):
            survey.add(row)
            try:
                line = json.dumps(row, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise MalformedTable(
                    f"Row {survey.rows} of {shown(name)} holds half of a surrogate pair",
                    where=f"{name}, row {survey.rows}",
                    hint="Write characters beyond U+FFFF as two \\u escapes, or as themselves.",
                ) from None
            sink.write(line + b"\n")
            if (place := source.tell()) != before:
                told((before := place) / size, LOOKED)
    return survey


def _no_number(word: str) -> None:
    """Take `NaN` and `Infinity`, which Python writes and JSON does not have, as missing."""


class _Objects:
    """The objects of a text: in an array, or one after another."""

    def __init__(self, source: IO[bytes], name: str) -> None:
        self._source = source
        self._name = name
        self._text = ""
        self._place = 0
        self._line = 1
        self._rest = b""
        self._is_over = False
        self._decoder = json.JSONDecoder(parse_constant=_no_number)

    def __iter__(self) -> Iterator[dict[str, object]]:
        self._more()
        is_array = self._skip(" \t\r\n\ufeff") == "["
        if is_array:
            self._place += 1
        while sign := self._skip(_GAPS):
            if is_array and sign == "]":
                self._place += 1
                if self._skip(" \t\r\n"):
                    raise self._broken("something follows the end of the array")
                return
            yield self._object()
        if is_array:
            raise self._broken("the array is not closed")

    def _object(self) -> dict[str, object]:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._place)
            except RecursionError:
                raise self._broken("it is nested too deeply") from None
            except json.JSONDecodeError as error:
                # An error before the last bytes may be one of text that is not here yet, such as half a word.
                if self._is_over or (error.pos < len(self._text) - 64 and "Unterminated" not in error.msg):
                    self._line += self._text.count("\n", self._place, error.pos)
                    raise self._broken(error.msg) from None
                if len(self._text) - self._place > LONGEST:
                    raise self._broken(f"one object is longer than {LONGEST} bytes") from None
                self._more()
                continue
            if not isinstance(value, dict):
                raise UnsupportedSource(
                    f"{shown(self._name)} holds {shown(told(json.dumps(value)))} where a row should be",
                    where=f"{self._name}:{self._line}",
                    hint='Write each row as an object, such as {"a": 1}.',
                )
            self._line += self._text.count("\n", self._place, end)
            self._place = end
            return value

    def _skip(self, gaps: str) -> str:
        """Go to the next character that is no gap, and return it; empty at the end."""
        while True:
            while self._place < len(self._text):
                sign = self._text[self._place]
                if sign not in gaps:
                    return sign
                self._line += sign == "\n"
                self._place += 1
            if self._is_over:
                return ""
            self._more()

    def _more(self) -> None:
        # Twice as much each time, so that a long object is not looked through again for every piece of it.
        raw = self._rest + (piece := self._source.read(max(_PIECE, len(self._text) - self._place)))
        self._is_over = not piece
        try:
            text = raw.decode()
            self._rest = b""
        except UnicodeDecodeError as error:
            if self._is_over or len(raw) - error.start > 3:
                line = self._line + raw.count(b"\n", 0, error.start)
                raise WrongEncoding(
                    f"{shown(self._name)} is not UTF-8: line {line}",
                    where=f"{self._name}:{line}",
                    hint="Give its encoding with --encoding, or save it as UTF-8.",
                ) from None
            text, self._rest = raw[: error.start].decode(), raw[error.start :]
        self._text = self._text[self._place :] + text
        self._place = 0

    def _broken(self, why: str) -> MalformedTable:
        return MalformedTable(
            f"{shown(self._name)} is not JSON: {why} (line {self._line})",
            where=f"{self._name}:{self._line}",
            hint="Look for a cut end or a missing quote.",
            details={"line": self._line},
        )
