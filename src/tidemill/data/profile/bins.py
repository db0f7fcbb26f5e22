"""Quantile bins from counted values, and their merge."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidemill.checks.drift.reference import CategoryReference, NumericReference
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.int64]
else:
    np = lazy("numpy")

CATEGORIES_PER_BIN = 4
"""A column of text keeps that many times as many categories as a column of numbers keeps bins."""


def quantile_edges(values: "Floats", counts: "Counts", most: int) -> "tuple[Floats, bool]":
    """Return the upper ends of bins that hold about as many rows each, and whether every value has its own bin.

    The same edges as drift references have: the first lies just below the smallest value, a value that fills more
    than a bin has one to itself.

    Args:
        values: Different numbers, increasing, shape (n,), at least one.
        counts: Rows of each, shape (n,).
        most: About how many bins.
    """
    start = np.nextafter(values[0], -np.inf) if values[0] > np.finfo(np.float64).min else values[0]
    if len(values) <= most:
        return np.unique(np.concatenate([[start], values])), True
    below = np.cumsum(counts)
    places = np.ceil(np.arange(1, most + 1) * (below[-1] / most)).astype(np.int64) - 1
    picked = np.searchsorted(below, np.clip(places, 0, below[-1] - 1), side="right")
    chosen, times = np.unique(picked, return_counts=True)
    before = chosen[times > 1] - 1
    chosen = np.union1d(chosen, before[before >= 0])
    return np.concatenate([[start], values[chosen]]) if values[chosen[0]] != start else values[chosen], False


def bins_of_counts(
    name: str, values: "Floats", counts: "Counts", *, nulls: int, deviation: float, most: int
) -> NumericReference:
    """Return the bins of a column whose values are all counted."""
    if not len(values):
        return NumericReference(
            name=name, edges=(), counts=(0,), nulls=nulls, low=None, high=None, deviation=0.0, is_discrete=False
        )
    edges, is_discrete = quantile_edges(values, counts, most)
    below = np.concatenate([[0], np.cumsum(counts)])[np.searchsorted(values, edges, side="right")]
    return NumericReference(
        name=name,
        edges=tuple(edges.tolist()),
        counts=(*np.diff(below, prepend=0).tolist(), 0),
        nulls=nulls,
        low=float(values[0]),
        high=float(values[-1]),
        deviation=deviation,
        is_discrete=is_discrete,
    )


def merge_bins(parts: Sequence[NumericReference], *, deviation: float, most: int) -> NumericReference:
    """Return the bins of several lots of rows together.

    Exact when every value of every lot has its own bin; else within about one bin of each lot.

    Args:
        parts: The bins of each lot.
        deviation: The standard deviation of all rows together.
        most: About how many bins.
    """
    name, nulls = parts[0].name, sum(part.nulls for part in parts)
    filled = [part for part in parts if part.edges]
    if not filled:
        return bins_of_counts(name, np.empty(0), np.empty(0, np.int64), nulls=nulls, deviation=0.0, most=most)
    edges = np.concatenate([part.edges for part in filled])
    counts = np.concatenate([np.asarray(part.counts[:-1], dtype=np.int64) for part in filled])
    values, places = np.unique(edges, return_inverse=True)
    weights = np.bincount(places, weights=counts).astype(np.int64)
    kept = weights > 0
    values, weights = values[kept], weights[kept]
    if all(part.is_discrete for part in filled):
        return bins_of_counts(name, values, weights, nulls=nulls, deviation=deviation, most=most)
    new, _ = quantile_edges(values, weights, most)
    lows = [part.low for part in filled if part.low is not None]
    new[0] = np.nextafter(min(lows), -np.inf)
    below = np.rint(sum(_rows_below(part, new) for part in filled)).astype(np.int64)
    return NumericReference(
        name=name,
        edges=tuple(new.tolist()),
        counts=(*np.diff(below, prepend=0).tolist(), sum(part.counts[-1] for part in filled)),
        nulls=nulls,
        low=min(lows),
        high=max(part.high for part in filled if part.high is not None),
        deviation=deviation,
        is_discrete=False,
    )


def _rows_below(part: NumericReference, edges: "Floats") -> "Floats":
    ends, below = np.asarray(part.edges), np.cumsum(part.counts[:-1]).astype(np.float64)
    if part.is_discrete:
        return np.concatenate([[0.0], below])[np.searchsorted(ends, edges, side="right")]
    return np.interp(edges, ends, below, left=0.0)


def rebin(bins: NumericReference, edges: Sequence[float]) -> tuple[int, ...]:
    """Return the rows of some bins counted over other bins, one count more than edges.

    Exact when every value has its own bin; else within a bin.
    """
    total = sum(bins.counts)
    if not bins.edges or not edges:
        return (*([0] * len(edges)), total)
    below = np.rint(_rows_below(bins, np.asarray(edges, dtype=np.float64))).astype(np.int64)
    return (*np.diff(below, prepend=0).tolist(), total - int(below[-1]))


def merge_categories(parts: Sequence[CategoryReference], *, most: int) -> CategoryReference:
    """Return the categories of several lots of rows together; exact when no lot has other categories."""
    counts: dict[str, int] = {}
    for part in parts:
        for value, count in zip(part.values, part.counts, strict=True):
            counts[value] = counts.get(value, 0) + count
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return CategoryReference(
        name=parts[0].name,
        values=tuple(value for value, _ in ordered[:most]),
        counts=tuple(count for _, count in ordered[:most]),
        other=sum(part.other for part in parts) + sum(count for _, count in ordered[most:]),
        nulls=sum(part.nulls for part in parts),
    )
