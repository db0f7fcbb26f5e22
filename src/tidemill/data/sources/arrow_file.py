"""Files of Arrow IPC, which Feather is too, in the types that versions hold."""

from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import EmptySource, SourceTooLarge
from tidemill.data.sources.parquet_file import damaged, in_plain_types

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_FILE = b"ARROW1"
_FREE_BYTES = 256 << 20
_RATIO = 200
_WIDTH = 8


def is_stream(path: Path) -> bool:
    """Return whether what is Arrow is a stream, and not a file with a list of its batches at the end."""
    with path.open("rb") as file:
        return file.read(len(_FILE)) != _FILE


def scan_arrow(path: Path, name: str) -> "pl.LazyFrame":
    """Return the rows of an Arrow file.

    Raises:
        MalformedTable: If it is truncated or damaged.
        EmptySource: If it has no rows or no columns.
        SourceTooLarge: If its rows take far more memory than it has bytes.
    """
    try:
        frame = pl.scan_ipc(path, glob=False)
        columns = sum(dtype != pl.Null for dtype in frame.collect_schema().values())
        rows = frame.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged(name, error) from error
    check_unpacked(rows * columns * _WIDTH, path.stat().st_size, name)
    if not rows:
        raise EmptySource(f"{shown(name)} has no rows", where=name, hint="Look at how the file was exported.")
    return in_plain_types(frame, name)


def check_unpacked(taken: int, size: int, name: str) -> None:
    """Refuse rows whose packed batches unpack to far more: what they say of themselves is known before they are.

    Raises:
        SourceTooLarge: If it is more than 256 MiB and more than 200 times as much.
    """
    if taken > _FREE_BYTES and taken > _RATIO * size:
        raise SourceTooLarge(
            f"{shown(name)} unpacks to {taken} bytes from {size}, more than {_RATIO} times as much",
            where=name,
            hint="Write it as Parquet in groups of rows, if it is really that large.",
        )
