"""Rows in segments that end where their content says so: a row more or less changes one segment, not all that follow.

Source:
    Muthitacharoen, Chen and Mazieres, A low-bandwidth network file system (2001), with rows in place of bytes.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.data.disk import Scratch
from tidemill.data.records import Segment
from tidemill.objects import ObjectStore

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")

_MEAN_BYTES = 1 << 23
_WIDEST_MEAN = 1 << 26
_ROWS_WHERE_WIDE = 1 << 10
_VALUE_BYTES = 8
_LEAST, _MOST = 4, 4
_HASH_BITS = 32
_BATCH_ROWS = 1 << 16
_BATCH_CELLS = 1 << 21
_WRITERS = 2
_WIDE = 5000
"""From so many columns on one segment is written at a time: beside its rows each column takes kilobytes meanwhile."""
_SYNCERS = 4
_CSV_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Unstored:
    """A segment as a file of its own that is not an object yet."""

    path: Path
    rows: int


def write_segments(
    frame: "pl.LazyFrame", scratch: Scratch, shown: "Callable[[pl.DataFrame], None] | None" = None
) -> list[Unstored]:
    """Write rows as segments, in their order and in bounded memory; the same rows always give the same files.

    Args:
        frame: The rows.
        scratch: Where the files go.
        shown: Gets the rows of each segment while others are read and written, so that they need not be read again.
    """
    # Polars reads CSV in pieces of 16 MB for each core, ahead of who takes them: most of the memory that it needs.
    os.environ.setdefault("POLARS_CSV_CHUNK_SIZE", str(_CSV_PIECE_BYTES))
    schema = frame.collect_schema()
    cutter = Cutter(schema)
    rows = max(1, min(_BATCH_ROWS, _BATCH_CELLS // max(1, len(schema))))
    batches = frame.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming")
    written: list[Unstored] = []
    paths: list[Path] = []
    try:
        writers = _WRITERS if len(schema) < _WIDE else 1
        with ThreadPoolExecutor(writers) as pool:
            waiting: deque[Future[Unstored]] = deque()
            for segment in cutter.segments(batches):
                paths.append(scratch.new(".parquet"))
                waiting.append(pool.submit(_write, segment, paths[-1]))
                if shown:
                    shown(segment)
                if len(waiting) >= writers:
                    written.append(waiting.popleft().result())
            written += [future.result() for future in waiting]
    except BaseException:
        remove(paths)
        raise
    return written


def remove(paths: Iterable[Path]) -> None:
    """Remove files that are not needed any more, so that a second try has their place."""
    for path in paths:
        path.unlink(missing_ok=True)


def _write(rows: "pl.DataFrame", path: Path) -> Unstored:
    rows.write_parquet(path, compression="zstd", compression_level=1, row_group_size=max(1, rows.height))
    return Unstored(path, rows.height)


def scan_unstored(segments: Sequence[Unstored]) -> "pl.LazyFrame":
    """Return the rows of segments that are not objects yet."""
    return pl.scan_parquet([segment.path for segment in segments], glob=False)


def adopt_segments(objects: ObjectStore, segments: Sequence[Unstored]) -> tuple[Segment, ...]:
    """Make objects of segments; their files are gone then."""

    def adopt(segment: Unstored) -> Segment:
        digest, size = objects.adopt(segment.path)
        return Segment(digest=digest, rows=segment.rows, size_bytes=size)

    if len(segments) == 1:
        return (adopt(segments[0]),)
    with ThreadPoolExecutor(_SYNCERS) as pool:  # what takes time is that the disk confirms each
        return tuple(pool.map(adopt, segments))


class Cutter:
    """Finds where segments end.

    A row ends a segment when its hash is small, the more easily the more bytes the row holds: so segments are alike in
    bytes, whatever the table, and where one ends follows from rows nearby alone. None is shorter than a quarter of
    the mean, except the last, and none much longer than four times the mean.

    Args:
        schema: The columns of the rows.
    """

    def __init__(self, schema: "pl.Schema") -> None:
        width = len(schema) * _VALUE_BYTES
        # A segment says where each of its columns lies: with few rows that would outweigh the rows.
        self._mean = max(_MEAN_BYTES, min(_WIDEST_MEAN, width * _ROWS_WHERE_WIDE))
        self._fixed = width
        self._sizes = [size for name, dtype in schema.items() if (size := _size_of(name, dtype)) is not None]
        self._held: list[pl.DataFrame] = []
        self._held_bytes = 0
        self._empty = pl.DataFrame(schema=schema)

    def segments(self, batches: "Iterable[pl.DataFrame]") -> "Iterator[pl.DataFrame]":
        """Yield the rows of batches as segments; one without rows when there are none."""
        is_first = True
        for batch in batches:
            for segment in self._cut(batch) if batch.height else ():
                is_first = False
                yield segment
        if self._held or is_first:
            yield pl.concat(self._held) if self._held else self._empty

    def _cut(self, batch: "pl.DataFrame") -> "Iterator[pl.DataFrame]":
        sizes = self._bytes_of(batch)
        ends = np.flatnonzero(self._ends(batch, sizes))
        total = np.cumsum(sizes)
        start = done = 0
        while True:
            before = done - self._held_bytes
            least, most = np.searchsorted(total, (before + self._mean // _LEAST, before + self._mean * _MOST))
            place = np.searchsorted(ends, least)
            last = min(int(ends[place]) if place < len(ends) else batch.height, int(most))
            if last >= batch.height:
                break
            yield pl.concat([*self._held, batch[start : last + 1]])
            self._held, self._held_bytes = [], 0
            start, done = last + 1, int(total[last])
        if start < batch.height:
            self._held.append(batch[start:])
            self._held_bytes += int(total[-1]) - done

    def _bytes_of(self, batch: "pl.DataFrame") -> "npt.NDArray[np.int64]":
        if not self._sizes:
            return np.full(batch.height, self._fixed, dtype=np.int64)
        return batch.select(pl.sum_horizontal(self._sizes).cast(pl.Int64)).to_series().to_numpy() + self._fixed

    def _ends(self, batch: "pl.DataFrame", sizes: "npt.NDArray[np.int64]") -> "npt.NDArray[np.bool_]":
        hashes = (batch.hash_rows().to_numpy() >> np.uint64(64 - _HASH_BITS)).astype(np.int64)
        return hashes < sizes * ((1 << _HASH_BITS) // self._mean)


def _size_of(name: str, dtype: "pl.DataType") -> "pl.Expr | None":
    """Return the bytes that a column's values hold beyond those of a number; None for a column of numbers."""
    if isinstance(dtype, pl.String):
        return pl.col(name).str.len_bytes()
    if isinstance(dtype, pl.Binary):
        return pl.col(name).bin.size()
    if isinstance(dtype, pl.List):
        return pl.col(name).list.len() * _VALUE_BYTES
    return None
