"""What is ordered for the reading of a file, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.data.profile.build import Measuring
from tidemill.data.segments import Unstored
from tidemill.data.types import Reading

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a person orders for the reading of a file.

    Args:
        delimiter: What stands between fields of CSV; None to find out.
        types: Types of columns of files that hold texts, by name.
        missing: Words that stand for a missing value in CSV; None for the usual ones.
        refuses_mixed: Whether a column whose values do not all fit its type is an error.
        encoding: How text is encoded; None for UTF-8, or UTF-16 and UTF-32 where they show.
        sheet: The name or the number, from 1, of the sheet of a workbook; None when it has one.
    """

    delimiter: str | None = None
    types: Mapping[str, str]
    missing: tuple[str, ...] | None = None
    refuses_mixed: bool
    encoding: str | None = None
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file, as they were read.

    Args:
        frame: The rows.
        segments: The same rows as segments; None where they are not cut yet.
        mixed: Columns that hold values of more than one type, and how each is read.
        measured: The profile of the segments, where it was made while they were written.
    """

    frame: "pl.LazyFrame"
    segments: list[Unstored] | None
    mixed: dict[str, Reading]
    measured: Measuring | None = None
