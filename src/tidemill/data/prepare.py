"""From one source file to one part: a Parquet object, its profile, and the rows put aside."""

import errno
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tidemill.core.digests import Digest
from tidemill.core.errors import OutOfSpace
from tidemill.core.ids import new_id
from tidemill.core.lazy import lazy
from tidemill.core.moments import from_us
from tidemill.core.names import shown
from tidemill.data import quality
from tidemill.data.errors import EmptySource
from tidemill.data.profile.build import encode_profile, profile_file
from tidemill.data.profile.records import Profile
from tidemill.data.quality import KeyWatch, Mask
from tidemill.data.records import Column, OnBadRows, Part, RuleCount, SourceFile
from tidemill.data.rules import check_key, recipe
from tidemill.data.sources import csv_file, parquet_file
from tidemill.data.sources.locate import Located
from tidemill.data.sources.unpack import packing_of, unpack
from tidemill.data.types import Reading
from tidemill.objects import ObjectStore, digest_bytes, digest_file
from tidemill.objects.store import StoreReadOnly

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_WORDS = ("No space left", "File too large", "Disk quota", "os error 28", "os error 27")
_DENIED_WORDS = ("Permission denied", "Read-only file system", "os error 13", "os error 30")
_MOST_LOOKS = 6
_GROUP_ROWS = 250_000
_GROUP_CELLS = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person orders for reading files.

    Args:
        delimiter: What stands between fields of CSV; None to find out.
        types: Types of columns of CSV, by name.
        missing: Words that stand for a missing value in CSV; None for the usual ones.
        on_bad_rows: What becomes of bad rows.
        key: Columns that together name a row.
        time: Column that says when a row happened.
        rules: The quality rules, as written.
    """

    delimiter: str | None = None
    types: Mapping[str, str]
    missing: tuple[str, ...] | None = None
    on_bad_rows: OnBadRows
    key: tuple[str, ...] = ()
    time: str | None = None
    rules: Mapping[str, object]

    def recipe(self, source: Digest) -> Digest:
        """Return the digest of how a part is made of a file with these options."""
        return digest_bytes(
            recipe(
                source,
                {
                    "delimiter": self.delimiter,
                    "types": dict(self.types),
                    "missing": self.missing,
                    "on_bad_rows": self.on_bad_rows.value,
                    "key": list(self.key),
                    "rules": dict(self.rules),
                },
            )
        )


MakeMasks = Callable[[Sequence[str]], Sequence[Mask]]
"""From the columns of a table to the masks of the quality rules on it."""


class Scratch(AbstractContextManager["Scratch"]):
    """Names for unfinished files beside the objects, in a folder that goes at the end.

    A name is used once: a Polars query that failed may still touch its file a moment later.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._folder = objects.root / "incoming" / new_id()

    def __enter__(self) -> Self:
        """Make the folder."""
        self._folder.mkdir()
        return self

    def new(self, suffix: str) -> Path:
        """Return a path where nothing is yet."""
        return self._folder / f"{new_id()}{suffix}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was not moved away."""
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Raw:
    frame: "pl.LazyFrame"
    path: Path
    mixed: dict[str, Reading]


def source_file(located: Located) -> SourceFile:
    """Return the description of a file, with the digest of its bytes."""
    return SourceFile(
        name=located.name,
        size_bytes=located.size_bytes,
        digest=digest_file(located.path),
        modified_at=from_us(located.modified_ns // 1000),
    )


def prepare(
    objects: ObjectStore,
    located: Located,
    source: SourceFile,
    options: Options,
    make_masks: MakeMasks,
    keys: KeyWatch | None,
) -> Part:
    """Read a file and store its rows, its profile and its bad rows.

    Args:
        objects: Where they go.
        located: The file.
        source: Its description.
        options: How it is read.
        make_masks: Gives the masks of the quality rules.
        keys: The key and the keys of earlier parts.
    """
    with plain_disk(objects.root), Scratch(objects) as scratch:
        raw = _read(located, options, scratch)
        located.check_unchanged()
        columns = list(raw.frame.collect_schema())
        check_key(options.key, options.time, columns)
        table = quality.sort_rows(raw.frame, located.name, raw.mixed, make_masks(columns), keys)
        if not table.rows_read:
            raise EmptySource(f"{shown(located.name)} has no rows", hint="Look at how the file was exported.")
        if options.on_bad_rows is OnBadRows.REJECT:
            quality.refuse_bad(table)
        aside, broken = _put_aside(objects, table, scratch)
        good = raw.path
        if table.bad or raw.mixed:
            good = scratch.new(".parquet")
            sink(quality.good_rows(table), good, len(columns))
        rows = table.rows_read - table.bad
        profile = profile_file(good, rows, len(columns))
        if keys and keys.keep:
            keys.remember(pl.scan_parquet(good, glob=False))
        digest, size = objects.adopt(good)
        return Part(
            digest=digest,
            rows=rows,
            size_bytes=size,
            columns=schema_of(profile),
            rows_read=table.rows_read,
            quarantined=table.bad,
            quarantine_digest=aside,
            broken=broken,
            profile_digest=objects.put_bytes(encode_profile(profile)),
            source=source,
            recipe=options.recipe(source.digest),
        )


def schema_of(profile: Profile) -> tuple[Column, ...]:
    """Return the schema of a profiled table; a column without any value has the type `null`."""
    return tuple(
        Column(
            name=column.name,
            type="null" if column.nulls == column.rows and column.type == "text" else column.type,
            nullable=column.nulls > 0,
        )
        for column in profile.columns
    )


def _read(located: Located, options: Options, scratch: Scratch) -> _Raw:
    path = located.path
    if packing := packing_of(path):
        path = scratch.new(".unpacked")
        unpack(located.path, packing, path, located.name)
    if parquet_file.is_parquet(path):
        return _read_parquet(path, located.name, scratch.new(".parquet"))
    return _read_csv(path, located.name, options, scratch)


def _read_parquet(path: Path, name: str, target: Path) -> _Raw:
    frame = parquet_file.scan_parquet(path, name)
    try:
        sink(frame, target, len(frame.collect_schema()))
    except (pl.exceptions.PolarsError, OSError) as error:
        if is_full(error):
            raise
        raise parquet_file.damaged(name, error) from error
    return _Raw(pl.scan_parquet(target, glob=False), target, {})


def _read_csv(path: Path, name: str, options: Options, scratch: Scratch) -> _Raw:
    file = csv_file.open_csv(path, name, delimiter=options.delimiter, types=options.types, missing=options.missing)
    for _ in range(_MOST_LOOKS):
        if options.on_bad_rows is OnBadRows.REJECT:
            csv_file.refuse_mixed(file)
        target = scratch.new(".parquet")
        try:
            sink(csv_file.scan_csv(file), target, len(file.dialect.columns))
        except pl.exceptions.PolarsError as error:
            if is_full(error):
                raise
            file = csv_file.stumbled(file, error)
            continue
        written = pl.scan_parquet(target, glob=False)
        better = csv_file.second_look(file, written)
        if better is None or better == file:
            return _Raw(written, target, file.mixed)
        file = better
    raise AssertionError


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


def _put_aside(
    objects: ObjectStore, table: quality.Sorted, scratch: Scratch
) -> tuple[Digest | None, tuple[RuleCount, ...]]:
    if not table.bad:
        return None, ()
    path = scratch.new(".parquet")
    sink(quality.bad_rows(table), path, len(table.columns) + 4)
    broken = quality.count_rules(pl.scan_parquet(path, glob=False))
    return objects.adopt(path)[0], broken


def is_full(error: BaseException) -> bool:
    """Return whether an error says that the disk is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
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
        if not isinstance(error, OSError | pl.exceptions.PolarsError):
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


def widened(options: Options, columns: Sequence[str]) -> Options:
    """Return options that take some columns as text."""
    return replace(options, types={**options.types, **dict.fromkeys(columns, "text")})
