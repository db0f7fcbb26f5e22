"""JSON lines and arrays of objects: types proved over every row, nested values kept as JSON text."""

from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.disk import Scratch, is_full, sink
from tidemill.data.errors import EmptySource, MalformedTable
from tidemill.data.quoting import told
from tidemill.data.sources.dialect import check_columns
from tidemill.data.sources.json_text import NotLines, Survey, survey_lines, write_lines
from tidemill.data.sources.settled import asked_types, converted, find_readings, refuse_mixed
from tidemill.data.sources.table import ReadOptions, Rows
from tidemill.data.sources.telling import Share, unheard

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_NOTHING = type(None)


def read_json(path: Path, name: str, options: ReadOptions, scratch: Scratch, share: Share = unheard) -> Rows:
    """Return the rows of a JSON file.

    Args:
        path: The file, not packed.
        name: How messages call it.
        options: The types of columns; nothing else of them concerns JSON.
        scratch: Where unfinished files go.
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
    raw = scratch.new(".parquet")
    try:
        sink(pl.scan_ndjson(_without_pattern(path, scratch), schema=schema), raw, len(schema))
    except (pl.exceptions.PolarsError, OSError) as error:
        if is_full(error):
            raise
        raise MalformedTable(
            f"{shown(name)} cannot be read: {told(str(error).partition(chr(10))[0])}",
            where=name,
            hint="Look at how the file was exported.",
        ) from error
    frame = pl.scan_parquet(raw, glob=False)
    several = [column for column, kind in kinds.items() if kind == "several" or column in asked]
    texts = [column for column, kind in kinds.items() if kind == "text" and column not in asked]
    readings = find_readings(frame, texts, several, asked)
    if options.refuses_mixed:
        refuse_mixed(frame, readings, name)
    mixed = {column: reading for column, reading in readings.items() if reading.is_mixed}
    if len(readings) == len(mixed):
        return Rows(frame, None, mixed)
    target = scratch.new(".parquet")
    sink(converted(frame, readings), target, len(schema))
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
