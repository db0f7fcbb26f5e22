"""Arrow IPC, which Feather is too: files and streams, in the types that versions hold."""

from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.disk import Scratch, is_full, sink
from tidemill.data.errors import EmptySource, SourceTooLarge
from tidemill.data.sources.parquet_file import damaged, in_plain_types
from tidemill.data.sources.table import Rows

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_FILE = b"ARROW1"
_FREE_BYTES = 256 << 20
_RATIO = 200
_WIDTH = 8


def read_arrow(path: Path, name: str, scratch: Scratch) -> Rows:
    """Return the rows of an Arrow file or stream.

    Raises:
        MalformedTable: If it is truncated or damaged.
        EmptySource: If it has no rows or no columns.
        SourceTooLarge: If its rows take far more memory than it has bytes.
    """
    with path.open("rb") as file:
        is_file = file.read(len(_FILE)) == _FILE
    target = scratch.new(".parquet")
    try:
        if is_file:
            frame = pl.scan_ipc(path, glob=False)
            _check_size(frame, path.stat().st_size, name)
        else:
            frame = pl.read_ipc_stream(path).lazy()
        plain = in_plain_types(frame, name)
        sink(plain, target, len(plain.collect_schema()))
        written = pl.scan_parquet(target, glob=False)
        rows = written.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as error:
        if is_full(error):
            raise
        raise damaged(name, error) from error
    if not rows:
        raise EmptySource(f"{shown(name)} has no rows", where=name, hint="Look at how the file was exported.")
    return Rows(written, None, {})


def _check_size(frame: "pl.LazyFrame", size: int, name: str) -> None:
    """Refuse a file whose packed batches unpack to far more: what its footer counts is known before they are."""
    columns = sum(dtype != pl.Null for dtype in frame.collect_schema().values())
    taken = frame.select(pl.len()).collect().item() * columns * _WIDTH
    if taken > _FREE_BYTES and taken > _RATIO * size:
        raise SourceTooLarge(
            f"{shown(name)} unpacks to {taken} bytes from {size}, more than {_RATIO} times as much",
            where=name,
            hint="Write it as Parquet in groups of rows, if it is really that large.",
        )
