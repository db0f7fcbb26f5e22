"""Workbooks of spreadsheets: one sheet as a table, its cells in the types that they have there."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.disk import Scratch, sink
from tidemill.data.errors import EmptySource, InvalidOption, MalformedTable, SourceTooLarge
from tidemill.data.quoting import told
from tidemill.data.sources import excel_worker
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
_MOST_BYTES = 1 << 30  # a sheet is held in memory as a whole
_MOST_MEMORY = 4 << 30  # of addresses, of which a library's threads take a part without using it


def read_excel(path: Path, name: str, options: ReadOptions, scratch: Scratch) -> Rows:
    """Return the rows of a sheet of an Excel or OpenDocument workbook; its first row holds the names of the columns.

    Raises:
        MalformedTable: If it is truncated or damaged.
        InvalidOption: If the sheet is not there, or there are several and none is named.
        EmptySource: If the sheet has no rows.
        SourceTooLarge: If it unpacks to more than 1 GiB, or needs more memory than one may have.
        MissingExtra: If the library is not installed.
    """
    if zipfile.is_zipfile(path):
        _check_size(path, name)
    frame, sheet, several = _loaded(path, name, options.sheet, scratch)
    columns = check_columns(list(frame.columns), f"{name}, sheet {sheet}")
    asked = asked_types(options.types, columns, name)
    several = [column for column in several if column not in asked]
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


def _loaded(path: Path, name: str, wanted: str | None, scratch: Scratch) -> tuple["pl.DataFrame", str, list[str]]:
    """Return the rows of a sheet, which sheet that is, and its columns of text in which some values were none."""
    _ = fastexcel.read_excel  # told here where it is lacking, not by the worker
    target = scratch.new(".arrow")
    command: list[str | Path] = [
        sys.executable,
        "-m",
        excel_worker.__name__,
        path,
        wanted or "",
        target,
        str(_MOST_MEMORY),
    ]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise SourceTooLarge(
            f"{shown(name)} needs more than {_MOST_MEMORY} bytes of memory, or its cells cannot be followed",
            where=name,
            hint="Remove cells far below and to the right of the table, or export the sheet as CSV.",
        )
    found = msgspec.json.decode(done.stdout, type=excel_worker.Loaded)
    if found.error:
        raise MalformedTable(
            f"{shown(name)} is truncated or damaged: {shown(told(found.error))}",
            where=name,
            hint="Open it in a spreadsheet and save it again; one with a password is not read.",
        )
    sheet = excel_worker.sheet_of(found.sheets, wanted)
    if sheet is None:
        raise _which(found.sheets, wanted, name)
    return pl.read_ipc(target), sheet, found.several


def _which(names: list[str], wanted: str | None, name: str) -> InvalidOption:
    listed = ", ".join(shown(each) for each in names[:20])
    if wanted is None:
        return InvalidOption(f"{shown(name)} has {len(names)} sheets: {listed}", hint="Name one with --sheet.")
    return InvalidOption(
        f"{shown(name)} has no sheet {shown(wanted)}", hint=f"{did_you_mean(wanted, names)} It has: {listed}."
    )


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
