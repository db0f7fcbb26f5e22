"""What differs between two versions: schema, rows by key, distributions, files."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import structs

from tidemill.checks.drift.cells import build_cells
from tidemill.checks.drift.jensen_shannon import measure_effect
from tidemill.checks.drift.psi import population_stability_index
from tidemill.checks.drift.reference import CategoryReference, NumericReference
from tidemill.checks.drift.summary import CategorySummary, ColumnSummary, NumericSummary
from tidemill.checks.errors import NotEnough
from tidemill.core.digests import Digest
from tidemill.core.lazy import lazy
from tidemill.data.profile.bins import rebin
from tidemill.data.profile.outline import Outline
from tidemill.data.profile.records import ColumnProfile, Profile
from tidemill.data.reading import Reader
from tidemill.data.records import (
    Column,
    ColumnChange,
    DatasetKind,
    DatasetVersion,
    Diff,
    DistributionChange,
    FileChange,
    RowChanges,
    RowSample,
    text_of,
)
from tidemill.data.service.place import Place
from tidemill.data.types import as_text, dtype_of, joined
from tidemill.objects.packs.manifest import decode_files

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


MOST_VALUES = 100_000
"""So many values the rows of each kind of change hold in all, if that is more than one row."""


def compare(place: Place, before: DatasetVersion, after: DatasetVersion, *, samples: int) -> Diff:
    """Return what differs between two versions.

    Args:
        place: What the verbs work on.
        before: The first version, with its parts.
        after: The second.
        samples: The most rows of each kind to show; fewer of a wide table.
    """
    shared = _segments(before) & _segments(after)
    both_tables = before.kind is after.kind is DatasetKind.TABLE
    same_key = both_tables and before.key == after.key and bool(before.key)
    return Diff(
        before=before.ref,
        after=after.ref,
        is_same=before.digest == after.digest,
        rows_before=before.rows,
        rows_after=after.rows,
        shared_segments=len(shared),
        columns=_compare_columns(before.columns, after.columns),
        rows=_compare_rows(place.reader, before, after, shared, samples) if same_key else None,
        distributions=_compare_profiles(place, before, after),
        files=_compare_files(place, before, after) if before.kind is after.kind is DatasetKind.TREE else (),
    )


def _segments(version: DatasetVersion) -> set[Digest]:
    return {segment.digest for part in version.parts for segment in part.segments}


def _compare_columns(before: Sequence[Column], after: Sequence[Column]) -> tuple[ColumnChange, ...]:
    old, new = {column.name: column for column in before}, {column.name: column for column in after}
    changes = [
        ColumnChange(name=name, change="removed", before=old[name], after=None) for name in old if name not in new
    ]
    changes += [
        ColumnChange(name=name, change="added", before=None, after=new[name]) for name in new if name not in old
    ]
    for name, column in old.items():
        if name in new and column != new[name]:
            change = "type" if column.type != new[name].type else "nullable"
            changes.append(ColumnChange(name=name, change=change, before=column, after=new[name]))
    return tuple(changes)


def _compare_rows(
    reader: Reader, before: DatasetVersion, after: DatasetVersion, shared: set[Digest], samples: int
) -> RowChanges:
    """Compare by key; segments that both versions have are the same rows, so they are only counted."""
    held = {column.name for column in after.columns}
    common = [column.name for column in before.columns if column.name in held]
    samples = min(samples, max(1, MOST_VALUES // len(common)))
    same = sum(segment.rows for part in before.parts for segment in part.segments if segment.digest in shared)
    old, new = (_differing_rows(reader, version, shared, common, before, after) for version in (before, after))
    key = list(before.key)
    keys = [[f"{side} {place}" for place in range(len(key))] for side in ("old", "new")]
    hashes = [
        rows.select(*(pl.col(name).alias(own) for name, own in zip(key, names, strict=True)), _hash(common).alias(side))
        for rows, names, side in zip((old, new), keys, ("old", "new"), strict=True)
    ]
    pairs = hashes[0].join(hashes[1], left_on=keys[0], right_on=keys[1], how="full", coalesce=False)
    found = pairs.collect(engine="streaming")
    gone, come = pl.col("new").is_null(), pl.col("old").is_null()
    changed = ~gone & ~come & (pl.col("old") != pl.col("new"))
    removed, added, altered = (
        found.filter(which).select(names).rename(dict(zip(names, key, strict=True))).sort(key)
        for which, names in ((gone, keys[0]), (come, keys[1]), (changed, keys[0]))
    )
    return RowChanges(
        key=before.key,
        added=added.height,
        removed=removed.height,
        changed=altered.height,
        unchanged=same + found.height - added.height - removed.height - altered.height,
        added_sample=_sample(added.head(samples), None, new),
        removed_sample=_sample(removed.head(samples), old, None),
        changed_sample=_sample(altered.head(samples), old, new),
    )


def _differing_rows(
    reader: Reader,
    version: DatasetVersion,
    shared: set[Digest],
    common: Sequence[str],
    before: DatasetVersion,
    after: DatasetVersion,
) -> "pl.LazyFrame":
    unlike = [
        structs.replace(part, segments=tuple(segment for segment in part.segments if segment.digest not in shared))
        for part in version.parts
    ]
    parts = [part for part in unlike if part.segments]
    old, new = ({column.name: column.type for column in side.columns} for side in (before, after))
    forms = {name: dtype_of(joined(old[name], new[name]) or "text") or pl.String() for name in common}
    if not parts:
        return pl.LazyFrame(schema=forms)
    rows = reader.scan_parts(parts, version.columns)
    schema = rows.collect_schema()
    return rows.select(
        as_text(name, schema[name]) if form == pl.String else pl.col(name).cast(form, strict=False)
        for name, form in forms.items()
    )


def _hash(columns: Sequence[str]) -> "pl.Expr":
    return pl.struct(columns).hash()


def _sample(keys: "pl.DataFrame", old: "pl.LazyFrame | None", new: "pl.LazyFrame | None") -> tuple[RowSample, ...]:
    if not keys.height:
        return ()
    sides = [_rows_of(keys, side) for side in (old, new)]
    samples = []
    for place, key in enumerate(keys.iter_rows(named=True)):
        before, after = (side[place] if side else {} for side in sides)
        if before and after:
            names = [name for name in before if before[name] != after[name]]
            before, after = ({name: row[name] for name in names} for row in (before, after))
        samples.append(RowSample(key={name: text_of(value) for name, value in key.items()}, before=before, after=after))
    return tuple(samples)


def _rows_of(keys: "pl.DataFrame", side: "pl.LazyFrame | None") -> list[dict[str, str | None]]:
    if side is None:
        return []
    numbered = keys.with_row_index("_tidemill_place")
    rows = side.join(numbered.lazy(), on=keys.columns, how="inner").sort("_tidemill_place").drop("_tidemill_place")
    return [{name: text_of(value) for name, value in row.items()} for row in rows.collect().iter_rows(named=True)]


def _compare_profiles(place: Place, before: DatasetVersion, after: DatasetVersion) -> tuple[DistributionChange, ...]:
    if not before.profile_digest or not after.profile_digest:
        return ()
    old, new = (Outline(place.objects.read(digest)) for digest in (before.profile_digest, after.profile_digest))
    held = {column.name for column in new.columns}
    common = [column.name for column in old.columns if column.name in held]
    return _furthest_first(zip(old.read(common), new.read(common), strict=True))


def distances(old: Profile, new: Profile) -> tuple[DistributionChange, ...]:
    """Return how far each column that both profiles have moved, the furthest first."""
    columns = {column.name: column for column in new.columns}
    return _furthest_first((column, columns[column.name]) for column in old.columns if column.name in columns)


def _furthest_first(pairs: Iterable[tuple[ColumnProfile, ColumnProfile]]) -> tuple[DistributionChange, ...]:
    changes = [change for old, new in pairs if (change := _distance(old, new)) is not None]
    return tuple(sorted(changes, key=lambda change: (-change.distance, -change.psi, change.column)))


def _distance(old: ColumnProfile, new: ColumnProfile) -> DistributionChange | None:
    if old.bins is None or new.bins is None or not old.rows or not new.rows:
        return None
    summary = summary_in(old.bins, new.bins)
    if summary is None:
        return None
    cells = build_cells(old.bins, summary)
    try:
        effect = measure_effect(cells.reference, cells.current)
        psi = population_stability_index(cells.reference, cells.current)
    except NotEnough:
        return None
    return DistributionChange(
        column=old.name,
        distance=effect.measured,
        psi=psi,
        nulls_before=old.nulls / old.rows,
        nulls_after=new.nulls / new.rows,
        mean_before=None if old.is_moment else old.mean,
        mean_after=None if new.is_moment else new.mean,
    )


def summary_in(
    reference: NumericReference | CategoryReference, other: NumericReference | CategoryReference
) -> ColumnSummary | None:
    """Return the rows of one profile counted over the bins of another, None when one is numeric and one is not.

    Exact for categories that both name and for columns whose every value has a bin; else within a bin.
    """
    if isinstance(reference, NumericReference) and isinstance(other, NumericReference):
        counts = rebin(other, reference.edges)
        return NumericSummary(name=reference.name, counts=counts, nulls=other.nulls, low=other.low, high=other.high)
    if isinstance(reference, CategoryReference) and isinstance(other, CategoryReference):
        known = dict(zip(other.values, other.counts, strict=True))
        named = tuple(known.get(value, 0) for value in reference.values)
        rest = sum(other.counts) + other.other - sum(named)
        return CategorySummary(name=reference.name, counts=named, other=rest, nulls=other.nulls)
    return None


def _compare_files(place: Place, before: DatasetVersion, after: DatasetVersion) -> tuple[FileChange, ...]:
    old, new = (
        {entry.path: entry.digest for entry in decode_files(place.objects.read(side.digest)).files}
        for side in (before, after)
    )
    gone: dict[Digest, list[str]] = {}
    for path in sorted(old, reverse=True):
        if path not in new:
            gone.setdefault(old[path], []).append(path)
    changes = []
    for path in sorted(new):
        if path in old:
            if old[path] != new[path]:
                changes.append(FileChange(path=path, change="changed"))
        elif origins := gone.get(new[path]):
            changes.append(FileChange(path=path, change="renamed", before=_nearest(path, origins)))
        else:
            changes.append(FileChange(path=path, change="added"))
    changes += [FileChange(path=path, change="removed") for paths in gone.values() for path in paths]
    return tuple(sorted(changes, key=lambda change: change.path))


def _nearest(path: str, origins: list[str]) -> str:
    """Take of files with the same content that went the one of the same name, or else the first by path."""
    name = path.rpartition("/")[2]
    chosen = next((origin for origin in reversed(origins) if origin.rpartition("/")[2] == name), origins[-1])
    origins.remove(chosen)
    return chosen
