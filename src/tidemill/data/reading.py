"""From a version back to rows: its objects, verified once, as one lazy table."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from msgspec import structs

from tidemill.core.digests import Digest
from tidemill.core.lazy import lazy
from tidemill.data.errors import NotATable
from tidemill.data.records import Column, DatasetKind, DatasetVersion, Part
from tidemill.data.rules import choose
from tidemill.data.types import dtype_of
from tidemill.objects import ObjectStore

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class Reader:
    """Reads parts, and remembers which objects this process has found undamaged.

    Args:
        objects: Where the parts are.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._verified: dict[Digest, tuple[int, int, int]] = {}
        self._lock = Lock()

    def scan(self, version: DatasetVersion) -> "pl.LazyFrame":
        """Return the rows of a table.

        Raises:
            NotATable: If the version is a tree.
            DamagedObject: If a part is not what was stored.
        """
        if version.kind is not DatasetKind.TABLE:
            raise NotATable(f"{version.ref} is a folder of files", hint="Use `export`, or read its files.")
        return self.scan_parts(version.parts, version.columns)

    def first(self, version: DatasetVersion, rows: int, columns: Sequence[str] = ()) -> "pl.DataFrame":
        """Return the first rows of a table; only the segments that hold them are read.

        Args:
            version: The table.
            rows: How many.
            columns: Which columns, in this order; all when left out.
        """
        left, parts = rows, []
        for part in version.parts:
            before = accumulate((segment.rows for segment in part.segments), initial=0)
            segments = tuple(segment for segment, at in zip(part.segments, before, strict=False) if at < left)
            left -= sum(segment.rows for segment in segments)
            parts += [structs.replace(part, segments=segments)] if segments else []
        held = {column.name: column for column in version.columns}
        chosen = [held[name] for name in choose(held, columns)] if columns else version.columns
        return self.scan_parts(parts or version.parts[:1], chosen).head(rows).collect()

    def scan_parts(self, parts: Sequence[Part], columns: Sequence[Column]) -> "pl.LazyFrame":
        """Return the rows of some parts, in the types of a schema."""
        frames = [self.scan_part(part).select(in_types(part, columns)) for part in parts]
        return frames[0] if len(frames) == 1 else pl.concat(frames, how="vertical")

    def scan_part(self, part: Part) -> "pl.LazyFrame":
        """Return the rows of a part, in its own types."""
        return self.scan_objects([segment.digest for segment in part.segments])

    def scan_objects(self, digests: Sequence[Digest]) -> "pl.LazyFrame":
        """Return the rows of Parquet objects that have the same columns."""
        return pl.scan_parquet([self.verified(digest) for digest in digests], glob=False)

    def verified(self, digest: Digest) -> Path:
        """Return where an object is; it is read whole the first time, to see that it is undamaged.

        Raises:
            ObjectMissing: If it is not stored.
            DamagedObject: If it is not what was stored.
        """
        path = self._objects.path(digest)
        with self._lock:
            known = self._verified.get(digest)
        state = path.stat() if known and path.exists() else None
        now = (state.st_size, state.st_mtime_ns, state.st_ino) if state else None
        if known is None or known != now:
            self._objects.verify(digest)
            state = path.stat()
            with self._lock:
                self._verified[digest] = (state.st_size, state.st_mtime_ns, state.st_ino)
        return path


def in_types(part: Part, columns: Sequence[Column]) -> "list[pl.Expr]":
    """Return what makes the rows of a part rows of a schema."""
    held = {column.name: column.type for column in part.columns}
    expressions = []
    for column in columns:
        target = dtype_of(column.type)
        if held[column.name] == column.type or target is None or column.type == "null":
            expressions.append(pl.col(column.name))
        elif held[column.name] == "null":
            expressions.append(pl.lit(None, target).alias(column.name))
        else:
            expressions.append(pl.col(column.name).cast(target))
    return expressions
