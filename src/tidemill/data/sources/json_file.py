"""JSON lines and arrays of objects: types proved over every row, nested values kept as JSON text."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.disk import Scratch, is_full, sink
from tidemill.data.errors import EmptySource, MalformedTable
from tidemill.data.quoting import told
from tidemill.data.segments import scan_unstored, write_segments
from tidemill.data.sources.dialect import check_columns
from tidemill.data.sources.json_text import NotLines, Survey, survey_lines, write_lines
from tidemill.data.sources.passing import Measure, Passing
from tidemill.data.sources.settled import asked_types, converted, find_readings, refuse_mixed
from tidemill.data.sources.table import ReadOptions, Rows
from tidemill.data.sources.telling import Share, unheard
from tidemill.data.types import Reading, from_text, tally

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_NOTHING = type(None)
_HEAD = 2000


def read_json(
    path: Path,
    name: str,
    options: ReadOptions,
    scratch: Scratch,
    measure: Measure | None = None,
    share: Share = unheard,
) -> Rows:
    """Return the rows of a JSON file.

    Args:
        path: The file, not packed.
        name: How messages call it.
        options: The types of columns; nothing else of them concerns JSON.
        scratch: Where unfinished files go.
        measure: Begins the profile of the rows, which is made while they are written where that can be.
        share: Hears how far it is.

    Raises:
        MalformedTable: If it is broken, with its line.
        EmptySource: If it has no rows.
        MixedTypes: If a column holds values that do not fit, and these are refused.
    """
    try:
        survey = survey_lines(path, name, share)
    except NotLines:
        lines = scratch.new(".jsonl")
        survey = write_lines(path, name, lines, share)
        path = lines
    if not survey.rows or not survey.columns:
        raise EmptySource(f"{shown(name)} has no rows", where=name, hint="Look at how the file was exported.")
    check_columns(list(survey.columns), name)
    asked = asked_types(options.types, survey.columns, name)
    kinds = _kinds(survey)
    schema = {column: pl.String() if column in asked else _dtype(kinds[column]) for column in survey.columns}
    frame = pl.scan_ndjson(_without_pattern(path, scratch), schema=schema)
    several = [column for column, kind in kinds.items() if kind == "several" or column in asked]
    texts = [column for column, kind in kinds.items() if kind == "text" and column not in asked]
    found = None if several else _at_once(frame, texts, survey.rows, scratch, measure, share)
    return found or _settled(frame, name, options, scratch, asked, texts, several)


def _at_once(
    frame: "pl.LazyFrame", texts: Sequence[str], rows: int, scratch: Scratch, measure: Measure | None, share: Share
) -> Rows | None:
    """Return the rows if what the first of them say of dates and moments holds for all; None if it does not."""
    measured = measure() if measure else None
    try:
        readings = _first_idea(frame.head(_HEAD), texts)
        if readings is None:
            return None
        strictly = [from_text(column, reading, strict=True).alias(column) for column, reading in readings.items()]
        segments = write_segments(frame.with_columns(strictly), scratch, Passing(measured, share, rows).add)
    except pl.exceptions.PolarsError as error:
        if is_full(error):
            raise
        return None
    return Rows(scan_unstored(segments), segments, {}, measured)


def _first_idea(frame: "pl.LazyFrame", texts: Sequence[str]) -> dict[str, Reading] | None:
    """Return which texts are dates or moments, as far as some rows tell; None where a column has no value in them.

    How all values must be written is decided by the first, so a column that is text in these rows is text.
    """
    sample = frame.select(texts).collect() if texts else pl.DataFrame()
    counts = tally(sample, texts, narrow=True)
    again = [column for column, each in counts.items() if each.format and each.as_moment < each.present]
    counts |= tally(sample, again)
    if not all(each.present for each in counts.values()):
        return None
    return {
        column: Reading(each.best[1], each.format)
        for column, each in counts.items()
        if each.format and each.as_moment == each.present
    }


def _settled(
    frame: "pl.LazyFrame",
    name: str,
    options: ReadOptions,
    scratch: Scratch,
    asked: Mapping[str, str],
    texts: Sequence[str],
    several: Sequence[str],
) -> Rows:
    """Return the rows with the types that all values of a column have."""
    raw, target = scratch.new(".parquet"), scratch.new(".parquet")
    width = len(frame.collect_schema())
    try:
        sink(frame, raw, width)
    except (pl.exceptions.PolarsError, OSError) as error:
        if is_full(error):
            raise
        raise MalformedTable(
            f"{shown(name)} cannot be read: {told(str(error).partition(chr(10))[0])}",
            where=name,
            hint="Look at how the file was exported.",
        ) from error
    rows = pl.scan_parquet(raw, glob=False)
    readings = find_readings(rows, texts, several, asked)
    if options.refuses_mixed:
        refuse_mixed(rows, readings, name)
    mixed = {column: reading for column, reading in readings.items() if reading.is_mixed}
    if len(readings) == len(mixed):
        return Rows(rows, None, mixed)
    sink(converted(rows, readings), target, width)
    return Rows(pl.scan_parquet(target, glob=False), None, mixed)


def _without_pattern(path: Path, scratch: Scratch) -> Path:
    """Return a path that is no pattern: the reader of JSON lines cannot be told to take one as it is."""
    if not set("*?[") & set(str(path)):
        return path
    plain = scratch.new(".jsonl")
    plain.symlink_to(path.absolute())
    return plain


def _kinds(survey: Survey) -> dict[str, str]:
    return {column: _kind(found - {_NOTHING}) for column, found in survey.columns.items()}


def _kind(found: set[type]) -> str:
    if found <= {int}:
        return "int64" if found else "null"
    if found <= {int, float}:
        return "float64"
    if found == {bool}:
        return "bool"
    if found == {str}:
        return "text"
    return "nested" if found & {dict, list} else "several"


def _dtype(kind: str) -> "pl.DataType":
    return {"int64": pl.Int64(), "float64": pl.Float64(), "bool": pl.Boolean()}.get(kind, pl.String())
