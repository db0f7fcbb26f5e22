"""A process of its own that loads one sheet: its reader takes room for every cell between the first and the last.

Run: python -m tidemill.data.sources.excel_worker PATH SHEET TARGET MOST_BYTES

The rows go to the target as Arrow; what is known of the workbook goes to stdout. A workbook of a thousand bytes may
claim a cell in the last row and the last column, and the reader then asks for terabytes and ends its process.
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tidemill.core.errors import MissingExtra
from tidemill.core.lazy import lazy, load

if TYPE_CHECKING:
    import fastexcel
    import polars as pl
else:
    fastexcel = lazy("fastexcel")
    pl = lazy("polars")

_WHOLE = 1 << 53


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a workbook.

    Args:
        sheets: The names of its sheets.
        several: Columns of text in which some values were none.
        error: Why it cannot be read; empty when it can.
    """

    sheets: list[str] = []
    several: list[str] = []
    error: str = ""


def sheet_of(names: list[str], wanted: str | None) -> str | None:
    """Return the sheet that is meant; None when that is not clear."""
    if wanted is None:
        return names[0] if len(names) == 1 else None
    if wanted in names:
        return wanted
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    return None


def _load(path: str, wanted: str | None, target: Path) -> Loaded:
    try:
        book = fastexcel.read_excel(path)
        sheet = sheet_of(book.sheet_names, wanted)
        if sheet is None:
            return Loaded(sheets=book.sheet_names)
        frame, several = _read(book, sheet)
        _whole(frame).write_ipc(target)
        return Loaded(sheets=book.sheet_names, several=several)
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, MemoryError) as error:
        return Loaded(error=str(error).partition("\n")[0] or type(error).__name__)


def _read(book: "fastexcel.ExcelReader", sheet: str) -> "tuple[pl.DataFrame, list[str]]":
    """Return the rows of a sheet, and its columns of text in which some values were none.

    Every row is looked at for the type of a column, so that the result does not depend on a sample.
    """
    options: dict[str, Any] = {"schema_sample_rows": None, "skip_whitespace_tail_rows": True}
    try:  # each look at a sheet reads all of it again
        return pl.DataFrame(book.load_sheet(sheet, dtype_coercion="strict", **options)), []
    except fastexcel.UnsupportedColumnTypeCombinationError:
        frame = pl.DataFrame(book.load_sheet(sheet, **options))
    texts = [column for column, dtype in frame.schema.items() if dtype == pl.String]
    return frame, _not_text(book, sheet, texts)


def _whole(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Return a table in which whole numbers and days are that: a workbook has only floats and moments."""
    conversions = []
    for column in frame.iter_columns():
        if column.dtype == pl.Float64 and ((column % 1 == 0) & (column.abs() < _WHOLE)).all():
            conversions.append(pl.col(column.name).cast(pl.Int64))
        elif isinstance(column.dtype, pl.Datetime) and (column == column.dt.truncate("1d")).all():
            conversions.append(pl.col(column.name).cast(pl.Date))
    return frame.with_columns(conversions)


def _not_text(book: "fastexcel.ExcelReader", sheet: str, columns: list[str]) -> list[str]:
    """Return which columns that came out as text hold values that were none."""
    if not columns:
        return []
    try:
        book.load_sheet(sheet, use_columns=columns, schema_sample_rows=None, dtype_coercion="strict")
    except fastexcel.UnsupportedColumnTypeCombinationError:
        if len(columns) == 1:
            return columns
        half = len(columns) // 2
        return [*_not_text(book, sheet, columns[:half]), *_not_text(book, sheet, columns[half:])]
    return []


def _limit(most_bytes: int) -> None:
    with suppress(MissingExtra, ValueError, OSError):  # Windows has none, and a lower limit may stand
        resource = load("resource")
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Load the sheet that the command line names."""
    path, wanted, target, most_bytes = sys.argv[1:]
    _limit(int(most_bytes))
    sys.stdout.buffer.write(msgspec.json.encode(_load(path, wanted or None, Path(target))))


if __name__ == "__main__":
    main()
