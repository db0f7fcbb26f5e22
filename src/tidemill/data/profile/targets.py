"""A target by bin of another column: its mean, or how often it is one of its values."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from tidemill.core.lazy import lazy
from tidemill.data.profile.records import Axis, Profile, Relations
from tidemill.data.profile.relations import Sums, unpack

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
else:
    np = lazy("numpy")

_POSITIVE = ("true", "1", "yes", "y", "t")
OTHERS = "other values"


class TargetBin(msgspec.Struct, frozen=True, kw_only=True):
    """The target in one bin of a column.

    Args:
        label: The value, for texts and columns of few values; empty for numbers.
        low: Where the bin begins, for numbers; its own bin is a number that stands at both ends.
        high: Where it ends.
        rows: Rows in the bin that have a target.
        value: The mean of the target, or the share of rows that hold its value; None where there is no such row.
        error: The standard error of that.
    """

    label: str = ""
    low: float | None = None
    high: float | None = None
    rows: int
    value: float | None
    error: float | None = None


class TargetCurve(msgspec.Struct, frozen=True, kw_only=True):
    """How a target follows a column.

    Args:
        column: The column.
        target: The target.
        kind: `mean` of a number, or `rate` of one value.
        positive: That value; empty for means.
        choices: The values that it may be; empty for means.
        overall: The mean or rate over all bins.
        bins: In the order of the column's values, the frequent ones first for texts.
    """

    column: str
    target: str
    kind: str
    positive: str = ""
    choices: tuple[str, ...] = ()
    overall: float | None = None
    bins: tuple[TargetBin, ...] = ()


def target_curve(relations: Relations | None, column: str, target: str, positive: str = "") -> TargetCurve | None:
    """Return how a target follows a column; None where the profile does not keep that.

    Args:
        relations: What the profile holds.
        column: The column.
        target: A number, or a column of few values.
        positive: Which of those values is counted; `true`, `1` or `yes` when left out, else the rarer of two, else the
            most frequent.
    """
    if relations is None or column == target or column not in _with_bins(relations):
        return None
    sums = unpack(relations)
    axes = {axis.name: axis for axis in sums.axes}
    if target in sums.numbers:
        found = _means(sums, column, target)
        if found is None:
            return None
        rows, totals = found
        return _curve(
            sums, axes.get(column), column, TargetCurve(column=column, target=target, kind="mean"), rows, totals
        )
    table = _table(sums, axes, column, target)
    if table is None or not table.sum():
        return None
    choices = axes[target].values
    chosen = positive if positive in choices else _positive(choices, table.sum(axis=0))
    bare = TargetCurve(column=column, target=target, kind="rate", positive=chosen, choices=choices)
    return _curve(sums, axes.get(column), column, bare, table.sum(axis=1), table[:, choices.index(chosen)])


def target_curves(profile: Profile, target: str) -> list[TargetCurve]:
    """Return how a target follows each column of which that is kept, in the order of the table."""
    found = (target_curve(profile.relations, column.name, target) for column in profile.columns)
    return [each for each in found if each is not None]


def _with_bins(relations: Relations) -> set[str]:
    return {curve.column for curve in relations.curves} | {axis.name for axis in relations.axes}


def _means(sums: Sums, column: str, target: str) -> "tuple[Floats, Floats] | None":
    """Return the rows and the sum of a number by bin."""
    at = sums.numbers.index(target)
    if column in sums.groups:
        rows, means, _ = sums.groups[column][:, :, at]
        return rows, rows * means
    if column in sums.curves:
        cells = sums.curves[column].sums
        return cells[:, 1 + at], cells[:, 1 + len(sums.numbers) + at]
    return None


def _table(sums: Sums, axes: dict[str, Axis], column: str, target: str) -> "Floats | None":
    """Return the rows of each value of a column of few values by bin."""
    if target not in axes:
        return None
    if (column, target) in sums.tables:
        return sums.tables[column, target].astype(np.float64)
    if (target, column) in sums.tables:
        return sums.tables[target, column].T.astype(np.float64)
    if column not in sums.curves:
        return None
    start = 1 + 2 * len(sums.numbers)
    for axis in sums.axes:
        if axis.name == target:
            break
        start += len(axis.values)
    return sums.curves[column].sums[:, start : start + len(axes[target].values)]


def _positive(choices: Sequence[str], rows: "Floats") -> str:
    words = {choice.casefold(): choice for choice in choices}
    named = next((words[word] for word in _POSITIVE if word in words), None)
    if named is not None:
        return named
    at = int(np.argmin(rows) if len(choices) == 2 else np.argmax(rows))
    return choices[at]


def _curve(
    sums: Sums, axis: Axis | None, column: str, bare: TargetCurve, rows: "Floats", totals: "Floats"
) -> TargetCurve:
    places = _places(sums, axis, column)
    known, total = float(rows.sum()), float(totals.sum())
    if not known or not math.isfinite(total):
        return bare
    overall = total / known
    spread = overall * (1 - overall) if bare.kind == "rate" else _variance(sums, bare.target)
    bins = []
    for place, count, sum_ in zip(places, rows, totals, strict=True):
        value = float(sum_) / float(count) if count >= 0.5 and math.isfinite(sum_) else None
        if bare.kind == "rate" and value is not None:
            value = min(max(value, 0.0), 1.0)
        error = math.sqrt(spread / float(count)) if value is not None and spread is not None else None
        bins.append(msgspec.structs.replace(place, rows=round(float(count)), value=value, error=error))
    kept = tuple(each for each in bins if each.rows)
    return msgspec.structs.replace(bare, overall=overall, bins=kept)


def _variance(sums: Sums, target: str) -> float | None:
    at = sums.numbers.index(target)
    rows, squares = float(sums.pairs[0, at, at]), float(sums.pairs[2, at, at])
    return squares / rows if rows and math.isfinite(squares) else None


def _places(sums: Sums, axis: Axis | None, column: str) -> list[TargetBin]:
    if axis is not None:
        return [TargetBin(label=value, rows=0, value=None) for value in axis.values]
    cells = sums.curves[column]
    if cells.edges is None:
        return [TargetBin(label=value, rows=0, value=None) for value in (*cells.values, OTHERS)]
    ends = cells.edges.tolist()
    starts = ends if cells.is_discrete else [cells.low, *ends[:-1]]
    return [TargetBin(low=low, high=high, rows=0, value=None) for low, high in zip(starts, ends, strict=True)]
