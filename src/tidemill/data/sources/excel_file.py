"""Workbooks of spreadsheets: one sheet as a table, its cells in the types that they have there."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.disk import Scratch, sink
from tidemill.data.errors import EmptySource, InvalidOption, MalformedTable, SourceTooLarge
from tidemill.data.quoting import told
from tidemill.data.sources.dialect import check_columns
from tidemill.data.sources.parquet_file import in_plain_types
from tidemill.data.sources.settled import asked_types, converted, find_readings, refuse_mixed
from tidemill.data.sources.table import ReadOptions, Rows

if TYPE_CHECKING:
    import fastexcel
    import polars as pl
else:
    fastexcel = lazy("fastexcel")
    pl = lazy("polars")

_PIECE = 1 << 20
_WHOLE = 1 << 53
_MOST_BYTES = 1 << 30  # a sheet is held in memory as a whole


def read_excel(path: Path, name: str, options: ReadOptions, scratch: Scratch) -> Rows:
    """Return the rows of a sheet of an Excel or OpenDocument workbook; its first row holds the names of the columns.

    Raises:
        MalformedTable: If it is truncated or damaged.
        InvalidOption: If the sheet is not there, or there are several and none is named.
        EmptySource: If the sheet has no rows.
        SourceTooLarge: If it unpacks to more than 1 GiB.
    """
    if zipfile.is_zipfile(path):
        _check_size(path, name)
    try:
        book = fastexcel.read_excel(str(path))
        sheet = _sheet(book.sheet_names, options.sheet, name)
        frame = _load(book, sheet)
        columns = check_columns(list(frame.columns), f"{name}, sheet {sheet}")
        asked = asked_types(options.types, columns, name)
        several = [
            column for column in columns if frame.schema[column] == pl.String and not _is_text(book, sheet, column)
        ]
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError) as error:
        raise MalformedTable(
            f"{shown(name)} is truncated or damaged: {shown(told(str(error).partition(chr(10))[0]))}",
            where=name,
            hint="Open it in a spreadsheet and save it again; one with a password is not read.",
        ) from error
    if not frame.height:
        raise EmptySource(f"Sheet {shown(sheet)} of {shown(name)} has no rows", where=name, hint="Name another sheet.")
    return _settled(frame, name, options, scratch, asked, several)


def _settled(
    frame: "pl.DataFrame", name: str, options: ReadOptions, scratch: Scratch, asked: dict[str, str], several: list[str]
) -> Rows:
    plain = in_plain_types(frame.lazy(), name)
    plain = plain.with_columns(pl.col(column).cast(pl.String) for column in asked)
    texts = [column for column, dtype in frame.schema.items() if dtype == pl.String and column not in several]
    raw, target = scratch.new(".parquet"), scratch.new(".parquet")
    sink(plain, raw, frame.width)
    rows = pl.scan_parquet(raw, glob=False)
    readings = find_readings(rows, set(texts) - set(asked), {*several, *asked}, asked)
    if options.refuses_mixed:
        refuse_mixed(rows, readings, name)
    sink(converted(rows, readings), target, frame.width)
    mixed = {column: reading for column, reading in readings.items() if reading.is_mixed}
    return Rows(pl.scan_parquet(target, glob=False), None, mixed)


def _sheet(names: list[str], wanted: str | None, name: str) -> str:
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted in names:
        return wanted
    if wanted and wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    listed = ", ".join(shown(each) for each in names[:20])
    if wanted is None:
        raise InvalidOption(f"{shown(name)} has {len(names)} sheets: {listed}", hint="Name one with --sheet.")
    raise InvalidOption(
        f"{shown(name)} has no sheet {shown(wanted)}", hint=f"{did_you_mean(wanted, names)} It has: {listed}."
    )


def _load(book: "fastexcel.ExcelReader", sheet: str) -> "pl.DataFrame":
    # Every row is looked at for the type of a column, so that the result does not depend on a sample.
    options: dict[str, Any] = {"schema_sample_rows": None, "skip_whitespace_tail_rows": True}
    return _whole(pl.DataFrame(book.load_sheet(sheet, **options)))


def _whole(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Return a table in which whole numbers and days are that: a workbook has only floats and moments."""
    conversions = []
    for column in frame.iter_columns():
        if column.dtype == pl.Float64 and ((column % 1 == 0) & (column.abs() < _WHOLE)).all():
            conversions.append(pl.col(column.name).cast(pl.Int64))
        elif isinstance(column.dtype, pl.Datetime) and (column == column.dt.truncate("1d")).all():
            conversions.append(pl.col(column.name).cast(pl.Date))
    return frame.with_columns(conversions)


def _is_text(book: "fastexcel.ExcelReader", sheet: str, column: str) -> bool:
    """Return whether all values of a column that came out as text were texts."""
    try:
        book.load_sheet(sheet, use_columns=[column], schema_sample_rows=None, dtype_coercion="strict")
    except fastexcel.UnsupportedColumnTypeCombinationError:
        return False
    return True


def _check_size(path: Path, name: str) -> None:
    """Unpack a workbook to nowhere first: the sizes that a zip states may be lies."""
    try:
        with zipfile.ZipFile(path) as archive:
            total = 0
            for member in archive.infolist():
                with archive.open(member) as file:
                    while piece := file.read(_PIECE):
                        total += len(piece)
                        if total > _MOST_BYTES:
                            raise SourceTooLarge(
                                f"{shown(name)} unpacks to more than {_MOST_BYTES} bytes",
                                hint="Export the sheet as CSV, if it is really that large.",
                            )
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise MalformedTable(
            f"{shown(name)} is truncated, damaged or encrypted: {shown(str(error))}",
            where=name,
            hint="Open it in a spreadsheet and save it again, without a password.",
        ) from error
