"""What leaves the service: personal data masked, unless an admin asks for it as it is, on record."""

from collections.abc import Mapping, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.drift.reference import CategoryReference
from tidemill.checks.personal.masking import mask, mask_text
from tidemill.checks.personal.names import kind_of_name
from tidemill.checks.personal.scan import look_through, rows_looked_at
from tidemill.checks.sampling import sample_rows
from tidemill.core.access import Actor, Permission, require
from tidemill.core.errors import Damaged, MissingExtra, NotFound
from tidemill.core.lazy import lazy
from tidemill.core.refs import Ref
from tidemill.data.profile.records import ColumnProfile, Profile
from tidemill.data.reading import Reader
from tidemill.data.records import Column, DatasetKind, DatasetVersion, Diff, RowSample, Sample, Segment
from tidemill.ledger import Ledger, Transaction

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MOST_KEPT = 256
_SEGMENTS = 8

Kinds = Mapping[str, tuple[str, ...]]
"""The kinds of personal data that each column holds; columns without any are left out."""


class Masks:
    """Knows which columns of a version are personal; a version never changes, so each is looked through once.

    Args:
        ledger: Where it is recorded who saw what is masked.
        reader: Reads the rows.
    """

    def __init__(self, ledger: Ledger, reader: Reader) -> None:
        self._ledger = ledger
        self._reader = reader
        self._known: dict[str, Kinds] = {}
        self._looking: dict[str, Lock] = {}
        self._lock = Lock()

    def of(self, version: DatasetVersion) -> Kinds:
        """Return what is to be masked of a version: seen in a few of its segments, or said by a column's name."""
        known = self._known.get(version.id)
        if known is not None:
            return known
        with self._lock:
            looking = self._looking.setdefault(version.id, Lock())
        with looking:  # who asks for the same meanwhile waits, and does not look too
            found = self._known.get(version.id)
            if found is None:
                found = self._look(version) if version.kind is DatasetKind.TABLE else {}
                with self._lock:
                    while len(self._known) >= _MOST_KEPT:
                        self._known.pop(next(iter(self._known)))
                    self._known[version.id] = found
        with self._lock:
            self._looking.pop(version.id, None)
        return found

    def _look(self, version: DatasetVersion) -> Kinds:
        segments = [(segment, part.columns) for part in version.parts for segment in part.segments]
        chosen = segments[:: max(1, len(segments) // _SEGMENTS)][:_SEGMENTS]
        try:
            frames = [self._some(segment, columns, len(chosen)) for segment, columns in chosen]
            part = pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()
            names = [column.name for column in version.columns]
            return look_through(part, names, version.rows or 0).kinds_by_column()
        except (Damaged, NotFound, MissingExtra):  # a profile is shown though rows cannot be read
            spoken = {column.name: kind_of_name(column.name) for column in version.columns}
            return {name: (kind,) for name, kind in spoken.items() if kind}

    def _some(self, segment: Segment, columns: Sequence[Column], among: int) -> "pl.DataFrame":
        """Return some rows of a segment; only the columns whose values may be personal are read."""
        held = [column.name for column in columns if column.type == "text" or "int" in column.type]
        most = -(-rows_looked_at(len(held)) // among)
        rows = self._reader.scan_objects([segment.digest])
        return sample_rows(rows, held, most, of=segment.rows) if held else pl.DataFrame()

    def seen_by(self, actor: Actor, version: DatasetVersion, *, unmasked: bool) -> Kinds | None:
        """Return what is masked for an actor; None, on record, where an admin asks for everything as it is.

        Raises:
            PermissionMissing: If another one does.
        """
        if not unmasked:
            return self.of(version)
        require(actor, Permission.ADMIN)
        subject = Ref("dataset_version", version.id)

        def work(tx: Transaction) -> None:
            tx.audit("dataset.unmask", subject, version=version.ref)

        self._ledger.write(actor, work)
        return None


def mask_sample(sample: Sample, kinds: Kinds | None) -> Sample:
    """Return rows with what is personal hidden: by column, and proven pieces in other texts; None hides nothing."""
    if kinds is None or not sample.rows:
        return sample
    columns = zip(*sample.rows, strict=True)
    hidden = [_hidden(values, kinds.get(name, ())) for name, values in zip(sample.columns, columns, strict=True)]
    return Sample(columns=sample.columns, rows=tuple(zip(*hidden, strict=True)))


def mask_profile(profile: Profile, kinds: Kinds | None) -> Profile:
    """Return a profile whose personal columns show counts, lengths and masked frequent values; None hides nothing."""
    if kinds is None:
        return profile
    columns = tuple(_mask_column(column, kinds.get(column.name, ())) for column in profile.columns)
    relations = profile.relations
    if relations:
        axes = tuple(
            msgspec.structs.replace(axis, values=_texts(axis.values, kinds.get(axis.name, ())))
            for axis in relations.axes
        )
        curves = tuple(
            msgspec.structs.replace(curve, values=_texts(curve.values, ()))
            for curve in relations.curves
            if not kinds.get(curve.column)
        )
        relations = msgspec.structs.replace(relations, axes=axes, curves=curves)
    return msgspec.structs.replace(profile, columns=columns, relations=relations)


def _mask_column(column: ColumnProfile, kinds: tuple[str, ...]) -> ColumnProfile:
    values = _texts(tuple(each.value for each in column.top), kinds)
    top = tuple(msgspec.structs.replace(each, value=value) for each, value in zip(column.top, values, strict=True))
    if kinds:
        return msgspec.structs.replace(column, low=None, high=None, quantiles=(), bins=None, top=top, ranks="")
    bins = column.bins
    if isinstance(bins, CategoryReference):
        bins = msgspec.structs.replace(bins, values=_texts(bins.values, ()))
    return msgspec.structs.replace(column, top=top, bins=bins)


def _texts(values: Sequence[str], kinds: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each or "" for each in _hidden(values, kinds))


def _hidden(values: Sequence[str | None], kinds: tuple[str, ...]) -> list[str | None]:
    return [each and mask_text(each) for each in mask(values, kinds)]


def mask_diff(diff: Diff, kinds: Kinds) -> Diff:
    """Return a diff with what is personal in its rows hidden."""
    if diff.rows is None:
        return diff
    hide = partial(_mask_row, kinds=kinds)
    rows = msgspec.structs.replace(
        diff.rows,
        added_sample=tuple(map(hide, diff.rows.added_sample)),
        removed_sample=tuple(map(hide, diff.rows.removed_sample)),
        changed_sample=tuple(map(hide, diff.rows.changed_sample)),
    )
    return msgspec.structs.replace(diff, rows=rows)


def _mask_row(row: RowSample, kinds: Kinds) -> RowSample:
    def hide(cells: Mapping[str, str | None]) -> dict[str, str | None]:
        return {name: _hidden([value], kinds.get(name, ()))[0] for name, value in cells.items()}

    return RowSample(key=hide(row.key), before=hide(row.before), after=hide(row.after))
