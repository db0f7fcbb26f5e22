"""Frames of rows, one after another, written as one Parquet file in bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.disk import Scratch, sink
from tidemill.data.errors import EmptySource, SourceFailed

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_GATHERED_BYTES = 16 << 20


def write_frames(
    frames: Iterable[object], target: Path, name: str, scratch: Scratch, told: Callable[[int], None] | None = None
) -> None:
    """Write frames or Arrow batches as Parquet; the same rows give the same bytes however they are cut.

    Args:
        frames: The rows.
        target: The file.
        name: How messages call it.
        scratch: Where unfinished files go.
        told: Hears how many rows came so far.

    Raises:
        EmptySource: If there is not a single row.
        SourceFailed: If they differ in their columns.
    """
    pieces = [_written(frame, scratch) for frame in _gathered(frames, name, told)]
    if not pieces:
        raise EmptySource(f"{shown(name)} has no rows", hint="Look at the query, or at what the source holds.")
    frame = pl.concat([pl.scan_ipc(path, glob=False) for path in pieces], how="vertical_relaxed")
    sink(frame, target, len(frame.collect_schema()))
    for path in pieces:
        path.unlink()


def _written(frame: "pl.DataFrame", scratch: Scratch) -> Path:
    path = scratch.new(".arrow")
    frame.write_ipc(path, compression="lz4")
    return path


def _gathered(frames: Iterable[object], name: str, told: Callable[[int], None] | None) -> "Iterator[pl.DataFrame]":
    waiting: list[pl.DataFrame] = []
    schema: pl.Schema | None = None
    size, rows = 0.0, 0
    for batch in frames:
        frame = batch if isinstance(batch, pl.DataFrame) else pl.DataFrame(batch)  # type: ignore[arg-type]
        if schema is not None and not _go_together(schema, frame.schema):
            raise SourceFailed(
                f"The batches of {shown(name)} have unlike columns",
                hint="Give every batch the same columns in the same order and of the same types.",
            )
        if schema is not None and frame.schema != schema and waiting:
            yield pl.concat(waiting)
            waiting, size = [], 0.0
        schema = frame.schema
        if not frame.height:
            continue
        waiting.append(frame)
        rows += frame.height
        if told:
            told(rows)
        size += frame.estimated_size()
        if size >= _GATHERED_BYTES:
            yield pl.concat(waiting)
            waiting, size = [], 0.0
    if waiting:
        yield pl.concat(waiting)


def _go_together(first: "pl.Schema", second: "pl.Schema") -> bool:
    """Return whether rows of both fit into one table: a batch may have no value in a column, or whole numbers only."""
    return list(first) == list(second) and all(
        one == other or pl.Null in {one, other} or (one.is_numeric() and other.is_numeric())
        for one, other in zip(first.values(), second.values(), strict=True)
    )
