"""A small classifier of our own: boosted trees over bins, for the question whether two tables can be told apart."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tidemill.checks.columns import Floats

    Bins = npt.NDArray[np.int64]
else:
    np = lazy("numpy")

BINS = 32
"""The most different numbers of a column's bins."""

_LEAST_ROWS = 20.0
_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Split:
    """Where a node parts its rows: those up to a bin go left."""

    feature: int
    bin: int


@dataclass(slots=True)
class Boosted:
    """Trees that add up to the log-odds that a row is of the second table.

    Args:
        trees: A tree as its splits by node, and the values of its leaves, shape (2 ** depth,).
        gains: How much each feature told the tables apart, shape (features,), sums to 1 or is 0.
    """

    trees: "list[tuple[list[Split | None], Floats]]"
    gains: "Floats"

    def scores(self, bins: "Bins") -> "Floats":
        """Return the log-odds of rows, shape (rows,)."""
        total = np.zeros(len(bins))
        for splits, leaves in self.trees:
            total += leaves[_descend(splits, bins)]
        return total


def fit(bins: "Bins", truth: "Floats", *, trees: int = 40, depth: int = 4, rate: float = 0.15) -> Boosted:
    """Return a classifier of rows whose features are bin numbers.

    Args:
        bins: Numbers below `BINS`, shape (rows, features).
        truth: 0 or 1, shape (rows,).
        trees: How many trees.
        depth: Questions on the way to a leaf.
        rate: How far each tree goes.

    Source:
        Friedman, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29 (2001); Chen and
        Guestrin, XGBoost, KDD (2016), section 2.2.
    """
    rows, features = bins.shape
    made = Boosted([], np.zeros(features))
    total = np.zeros(rows)
    for _ in range(trees):
        chance = 1 / (1 + np.exp(-total))
        slopes, curves = truth - chance, chance * (1 - chance)
        splits = _grow(bins, slopes, curves, depth, made.gains)
        leaf = _descend(splits, bins)
        sums, weights = (np.bincount(leaf, weights=values, minlength=2**depth) for values in (slopes, curves))
        leaves = rate * sums / (weights + _RIDGE)
        total += leaves[leaf]
        made.trees.append((splits, leaves))
    whole = made.gains.sum()
    made.gains = made.gains / whole if whole > 0 else made.gains
    return made


def _grow(bins: "Bins", slopes: "Floats", curves: "Floats", depth: int, gains: "Floats") -> list[Split | None]:
    """Return the splits of a tree level by level, node n's children being 2n + 1 and 2n + 2; adds to the gains."""
    splits: list[Split | None] = []
    node = np.zeros(len(bins), dtype=np.int64)
    for level in range(depth):
        count = 2**level
        best_gain, best = np.full(count, 1e-9), np.full((count, 2), -1)
        for feature in range(bins.shape[1]):
            gain, at = _best_bins(node * BINS + bins[:, feature], slopes, curves, count)
            better = gain > best_gain
            best_gain[better], best[better, 0], best[better, 1] = gain[better], feature, at[better]
        chosen = [Split(int(feature), int(at)) if feature >= 0 else None for feature, at in best]
        for gain, split in zip(best_gain, chosen, strict=True):
            if split:
                gains[split.feature] += gain
        splits += chosen
        node = 2 * node + _goes_right(chosen, node, bins)
    return splits


def _best_bins(cell: "Bins", slopes: "Floats", curves: "Floats", count: int) -> "tuple[Floats, Bins]":
    """Return for each node the best gain of a split by a feature, and after which bin it is."""
    sums, weights, rows = (
        np.bincount(cell, weights=values, minlength=count * BINS).reshape(count, BINS)
        for values in (slopes, curves, np.ones(len(cell)))
    )
    left_sum, left_weight, left_rows = (np.cumsum(each, axis=1)[:, :-1] for each in (sums, weights, rows))
    all_sum, all_weight, all_rows = (each.sum(axis=1, keepdims=True) for each in (sums, weights, rows))
    gain = left_sum**2 / (left_weight + _RIDGE) + (all_sum - left_sum) ** 2 / (all_weight - left_weight + _RIDGE)
    gain = gain - all_sum**2 / (all_weight + _RIDGE)
    gain[(left_rows < _LEAST_ROWS) | (all_rows - left_rows < _LEAST_ROWS)] = -1.0
    at = gain.argmax(axis=1)
    return gain[np.arange(count), at], at.astype(np.int64)


def _goes_right(splits: list[Split | None], node: "Bins", bins: "Bins") -> "Bins":
    feature = np.array([split.feature if split else 0 for split in splits])[node]
    limit = np.array([split.bin if split else BINS for split in splits])[node]
    return np.asarray(bins[np.arange(len(bins)), feature] > limit, dtype=np.int64)


def _descend(splits: list[Split | None], bins: "Bins") -> "Bins":
    """Return the leaf of each row, shape (rows,)."""
    node = np.zeros(len(bins), dtype=np.int64)
    start, width = 0, 1
    while start < len(splits):
        node = 2 * node + _goes_right(splits[start : start + width], node, bins)
        start, width = start + width, 2 * width
    return node
