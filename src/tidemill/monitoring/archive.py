"""Reading what was captured: sealed segments, and the capture files that are not sealed yet."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.digests import Digest
from tidemill.core.lazy import lazy
from tidemill.monitoring.frames import Located
from tidemill.monitoring.records import Segment
from tidemill.objects import ObjectStore
from tidemill.serving.capture import read_segment

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MOST_REMEMBERED = 100_000


class Archive:
    """Gives tables of segments, each verified the first time it is read.

    Args:
        objects: Where the segments are.
        folder: Where the data plane captures.
    """

    def __init__(self, objects: ObjectStore, folder: Path) -> None:
        self.objects = objects
        self.folder = folder
        self._verified: set[Digest] = set()

    def scan(self, digest: Digest) -> "pl.LazyFrame":
        """Return a Parquet object, to be read where it is needed.

        Raises:
            ObjectMissing: If it is not stored.
            DamagedObject: If the bytes are not what was stored.
        """
        if digest not in self._verified:
            if len(self._verified) >= _MOST_REMEMBERED:
                self._verified.clear()
            self.objects.verify(digest)
            self._verified.add(digest)
        return pl.scan_parquet(self.objects.path(digest))

    def read(self, segment: Segment) -> "pl.DataFrame":
        """Return the rows of a segment, with its deployment, model and version.

        Raises:
            ObjectMissing: If it is not stored.
            DamagedObject: If the bytes are not what was stored.
        """
        return self.scan(segment.digest).with_columns(*labels(segment)).collect()

    def files(self) -> list[Path]:
        """Return the capture files, oldest first; some may be open."""
        found = [path for path in self.folder.glob("*-*.*") if path.suffix in {".seg", ".done"}]
        return sorted(found, key=lambda path: (path.stem.partition("-")[2].zfill(20), path.stem))

    def tails(self, sealed: dict[str, int], paths: Iterable[Path]) -> Iterator[tuple[Path, list[Located]]]:
        """Yield the frames of capture files behind what is sealed of each."""
        for path in paths:
            try:
                yield path, read_frames(path, sealed.get(path.stem, 0))
            except FileNotFoundError:
                continue  # Sealed or renamed just now.


def labels(segment: Segment) -> "list[pl.Expr]":
    """Return the columns that a segment's row in the ledger adds to its table."""
    return [
        pl.lit(segment.deployment).alias("deployment"),
        pl.lit(segment.model).alias("model"),
        pl.lit(segment.version, dtype=pl.Int64).alias("version"),
        pl.lit(segment.id).alias("segment"),
    ]


def read_frames(path: Path, start: int) -> list[Located]:
    """Return the whole frames of a capture file from a byte on, each with the byte at which it begins.

    Raises:
        FileNotFoundError: If the file is gone.
    """
    reader = read_segment(path, start=start)
    return [(reader.end, frame) for frame in reader]
