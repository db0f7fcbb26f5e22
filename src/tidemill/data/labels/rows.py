"""The rows that people label, as what they see: read by position from the version, never copied."""

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING

from tidemill.checks.personal.masking import mask_text
from tidemill.core.digests import Digest
from tidemill.core.lazy import lazy
from tidemill.data.labels.records import Cell, LabelPlan, LabelSource
from tidemill.data.masking import Kinds, mask_sample
from tidemill.data.reading import Reader
from tidemill.data.records import DatasetVersion, Sample, text_of
from tidemill.objects import ObjectStore
from tidemill.objects.packs.folder import NotFiles, StoredFiles
from tidemill.objects.packs.manifest import FileEntry

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_BLOCK = 64
"""Rows read at once: one row of Parquet costs about as much as these."""
_LONGEST_CELL = 20_000
_MOST_TEXT_BYTES = 20_000
_MOST_OPEN = 8
_PICTURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def open_files(objects: ObjectStore, version: DatasetVersion) -> StoredFiles:
    """Return the files of a folder's version: the one place where this stage meets how folders are stored.

    Raises:
        NotFiles: If the version is a table.
    """
    if version.layout_digest is None:
        raise NotFiles(f"{version.ref} is a table, not files", hint="Label its rows.")
    return StoredFiles(objects, version.digest, version.layout_digest)


def media_of(head: bytes) -> str:
    """Return the type of a picture by its first bytes; empty for what is not shown as one, such as SVG and HTML."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _PICTURES if head.startswith(start)), "")


class Rows:
    """Reads rows of versions by their positions, and keeps what was read last.

    Args:
        objects: Where the files of folders are.
        reader: Reads tables.
    """

    def __init__(self, objects: ObjectStore, reader: Reader) -> None:
        self._objects = objects
        self.reader = reader
        self._files: dict[str, StoredFiles] = {}
        self._opening = Lock()
        self._positions = lru_cache(8)(self._read_positions)
        self._blocks = lru_cache(64)(self._read_block)
        self._versions: dict[str, DatasetVersion] = {}

    def frame(self, version: DatasetVersion, source: LabelSource) -> "pl.LazyFrame":
        """Return all rows that a task can be about, in the order of their positions."""
        if source is LabelSource.FILES:
            files = self.files(version).entries
            columns = {"path": [file.path for file in files], "size": [file.size for file in files]}
            return pl.LazyFrame(columns, schema={"path": pl.String, "size": pl.Int64})
        if source is LabelSource.ROWS:
            return self.reader.scan(version)
        frames = [self.reader.scan_objects([part]) for part in _put_aside(version)]
        return pl.concat(frames, how="diagonal_relaxed") if frames else pl.LazyFrame()

    def files(self, version: DatasetVersion) -> StoredFiles:
        """Return the files of a folder's version, opened once."""
        with self._opening:
            found = self._files.pop(version.id, None) or open_files(self._objects, version)
            self._files[version.id] = found  # the last used stands last
            while len(self._files) > _MOST_OPEN:
                del self._files[next(iter(self._files))]  # not closed: another thread may be reading
        return found

    def position(self, digest: str | None, item: int) -> int:
        """Return where a row of a task stands in the version, from 0.

        Args:
            digest: The object that holds the positions; None where they are all rows in their order.
            item: The row's number in the task, from 1.
        """
        return item - 1 if digest is None else self._positions(Digest(digest))[item - 1]

    def row(self, version: DatasetVersion, source: LabelSource, position: int) -> dict[str, object]:
        """Return the values of a row of a table."""
        starts = [0, *accumulate(_heights(version, source))]
        part = bisect_right(starts, position) - 1
        block, within = divmod(position - starts[part], _BLOCK)
        self._versions[version.id] = version
        return self._blocks(version.id, source, part, block).row(within, named=True)

    def _read_positions(self, digest: Digest) -> "array[int]":
        found = array("Q")
        found.frombytes(self._objects.read(digest))
        return found

    def _read_block(self, version_id: str, source: LabelSource, part: int, block: int) -> "pl.DataFrame":
        version = self._versions[version_id]
        if source is LabelSource.QUARANTINE:
            frame = self.reader.scan_objects([_put_aside(version)[part]])
        else:
            frame = self.reader.scan_parts([version.parts[part]], version.columns)
        return frame.slice(block * _BLOCK, _BLOCK).collect()


def _heights(version: DatasetVersion, source: LabelSource) -> list[int]:
    if source is LabelSource.QUARANTINE:
        return [part.quarantined for part in version.parts if part.quarantine_digest]
    return [part.rows for part in version.parts]


def _put_aside(version: DatasetVersion) -> list[Digest]:
    return [part.quarantine_digest for part in version.parts if part.quarantine_digest]


def masked(row: Mapping[str, object], kinds: Kinds | None) -> dict[str, str | None]:
    """Return the values of a row as texts, with what is personal hidden; None hides nothing."""
    sample = Sample(columns=tuple(row), rows=(tuple(_shown(value) for value in row.values()),))
    return dict(zip(row, mask_sample(sample, kinds).rows[0], strict=True))


def cells_of(plan: LabelPlan, row: Mapping[str, str | None]) -> tuple[Cell, ...]:
    """Return what people see of a row of a table: the columns of the plan, or all but the one that they answer."""
    names: Sequence[str] = plan.show or [name for name in row if name != plan.column]
    return tuple(Cell(name=name, text=row.get(name)) for name in names)


def cells_of_file(plan: LabelPlan, files: StoredFiles, entry: FileEntry) -> tuple[tuple[Cell, ...], str]:
    """Return what people see of a file: its path and size, its beginning where it is text; and what picture it is."""
    with files.open(entry.path) as file:
        head = file.read(_MOST_TEXT_BYTES)
    media = media_of(head)
    cells = [Cell(name="path", text=entry.path), Cell(name="size", text=f"{entry.size} bytes")]
    text = "" if media or b"\0" in head else head.decode(errors="ignore")
    if text and len(text.encode()) > len(head) - 4:  # all but a character that was cut at the end
        cells.append(Cell(name="text", text=text if plan.unmasked else mask_text(text)))
    return tuple(cells), media


def _shown(value: object) -> str | None:
    text = text_of(value)
    return text if text is None or len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"
