"""Split a version into versions of their own: what is trained on, and what is held out and stays so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from blake3 import blake3

from tidemill.checks.quality.language import parse_rules
from tidemill.core.access import Actor
from tidemill.core.lazy import lazy
from tidemill.core.names import check_name, shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.disk import Scratch, plain_disk, sink
from tidemill.data.errors import EmptySource, InvalidOption, NotATable, UnknownColumn
from tidemill.data.prepare import Options
from tidemill.data.records import DatasetKind, DatasetVersion, OnBadRows
from tidemill.data.service.ingest import ingest_table
from tidemill.data.service.place import Place
from tidemill.data.service.recording import Order
from tidemill.data.service.surroundings import DataAround
from tidemill.data.sources.locate import Located
from tidemill.data.split import Cut, hold_out_shares, split_times
from tidemill.data.types import as_text

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")

_MOST_PARTS = 20
_LARGEST = float(1 << 64)


class SplitBy(StrEnum):
    """What decides where a row goes."""

    TIME = "time"
    KEY = "key"
    RANDOM = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    version: DatasetVersion
    parts: Sequence[str]
    by: SplitBy
    column: str
    at: Sequence[Cut]
    shares: Sequence[float]
    seed: int

    @property
    def words(self) -> str:
        """How the rows were parted, as a source says it."""
        found = [f"by={self.by.value}"]
        if self.by is SplitBy.TIME:
            found.append(f"column={self.column}")
        found += [f"at={cut}" for cut in self.at]
        found += [f"share={share:g}" for share in self.shares]
        return "&".join([*found, f"seed={self.seed}"] if self.by is not SplitBy.TIME else found)


class SplitService:
    """The verbs of splits.

    Args:
        place: What the verbs of datasets work on.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def create(
        self,
        actor: Actor,
        ref: str,
        *,
        parts: Sequence[str],
        by: str = "",
        at: Sequence[str] = (),
        shares: Sequence[float] = (),
        column: str = "",
        seed: int = 0,
    ) -> list[DatasetVersion]:
        """Split a table into versions of the datasets `NAME-PART`; the same split again gives the same versions.

        Args:
            actor: Who does it.
            ref: The version to split.
            parts: What the parts are called, in order, such as `train` and `test`.
            by: `time` cuts by the time column, `key` by a hash of the key, so that a row stays in its part in every
                later version, `random` draws rows. By time where there are cuts, else by key where there is one.
            at: Where to cut the time: days, moments or numbers, increasing; one less than parts.
            shares: Which share of the rows each part gets; they sum to 1.
            column: The column that says when; the version's own when left out.
            seed: For `key` and `random`.

        Raises:
            NotATable: If the version is one of files.
            InvalidOption: If the words do not fit each other.
            UnknownColumn: If there is no such column.
            EmptySource: If a part would get no row.
        """
        version = self._place.find(ref)
        if version.kind is not DatasetKind.TABLE:
            raise NotATable(f"{version.ref} is a folder of files", hint="Split a table, such as one of their paths.")
        split = _checked(version, parts, by, at, shares, column, seed)
        with plain_disk(self._place.objects.root), Scratch(self._place.objects) as scratch:
            made = []
            files = self._write(split, scratch)
            for name, path in zip(parts, files, strict=True):
                made.append(self._ingest(actor, split, name, path))
        return made

    def _write(self, split: _Split, scratch: Scratch) -> list[Path]:
        """Write each part's rows as a file, segment by segment of the version."""
        place = self._place
        numbers = _numbers(place, split)
        pieces: list[list[Path]] = [[] for _ in split.parts]
        counts = [0 for _ in split.parts]
        at = 0
        for frame in _segments(place, split.version):
            own = numbers[at : at + frame.height]
            at += frame.height
            for part in range(len(split.parts)):
                kept = frame.filter(pl.Series(own == part))
                if kept.height:
                    path = scratch.new(".parquet")
                    kept.write_parquet(path, compression="uncompressed")
                    pieces[part].append(path)
                    counts[part] += kept.height
        empty = [name for name, count in zip(split.parts, counts, strict=True) if not count]
        if empty:
            raise EmptySource(f"The part {shown(empty[0])} gets no row", hint="Cut elsewhere, or give it a share.")
        files = []
        for paths in pieces:
            path = scratch.new(".parquet")
            sink(pl.scan_parquet(paths, glob=False), path, len(split.version.columns))
            for piece in paths:
                piece.unlink()
            files.append(path)
        return files

    def _ingest(self, actor: Actor, split: _Split, name: str, path: Path) -> DatasetVersion:
        version = split.version
        dataset = f"{version.dataset}-{name}"
        state = path.stat()
        located = Located(path, f"{version.ref}#{name}", state.st_size, state.st_mtime_ns, state.st_ino)
        order = Order(
            name=dataset,
            uri=f"dataset:{version.ref}#{name}?{split.words}",
            options=Options(
                types={}, on_bad_rows=OnBadRows.REJECT, key=tuple(version.key), time=version.time, rules={}
            ),
            book=parse_rules({}),
            make_masks=lambda _: [],
            around=DataAround(self._place, dataset),
            append=False,
            description="",
            made_from=(version.id,),
        )
        return ingest_table(self._place, actor, order, [located])


def _checked(
    version: DatasetVersion,
    parts: Sequence[str],
    by: str,
    at: Sequence[str],
    shares: Sequence[float],
    column: str,
    seed: int,
) -> _Split:
    if not 2 <= len(parts) <= _MOST_PARTS or len(set(parts)) < len(parts):
        raise InvalidOption(f"There are {len(parts)} parts", hint=f"Name 2 to {_MOST_PARTS}, each once.")
    for part in parts:
        check_name(f"{version.dataset}-{part}", "dataset")
    if bool(at) == bool(shares):
        raise InvalidOption(
            "A split needs cuts or shares",
            hint="Give either `--at MOMENT`, one less than parts, or `--share SHARE` for each part.",
        )
    if seed < 0:
        raise InvalidOption(f"The seed is {seed}", hint="Give 0 or more.")
    how = _by(version, by, at)
    if len(at or shares) != len(parts) - (1 if at else 0):
        raise InvalidOption(
            f"{len(parts)} parts need {len(parts) - 1} cuts or {len(parts)} shares", hint="Give as many as that."
        )
    if shares and (any(not 0 < share < 1 for share in shares) or abs(sum(shares) - 1) > 1e-9):
        raise InvalidOption("The shares do not sum to 1", hint="Give positive shares, such as 0.8 and 0.2.")
    when = column or version.time or ""
    names = [each.name for each in version.columns]
    if how is SplitBy.TIME and not when:
        raise InvalidOption(f"{version.ref} has no time column", hint="Name the column that says when: --column.")
    if how is SplitBy.TIME and when not in names:
        raise UnknownColumn(f"There is no column {shown(when)}", hint=did_you_mean(when, names))
    if how is SplitBy.KEY and not version.key:
        raise InvalidOption(f"{version.ref} has no key", hint="Add it with --key, or split by time or at random.")
    return _Split(
        version=version,
        parts=tuple(parts),
        by=how,
        column=when,
        at=tuple(_cut(text) for text in at),
        shares=tuple(shares),
        seed=seed,
    )


def _by(version: DatasetVersion, by: str, at: Sequence[str]) -> SplitBy:
    if not by:
        return SplitBy.TIME if at else SplitBy.KEY if version.key else SplitBy.RANDOM
    try:
        found = SplitBy(by)
    except ValueError:
        words = [each.value for each in SplitBy]
        raise InvalidOption(f"{shown(by)} is no way to split", hint=did_you_mean(by, words)) from None
    if at and found is not SplitBy.TIME:
        raise InvalidOption("Only time is cut", hint="Give shares, or split by time.")
    return found


def _cut(text: str) -> Cut:
    for read in (int, float, date.fromisoformat, datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    raise InvalidOption(f"{shown(text)} is no day, moment or number", hint="Write such as 2013-10-01.")


def _numbers(place: Place, split: _Split) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """Return the number of the part of each row, in the order of the rows."""
    version = split.version
    if split.by is SplitBy.TIME:
        times = place.reader.scan(version).select(split.column).collect()
        return split_times(times, split.column, at=split.at, shares=split.shares)
    if split.by is SplitBy.RANDOM:
        return hold_out_shares(version.rows or 0, split.shares, seed=split.seed)
    ends = np.cumsum(split.shares)[:-1]
    found = []
    for frame in _segments(place, version, columns=version.key):
        texts = frame.select(pl.concat_str([_stable(frame[name]) for name in version.key], separator="\x1f"))
        drawn = np.fromiter((_drawn(text, split.seed) for text in texts.to_series()), np.float64, texts.height)
        found.append(np.searchsorted(ends, drawn, side="right").astype(np.uint8))
    return np.concatenate(found)


def _stable(values: "pl.Series") -> "pl.Series":
    """Return values as texts that stay when a later version's column holds fractions, or times of the day, too."""
    values = values.cast(pl.Datetime("us")) if values.dtype == pl.Date else values
    return values.to_frame().select(as_text(values.name, values.dtype)).to_series().fill_null("\0")


def _drawn(text: str, seed: int) -> float:
    """Return a number in [0, 1) that follows from a key alone, the same for every version and release."""
    return int.from_bytes(blake3(f"{seed}\0{text}".encode()).digest(8), "big") / _LARGEST


def _segments(place: Place, version: DatasetVersion, columns: Sequence[str] = ()) -> "Iterator[pl.DataFrame]":
    """Yield the rows of a version a segment at a time."""
    for part in version.parts:
        for one in part.segments:
            frame = place.reader.scan_parts([msgspec.structs.replace(part, segments=(one,))], version.columns)
            yield (frame.select(columns) if columns else frame).collect()
