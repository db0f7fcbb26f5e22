"""Unfinished files beside the objects, rows as Parquet, and a full disk in plain words."""

import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tidemill.core.errors import OutOfSpace
from tidemill.core.ids import new_id
from tidemill.core.lazy import lazy
from tidemill.objects import ObjectStore
from tidemill.objects.store import FULL, StoreReadOnly

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_FULL_WORDS = ("No space left", "File too large", "Disk quota", "os error 28", "os error 27")
_DENIED_WORDS = ("Permission denied", "Read-only file system", "os error 13", "os error 30")
_GROUP_ROWS = 1 << 16
_GROUP_CELLS = 1 << 24


class Scratch(AbstractContextManager["Scratch"]):
    """Names for unfinished files beside the objects, in a folder that goes at the end.

    A name is used once: a Polars query that failed may still touch its file a moment later.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self.folder = objects.root / "incoming" / new_id()

    def __enter__(self) -> Self:
        """Make the folder."""
        self.folder.mkdir()
        return self

    def new(self, suffix: str) -> Path:
        """Return a path where nothing is yet."""
        return self.folder / f"{new_id()}{suffix}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was not moved away."""
        shutil.rmtree(self.folder, ignore_errors=True)


def sink(frame: "pl.LazyFrame", target: Path, width: int) -> None:
    """Write rows as Parquet, streaming; the same rows always give the same bytes.

    Args:
        frame: The rows.
        target: The file.
        width: How many columns they have.
    """
    frame.sink_parquet(
        target,
        compression="zstd",
        compression_level=1,
        row_group_size=max(1000, min(_GROUP_ROWS, _GROUP_CELLS // max(1, width))),
        maintain_order=True,
        engine="streaming",
    )


def is_full(error: BaseException) -> bool:
    """Return whether an error says that the disk is full."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    return any(word in str(error) for word in _FULL_WORDS)


class plain_disk(AbstractContextManager[None]):  # noqa: N801 - reads as a verb where it is used
    """Say a full disk or a read-only folder in the words of the error family, also when Polars noticed it.

    Args:
        place: The folder that is written to.
    """

    def __init__(self, place: Path) -> None:
        self._place = place

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Translate the error."""
        # The question about nothing comes first: files are stored without Polars, whose import takes half a second.
        if error is None or not isinstance(error, OSError | pl.exceptions.PolarsError):
            return
        if is_full(error):
            raise OutOfSpace(
                "There is no space left to store this",
                where=str(self._place),
                hint="Free some space; nothing was kept.",
            ) from error
        if isinstance(error, PermissionError) or any(word in str(error) for word in _DENIED_WORDS):
            raise StoreReadOnly(
                "This folder cannot be written",
                where=str(self._place),
                hint="Give write permission, or use another --home.",
            ) from error
