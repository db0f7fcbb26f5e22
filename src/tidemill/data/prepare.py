"""From one source file to one part: a Parquet object, its profile, and the rows put aside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tidemill.core.digests import Digest
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data import quality
from tidemill.data.disk import Scratch, plain_disk, sink
from tidemill.data.errors import EmptySource
from tidemill.data.fresh import Fresh
from tidemill.data.keys import KeyWatch
from tidemill.data.profile.build import Measuring, encode_profile
from tidemill.data.profile.records import Profile
from tidemill.data.quality import Mask
from tidemill.data.records import Column, OnBadRows, Part, RuleCount, SourceFile
from tidemill.data.rules import check_key, recipe
from tidemill.data.segments import adopt_segments, remove, write_segments
from tidemill.data.sources.locate import Located
from tidemill.data.sources.passing import Passing
from tidemill.data.sources.rows import read_rows
from tidemill.data.sources.table import ReadOptions
from tidemill.data.sources.telling import KEPT, Share, unheard
from tidemill.objects import ObjectStore, digest_bytes

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person orders for reading files.

    Args:
        delimiter: What stands between fields of CSV; None to find out.
        types: Types of columns of CSV, by name.
        missing: Words that stand for a missing value in CSV; None for the usual ones.
        encoding: How text is encoded; None for UTF-8, or UTF-16 and UTF-32 where they show.
        sheet: The sheet of a workbook.
        on_bad_rows: What becomes of bad rows.
        key: Columns that together name a row.
        time: Column that says when a row happened.
        rules: The quality rules, as written.
        against: The contents of other datasets to which rules refer, by what the rules call them.
        fresh: Which rows are taken; None for all.
    """

    delimiter: str | None = None
    types: Mapping[str, str]
    missing: tuple[str, ...] | None = None
    encoding: str | None = None
    sheet: str | None = None
    on_bad_rows: OnBadRows
    key: tuple[str, ...] = ()
    time: str | None = None
    rules: Mapping[str, object]
    against: Mapping[str, Digest] = field(default_factory=dict)
    fresh: Fresh | None = None

    @property
    def as_read(self) -> ReadOptions:
        """What of these concerns the reading alone."""
        return ReadOptions(
            delimiter=self.delimiter,
            types=self.types,
            missing=self.missing,
            encoding=self.encoding,
            sheet=self.sheet,
            refuses_mixed=self.on_bad_rows is OnBadRows.REJECT,
        )

    def recipe(self, source: Digest) -> Digest:
        """Return the digest of how a part is made of a file with these options."""
        return digest_bytes(
            recipe(
                source,
                {
                    "delimiter": self.delimiter,
                    "types": dict(self.types),
                    "missing": self.missing,
                    "encoding": self.encoding,
                    "sheet": self.sheet,
                    "on_bad_rows": self.on_bad_rows.value,
                    "key": list(self.key),
                    "rules": dict(self.rules),
                    "against": dict(self.against),
                    "fresh": [self.fresh.column, self.fresh.base] if self.fresh else None,
                },
            )
        )


MakeMasks = Callable[["pl.Schema"], Sequence[Mask]]
"""From the columns of a table to the masks of the quality rules on it."""


def prepare(
    objects: ObjectStore,
    located: Located,
    source: SourceFile,
    options: Options,
    make_masks: MakeMasks,
    keys: KeyWatch | None,
    told: Share = unheard,
) -> Part | None:
    """Read a file and store its rows, its profile and its bad rows; None when it has no new row.

    Args:
        objects: Where they go.
        located: The file.
        source: Its description.
        options: How it is read.
        make_masks: Gives the masks of the quality rules.
        keys: The key and the keys of earlier parts.
        told: Hears how far the file is read.
    """
    with plain_disk(objects.root), Scratch(objects) as scratch:
        try:
            raw = read_rows(located, options.as_read, scratch, None if options.fresh else _measure_beside, told)
        finally:
            located.check_unchanged()  # also where reading failed: the reason may be that somebody writes to the file
        columns = list(raw.frame.collect_schema())
        check_key(options.key, options.time, columns)
        masks = make_masks(quality.typed_schema(raw.frame, raw.mixed))
        table = quality.sort_rows(raw.frame, located.name, raw.mixed, masks, keys, scratch.folder, options.fresh)
        if not table.rows_read and options.fresh and options.fresh.base:
            return None
        if not table.rows_read:
            raise EmptySource(f"{shown(located.name)} has no rows", hint="Look at how the file was exported.")
        if options.on_bad_rows is OnBadRows.REJECT:
            quality.refuse_bad(table)
        aside, broken = _put_aside(objects, table, scratch)
        good, measured = raw.segments, raw.measured
        if good is None or measured is None or table.bad or raw.mixed or options.fresh:
            measured = _measure_beside()
            passing = Passing(measured, told, table.rows_read - table.bad, KEPT)
            good = write_segments(quality.good_rows(table), scratch, passing.add)
            remove(segment.path for segment in raw.segments or ())
        profile = measured.profile()
        segments = adopt_segments(objects, good)
        if keys and keys.keep:
            keys.remember(pl.scan_parquet([objects.path(segment.digest) for segment in segments], glob=False))
        return Part(
            segments=segments,
            columns=schema_of(profile),
            rows_read=table.rows_read,
            quarantined=table.bad,
            quarantine_digest=aside,
            broken=broken,
            profile_digest=objects.put_bytes(encode_profile(profile)),
            source=source,
            recipe=options.recipe(source.digest),
        )


def _measure_beside() -> Measuring:
    return Measuring(beside=2)


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


def _put_aside(
    objects: ObjectStore, table: quality.Sorted, scratch: Scratch
) -> tuple[Digest | None, tuple[RuleCount, ...]]:
    if not table.bad:
        return None, ()
    path = scratch.new(".parquet")
    sink(quality.bad_rows(table), path, len(table.columns) + 4)
    broken = quality.count_rules(pl.scan_parquet(path, glob=False))
    return objects.adopt(path)[0], broken


def widened(options: Options, columns: Sequence[str]) -> Options:
    """Return options that take some columns as text."""
    return replace(options, types={**options.types, **dict.fromkeys(columns, "text")})
