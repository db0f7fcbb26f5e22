"""CSV files: types found over the whole file, read lazily, every fault with its place.

The types are guessed from samples and proved by the strict read itself; only when the read stumbles are all values
counted. So the usual file is parsed once, and the result never depends on the sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import EmptySource, MalformedTable, MixedTypes, UnknownColumn
from tidemill.data.profile.build import Measuring
from tidemill.data.profile.gauge import Texts
from tidemill.data.quoting import personal_kinds, quoted, told
from tidemill.data.sources.diagnose import count_delimiters, diagnose
from tidemill.data.sources.dialect import Dialect, sniff
from tidemill.data.sources.lengths import check_lengths
from tidemill.data.types import MISSING, Reading, check_asked, dtype_of, from_text, settle, tally

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

ROW = "_source_row"
_HEAD = 1 << 18
_SPOT = 1 << 16
_SPOTS = 7
_HEAD_ROWS, _SPOT_ROWS = 24, 4
_MOST_SAMPLED = 16 << 20
"""Of a wide table the samples are larger, so that they hold some rows: a column that is empty in one is often not."""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file and how it is read.

    Args:
        path: The file, not packed.
        name: How messages call it.
        dialect: Its delimiter and header.
        readings: How each column is read, by name.
        markers: The words that stand for a missing value.
        possible: The words that may stand for one.
        asked: The types that a person ordered, by column.
        rows_guessed: How many rows it has, as far as a sample tells.
    """

    path: Path
    name: str
    dialect: Dialect
    readings: Mapping[str, Reading]
    markers: tuple[str, ...]
    possible: tuple[str, ...]
    asked: Mapping[str, str]
    rows_guessed: float = 0.0

    @property
    def mixed(self) -> dict[str, Reading]:
        """The columns in which some values do not convert."""
        return {name: reading for name, reading in self.readings.items() if reading.is_mixed}


def open_csv(
    path: Path, name: str, *, delimiter: str | None, types: Mapping[str, str], missing: Sequence[str] | None
) -> CsvFile:
    """Return a CSV file with a first idea of how to read it.

    Args:
        path: The file, not packed.
        name: How messages call it.
        delimiter: What stands between fields; None to find out.
        types: Types ordered by column; the others are found.
        missing: Words that stand for a missing value; None for the usual ones.

    Raises:
        MalformedTable: If a row is longer than 64 MiB.
    """
    check_lengths(path, name)
    dialect = sniff(path, name, delimiter)
    asked = check_asked(types)
    for column in asked:
        if column not in dialect.columns:
            raise UnknownColumn(
                f"{shown(name)} has no column {shown(column)}", hint=did_you_mean(column, dialect.columns)
            )
    possible = MISSING if missing is None else tuple(missing)
    file = CsvFile(path, name, dialect, {}, possible, possible, asked)
    text = _sample_text(file)
    sample = _sample(file, text)
    markers = tuple(word for word in possible if word.encode() in text and _holds(sample, word))
    cleaned = sample.select(pl.all().replace(list(markers), None)) if markers else sample
    wanted = [column for column in dialect.columns if asked.get(column) != "text"]
    counts = tally(cleaned, wanted, narrow=True)
    counts |= tally(
        cleaned, [name for name, count in counts.items() if count.format and count.as_moment < count.present]
    )
    readings = {
        column: settle(counts[column], asked.get(column)) if column in counts else Reading("text")
        for column in dialect.columns
    }
    rows = path.stat().st_size * sample.height / len(text)
    file = replace(file, readings=readings, markers=markers, rows_guessed=rows)
    return count_all(file) if file.mixed else file


def _holds(sample: "pl.DataFrame", word: str) -> bool:
    return bool(sample.select(pl.any_horizontal((pl.all() == word).any())).item())


def _sample_text(file: CsvFile) -> bytes:
    size = file.path.stat().st_size
    with file.path.open("rb") as handle:  # not as a map of memory, which a file must not leave while it is read
        for _ in range(file.dialect.header_lines):
            handle.readline()
        row = handle.tell()  # the header is about as long as a row
        piece = handle.read(max(_HEAD, min(_HEAD_ROWS * row, _MOST_SAMPLED)))
        if handle.tell() < size:
            piece = piece[: piece.rfind(b"\n") + 1] or piece + handle.readline()
        pieces = [piece]
        if b'"' not in piece:
            spot = max(_SPOT, min(_SPOT_ROWS * row, _MOST_SAMPLED // _SPOTS))
            pieces += [_spot(handle, size * index // _SPOTS, spot) for index in range(1, _SPOTS + 1)]
    if not b"".join(pieces).strip():
        raise EmptySource(
            f"{shown(file.name)} has a header and no rows", where=file.name, hint="Look at how the file was exported."
        )
    return b"\n".join(piece.rstrip(b"\r\n") for piece in pieces if piece)


def _sample(file: CsvFile, text: bytes) -> "pl.DataFrame":
    try:
        return pl.read_csv(
            BytesIO(text),
            has_header=False,
            schema=dict.fromkeys(file.dialect.columns, pl.String),
            separator=file.dialect.delimiter,
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError as error:
        raise _explained(file, error) from error


def _spot(handle: BinaryIO, around: int, size: int) -> bytes:
    handle.seek(max(0, around - size))
    lines = handle.read(min(around, size))
    start = lines.find(b"\n") + 1
    piece = lines[start : lines.rfind(b"\n") + 1] if start else b""
    return b"" if b'"' in piece else piece


def scan_texts(file: CsvFile) -> "pl.LazyFrame":
    """Return the file as columns of text."""
    return _scan(file, dict.fromkeys(file.dialect.columns, pl.String))


def _scan(file: CsvFile, schema: "Mapping[str, type[pl.DataType] | pl.DataType]") -> "pl.LazyFrame":
    return pl.scan_csv(
        file.path,
        has_header=False,
        skip_lines=file.dialect.header_lines,
        schema=dict(schema),
        separator=file.dialect.delimiter,
        null_values=list(file.markers) or None,
        glob=False,
    )


def scan_csv(file: CsvFile) -> "pl.LazyFrame":
    """Return the file with its types; mixed columns stay text, and a value that does not fit fails the read."""
    schema: dict[str, pl.DataType] = {}
    conversions = []
    for column, reading in file.readings.items():
        native = not reading.texts and reading.type in {"int64", "float64", "bool"}
        schema[column] = (dtype_of(reading.type) if native else None) or pl.String()
        if not native and not reading.is_mixed and reading.type not in {"text", "null"}:
            conversions.append(from_text(column, reading, strict=not reading.texts).alias(column))
    lazy_frame = _scan(file, schema)
    return lazy_frame.with_columns(conversions) if conversions else lazy_frame


def count_all(file: CsvFile) -> CsvFile:
    """Return the file with its types found by counting every value."""
    file = replace(file, markers=file.possible)
    wanted = [column for column in file.dialect.columns if file.asked.get(column) != "text"]
    try:
        counts = tally(scan_texts(file), wanted)
    except pl.exceptions.PolarsError as error:
        raise _explained(file, error) from error
    found = {column: settle(counts[column], file.asked.get(column)) for column in wanted}
    return replace(file, readings={column: found.get(column, Reading("text")) for column in file.dialect.columns})


def stumbled(file: CsvFile, error: "pl.exceptions.PolarsError") -> CsvFile:
    """Return how to read a file on which the fast read stumbled, or raise what is wrong with it.

    Raises:
        MalformedTable: If it is broken, with the line.
    """
    counted = count_all(file)
    if counted != file:
        return counted
    readings = {
        column: reading if reading.type in {"text", "null"} else replace(reading, texts=True)
        for column, reading in file.readings.items()
    }
    if readings == file.readings:
        raise _explained(file, error)
    return replace(file, readings=readings)


def _explained(file: CsvFile, error: "pl.exceptions.PolarsError") -> MalformedTable:
    diagnose(file.path, file.name, file.dialect)
    first = told(str(error).partition("\n")[0])
    return MalformedTable(f"{shown(file.name)} cannot be read: {first}", where=file.name, hint="Look at its quotes.")


def second_look(file: CsvFile, written: "pl.LazyFrame", measured: Measuring | None = None) -> CsvFile | None:
    """Return a better way to read a file if what was written shows that the sample misled, else None.

    Args:
        file: The file.
        written: Its rows.
        measured: What is known of them, if it is: columns whose values are all counted are not read for this.

    Raises:
        MalformedTable: If rows are shorter than the header.
    """
    gauges = measured.gauges() if measured else []
    counted = {gauge.name: gauge.held.frame["value"] for gauge in gauges if isinstance(gauge.held, Texts)}
    texts = [column for column, reading in file.readings.items() if reading.type == "text" and not reading.is_mixed]
    empty = [column for column, reading in file.readings.items() if reading.type == "null"]
    unseen = [word for word in file.possible if word not in file.markers]
    last = file.dialect.columns[-1]
    looks = [pl.len().alias("rows"), pl.col(last).null_count().alias("last")]
    looks += [pl.col(column).count().alias(f"e{index}") for index, column in enumerate(empty)]
    if unseen:
        values = [pl.lit(counted[column]) if column in counted else pl.col(column) for column in texts]
        looks += [value.is_in(unseen).any().alias(f"t{index}") for index, value in enumerate(values)]
    seen = written.select(looks).collect(engine="streaming").row(0, named=True)
    width = len(file.dialect.columns) - 1
    if width and seen["last"] and count_delimiters(file.path, file.dialect) != seen["rows"] * width:
        diagnose(file.path, file.name, file.dialect)
    if any(seen[f"e{index}"] for index in range(len(empty))):
        return count_all(file)
    if unseen and any(seen[f"t{index}"] for index in range(len(texts))):
        return replace(file, markers=file.possible)
    return None


def refuse_mixed(file: CsvFile) -> None:
    """Raise for the first value that does not fit its column.

    Raises:
        MixedTypes: If a column is mixed.
    """
    for column, reading in file.mixed.items():
        fits = from_text(column, replace(reading, texts=True)).is_not_null()
        strays = scan_texts(file).with_row_index(ROW, offset=1).filter(pl.col(column).is_not_null() & ~fits)
        row, value = strays.select(ROW, column).head(1).collect(engine="streaming").row(0)
        value = quoted(value, column, personal_kinds(scan_texts(file), [column]).get(column, ()))
        raise MixedTypes(
            f"Column {shown(column)} of {shown(file.name)} holds {reading.type}, but row {row} has {shown(str(value))}",
            where=f"{file.name}, row {row}, column {column}",
            hint=f"Correct it, quarantine bad rows, or take the column as text: --type {column}=text.",
            details={"column": column, "row": row, "value": value, "type": reading.type},
        )
