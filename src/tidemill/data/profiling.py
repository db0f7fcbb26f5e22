"""A profile of any file of rows, without a workspace: read in pieces, measured, forgotten."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tidemill.checks.personal.scan import scan_personal
from tidemill.core.lazy import lazy
from tidemill.data.disk import Scratch, plain_disk
from tidemill.data.masking import mask_profile, mask_sample
from tidemill.data.profile.build import Measuring
from tidemill.data.profile.records import Profile
from tidemill.data.records import Sample
from tidemill.data.sources import parquet_file
from tidemill.data.sources.locate import Located, locate_one
from tidemill.data.sources.reach import Reach
from tidemill.data.sources.rows import read_rows
from tidemill.data.sources.table import ReadOptions
from tidemill.objects import ObjectStore

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_BATCH_CELLS = 1 << 21
_SAMPLE_ROWS = 20
_MOST_KEPT = 10_000
_READING = 2  # cores that are busy with reading and writing while rows are measured

Told = Callable[[int, int], None]
"""Hears how many rows of how many are measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProfile:
    """What is known of a file.

    Args:
        profile: Of its rows.
        sample: The first rows.
        name: The file, as it was given.
        size_bytes: Its size.
        mixed: Columns that hold values of more than one type, taken as text.
    """

    profile: Profile
    sample: Sample
    name: str
    size_bytes: int
    mixed: tuple[str, ...] = ()


def plain_options(
    *, delimiter: str | None = None, encoding: str | None = None, sheet: str | None = None
) -> ReadOptions:
    """Return how a file is read when nothing is refused."""
    return ReadOptions(delimiter=delimiter, types={}, encoding=encoding, sheet=sheet, refuses_mixed=False)


def profile_file(source: str, *, options: ReadOptions | None = None, told: Told | None = None) -> FileProfile:
    """Return what is known of a file; memory does not grow with its rows.

    Args:
        source: Its path.
        options: How it is read.
        told: Hears how far it is.

    Raises:
        SourceNotFound: If there is none.
        NotATable: If it is a folder, or a pattern of several files.
        MalformedTable: If it is broken, with its line.
    """
    located = locate_one(source, Reach.of_owner(Path.cwd()))
    if not parquet_file.is_parquet(located.path):
        return _profile_other(source, located, options or plain_options(), told)
    frame = parquet_file.scan_parquet(located.path, located.name)
    try:
        rows = int(frame.select(pl.len()).collect(engine="streaming").item())
        profile, sample = _measured(_slices(frame, rows), rows, told)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise parquet_file.damaged(located.name, error) from error
    located.check_unchanged()
    return FileProfile(profile=profile, sample=sample, name=source, size_bytes=located.size_bytes)


def _profile_other(source: str, located: Located, options: ReadOptions, told: Told | None) -> FileProfile:
    """Profile a file by way of Parquet in a temporary folder, because a second look may change how it is read."""
    with TemporaryDirectory(prefix="tidemill-") as folder:
        objects = ObjectStore(Path(folder))
        with plain_disk(objects.root), Scratch(objects) as scratch:
            rows = read_rows(located, options, scratch, lambda: _Looked(told, beside=_READING))
            located.check_unchanged()
            if isinstance(rows.measured, _Looked):
                profile, sample = rows.measured.outcome()
            else:
                profile, sample = _measured(_pieces(rows.frame), 0, told)
    return FileProfile(
        profile=profile, sample=sample, name=source, size_bytes=located.size_bytes, mixed=tuple(rows.mixed)
    )


def profile_rows(frame: "pl.LazyFrame") -> tuple[Profile, Sample]:
    """Return the profile of rows that are computed in pieces, and the first of them."""
    return _measured(_pieces(frame), 0, None)


def _measured(pieces: "Iterable[pl.DataFrame]", total: int, told: Told | None) -> tuple[Profile, Sample]:
    """Return the profile of pieces and their first rows."""
    looked = _Looked(told, total)
    for piece in pieces:
        looked.add(piece)
    return looked.outcome()


class _Looked(Measuring):
    """A profile in the making that keeps some rows, so that nothing is read twice."""

    def __init__(self, told: Told | None, total: int = 0, *, beside: int = 0) -> None:
        super().__init__((lambda rows: told(rows, total)) if told else None, beside=beside)
        self._kept = _Kept()

    def add(self, batch: "pl.DataFrame") -> None:
        """Take more rows."""
        self._kept.look(batch)
        super().add(batch)

    def outcome(self) -> tuple[Profile, Sample]:
        """Return the profile and the first rows, with personal data masked: reports go from hand to hand."""
        rows = self._kept.rows
        kinds = scan_personal(pl.concat(rows)).kinds_by_column()
        return mask_profile(self.profile(), kinds), mask_sample(first_rows(rows[0].head(_SAMPLE_ROWS)), kinds)


class _Kept:
    """Some rows of pieces that go by, evenly spread over all of them."""

    def __init__(self) -> None:
        self.rows: list[pl.DataFrame] = []
        self._every = 1

    def look(self, piece: "pl.DataFrame") -> None:
        """Keep some of its rows: the first ones of all, and then every so many."""
        if not self.rows:
            self.rows.append(piece.head(_SAMPLE_ROWS))
        self.rows.append(piece.gather_every(self._every))
        while sum(part.height for part in self.rows[1:]) > _MOST_KEPT:
            self._every *= 2
            self.rows[1:] = [pl.concat(self.rows[1:]).gather_every(2)]


def _slices(frame: "pl.LazyFrame", rows: int) -> "Iterator[pl.DataFrame]":
    """Read a Parquet file slice by slice: its streaming reader would hold several row groups ahead."""
    step = max(1, _BATCH_CELLS // max(1, len(frame.collect_schema())))
    for start in range(0, rows, step):
        yield frame.slice(start, step).collect()


def _pieces(frame: "pl.LazyFrame") -> "Iterator[pl.DataFrame]":
    step = max(1, _BATCH_CELLS // max(1, len(frame.collect_schema())))
    found = False
    for piece in frame.collect_batches(chunk_size=step, maintain_order=True, engine="streaming"):
        found = True
        yield piece
    if not found:
        yield frame.head(0).collect()


def first_rows(frame: "pl.DataFrame") -> Sample:
    """Return rows as text."""
    return Sample(
        columns=tuple(frame.columns),
        rows=tuple(tuple(None if cell is None else str(cell) for cell in row) for row in frame.iter_rows()),
    )
