"""From a file, whatever its kind, to its rows as Parquet."""

from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.data.disk import Scratch, is_full
from tidemill.data.segments import remove, scan_unstored, write_segments
from tidemill.data.sources import arrow_file, arrow_stream, csv_file, parquet_file
from tidemill.data.sources.avro_file import read_avro
from tidemill.data.sources.encoding import as_utf8
from tidemill.data.sources.excel_file import read_excel
from tidemill.data.sources.json_file import read_json
from tidemill.data.sources.kinds import FileKind, is_workbook, kind_of
from tidemill.data.sources.locate import Located
from tidemill.data.sources.passing import Measure, Passing, Unpacking
from tidemill.data.sources.table import ReadOptions, Rows
from tidemill.data.sources.telling import Share, unheard
from tidemill.data.sources.unpack import packing_of, unpack

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MOST_LOOKS = 6


def read_rows(
    located: Located,
    options: ReadOptions,
    scratch: Scratch,
    measure: Measure | None = None,
    told: Share = unheard,
) -> Rows:
    """Write a file's rows as Parquet, and return them.

    Args:
        located: The file, whose kind is seen from its first bytes.
        options: How text and workbooks are read.
        scratch: Where unfinished files go.
        measure: Begins the profile of the rows, which is made while they are written where that can be.
        told: Hears how far the file is read, where it is read in pieces.

    Raises:
        MalformedTable: If the file is broken, with its line.
        MixedTypes: If a column holds values that do not fit, and these are refused.
        UnsupportedSource: If it is of a kind that is not read.
        SourceTooLarge: If it holds far more than its bytes.
    """
    try:
        return _read(located, options, scratch, measure, told)
    except pl.exceptions.PanicException as error:  # no subclass of Exception, and what hostile files end in
        raise parquet_file.damaged(located.name, error) from error


def _read(located: Located, options: ReadOptions, scratch: Scratch, measure: Measure | None, told: Share) -> Rows:
    path, name = located.path, located.name
    packing = packing_of(path)
    if packing and not is_workbook(path):
        path = scratch.new(".unpacked")
        unpack(located.path, packing, path, name, told)
    kind = FileKind.EXCEL if is_workbook(path) else kind_of(path, name)
    if kind is FileKind.EXCEL:
        return read_excel(path, name, options, scratch)
    if kind in {FileKind.CSV, FileKind.JSON}:
        path = as_utf8(path, name, options.encoding, scratch.new(".utf8"))
        kind = kind_of(path, name)
    if kind is FileKind.CSV:
        return _read_csv(path, name, options, scratch, measure, told)
    if kind is FileKind.JSON:
        return read_json(path, name, options, scratch, measure, told)
    return _read_typed(path, name, kind, scratch, measure, told)


def _read_typed(path: Path, name: str, kind: FileKind, scratch: Scratch, measure: Measure | None, told: Share) -> Rows:
    if kind is FileKind.AVRO:
        return read_avro(path, name, scratch, told)
    if kind is FileKind.PARQUET:
        return _written(parquet_file.scan_parquet(path, name), path, name, scratch, measure, told)
    if arrow_file.is_stream(path):
        return arrow_stream.read_stream(path, name, scratch, told)
    return _written(arrow_file.scan_arrow(path, name), path, name, scratch, measure, told)


def _written(
    frame: "pl.LazyFrame", path: Path, name: str, scratch: Scratch, measure: Measure | None, told: Share
) -> Rows:
    measured = measure() if measure else None
    rows = frame.select(pl.len()).collect().item()
    passing = Unpacking(measured, told, rows, name=name, size=path.stat().st_size)
    try:
        segments = write_segments(frame, scratch, passing.add)
    except (pl.exceptions.PolarsError, OSError) as error:
        if is_full(error):
            raise
        raise parquet_file.damaged(name, error) from error
    return Rows(scan_unstored(segments), segments, {}, measured)


def _read_csv(
    path: Path, name: str, options: ReadOptions, scratch: Scratch, measure: Measure | None, told: Share
) -> Rows:
    file = csv_file.open_csv(path, name, delimiter=options.delimiter, types=options.types, missing=options.missing)
    for _ in range(_MOST_LOOKS):
        if options.refuses_mixed:
            csv_file.refuse_mixed(file)
        measured = measure() if measure and not file.mixed else None
        try:
            segments = write_segments(csv_file.scan_csv(file), scratch, Passing(measured, told, file.rows_guessed).add)
        except pl.exceptions.PolarsError as error:
            if is_full(error):
                raise
            file = csv_file.stumbled(file, error)
            continue
        written = scan_unstored(segments)
        better = csv_file.second_look(file, written, measured)
        if better is None or better == file:
            return Rows(written, segments, file.mixed, measured)
        remove(segment.path for segment in segments)
        file = better
    raise AssertionError
