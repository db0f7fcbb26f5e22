"""From a file, whatever its kind, to its rows as Parquet."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.data.disk import Scratch, is_full
from tidemill.data.segments import Unstored, remove, scan_unstored, write_segments
from tidemill.data.sources import csv_file, parquet_file
from tidemill.data.sources.locate import Located
from tidemill.data.sources.unpack import packing_of, unpack
from tidemill.data.types import Reading

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MOST_LOOKS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a person orders for the reading of a file.

    Args:
        delimiter: What stands between fields of CSV; None to find out.
        types: Types of columns of CSV, by name.
        missing: Words that stand for a missing value in CSV; None for the usual ones.
        refuses_mixed: Whether a column whose values do not all fit its type is an error.
    """

    delimiter: str | None = None
    types: Mapping[str, str]
    missing: tuple[str, ...] | None = None
    refuses_mixed: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file, as they were read.

    Args:
        frame: The rows.
        segments: The same rows as segments; None where they are not cut yet.
        mixed: Columns that hold values of more than one type, and how each is read.
    """

    frame: "pl.LazyFrame"
    segments: list[Unstored] | None
    mixed: dict[str, Reading]


def read_rows(located: Located, options: ReadOptions, scratch: Scratch) -> Rows:
    """Write a file's rows as segments, and return them.

    Args:
        located: The file, whose kind is seen from its first bytes.
        options: How CSV is read.
        scratch: Where unfinished files go.

    Raises:
        MalformedTable: If the file is broken, with its line.
        MixedTypes: If a column holds values that do not fit, and these are refused.
    """
    path = located.path
    if packing := packing_of(path):
        path = scratch.new(".unpacked")
        unpack(located.path, packing, path, located.name)
    if parquet_file.is_parquet(path):
        return _read_parquet(path, located.name, scratch)
    return _read_csv(path, located.name, options, scratch)


def _read_parquet(path: Path, name: str, scratch: Scratch) -> Rows:
    frame = parquet_file.scan_parquet(path, name)
    try:
        segments = write_segments(frame, scratch)
    except (pl.exceptions.PolarsError, OSError) as error:
        if is_full(error):
            raise
        raise parquet_file.damaged(name, error) from error
    return Rows(scan_unstored(segments), segments, {})


def _read_csv(path: Path, name: str, options: ReadOptions, scratch: Scratch) -> Rows:
    file = csv_file.open_csv(path, name, delimiter=options.delimiter, types=options.types, missing=options.missing)
    for _ in range(_MOST_LOOKS):
        if options.refuses_mixed:
            csv_file.refuse_mixed(file)
        try:
            segments = write_segments(csv_file.scan_csv(file), scratch)
        except pl.exceptions.PolarsError as error:
            if is_full(error):
                raise
            file = csv_file.stumbled(file, error)
            continue
        written = scan_unstored(segments)
        better = csv_file.second_look(file, written)
        if better is None or better == file:
            return Rows(written, segments, file.mixed)
        remove(segment.path for segment in segments)
        file = better
    raise AssertionError
