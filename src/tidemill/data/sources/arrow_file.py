"""Arrow IPC, which Feather is too: files and streams, in the types that versions hold."""

from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.disk import Scratch, is_full, sink
from tidemill.data.errors import EmptySource
from tidemill.data.sources.parquet_file import damaged, in_plain_types
from tidemill.data.sources.table import Rows

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_FILE = b"ARROW1"


def read_arrow(path: Path, name: str, scratch: Scratch) -> Rows:
    """Return the rows of an Arrow file or stream.

    Raises:
        MalformedTable: If it is truncated or damaged.
        EmptySource: If it has no rows or no columns.
    """
    with path.open("rb") as file:
        is_file = file.read(len(_FILE)) == _FILE
    target = scratch.new(".parquet")
    try:
        frame = pl.scan_ipc(path, glob=False) if is_file else pl.read_ipc_stream(path).lazy()
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
