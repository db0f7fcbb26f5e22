"""Wasserstein distance of order one, the earth mover's."""

import sys
from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.columns import numbers
from tidemill.checks.drift.kolmogorov_smirnov import band
from tidemill.checks.drift.per_column import ColumnDrift, Distance
from tidemill.checks.drift.reference import ColumnReference, NumericReference
from tidemill.checks.drift.shares import shares
from tidemill.checks.drift.summary import ColumnSummary, NumericSummary
from tidemill.checks.errors import NotEnough
from tidemill.checks.outcome import Interval
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tidemill.checks.columns import Values

    Floats = npt.NDArray[np.float64]
else:
    np = lazy("numpy")


def wasserstein(reference: "Values", current: "Values") -> float:
    """Return how far values must be moved on average to turn one sample into the other, exactly.

    Args:
        reference: Numbers, shape (n,); missing and infinite ones are left out.
        current: Numbers, shape (m,).

    Returns:
        The distance in the unit of the values, at least 0.

    Raises:
        NotNumbers: If a sample is not numeric.
        NotEnough: If a sample has no finite number.

    Source:
        Vallender, Calculation of the Wasserstein distance between probability distributions on the line (1974).
    """
    first, second = (_ordered(values) for values in (reference, current))
    points = np.sort(np.concatenate([first, second]))
    widths = np.diff(points)
    gaps = np.searchsorted(first, points[:-1], side="right") / len(first)
    gaps = np.abs(gaps - np.searchsorted(second, points[:-1], side="right") / len(second))
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sum(gaps * widths))


def _ordered(values: "Values") -> "Floats":
    array = numbers(values)
    known = np.sort(array[np.isfinite(array)])
    if not len(known):
        raise NotEnough("A sample has no finite numbers in it", hint="Widen the window.")
    return known


def wasserstein_counts(reference: NumericReference, current: NumericSummary, *, shift: float = 0.0) -> float:
    """Return the distance of binned samples in standard deviations of the reference.

    Exact when every distinct value has a bin of its own; else within a bin the rows count as evenly spread.

    Args:
        reference: The column at training time.
        current: The column now.
        shift: Added to the gap of the distribution functions everywhere, to get the ends of an interval.

    Raises:
        BinMismatch: If the two have different bins.
        NotEnough: If one of them has no rows, or the reference is constant.
    """
    expected, observed = shares(reference.counts, current.counts)
    if reference.deviation <= 0 or len(reference.edges) < 2:
        raise NotEnough("the reference is constant, so nothing gives the distance a unit", hint="Use jensen_shannon.")
    ends, first, last = np.asarray(reference.edges), reference.edges[0], reference.edges[-1]
    signed = (np.cumsum(expected) - np.cumsum(observed))[:-1]
    gaps = np.clip(np.abs(signed) + shift, 0.0, 1.0)
    widths = np.diff(ends)
    heights = gaps[:-1] if reference.is_discrete else (gaps[:-1] + gaps[1:]) / 2
    total = float(np.sum(heights * widths))
    below, above = float(observed[0]), float(observed[-1])
    if current.low is not None and current.low < first:
        total += max(0.0, below + shift) * (first - current.low) / 2
    if current.high is not None and current.high > last:
        total += max(0.0, above + shift) * (current.high - last) / 2
    return min(sys.float_info.max, total / reference.deviation)


class Wasserstein(ColumnDrift, frozen=True, kw_only=True):
    """Is the Wasserstein distance of every numeric column at most a limit.

    In standard deviations of the reference: 0.1 means that values moved by a tenth of one on average. Measured over
    up to 256 bins. The interval comes from the band around both distribution functions, so it is wide but holds at any
    number of rows, for what lies between the smallest and the largest value seen.

    Error rate: fails with a chance of at most `1 - confidence` over all columns while every true distance is within
    the limit.

    Source:
        Vallender (1974); Massart, Annals of Probability 18 (1990).
    """

    name: ClassVar[str] = "wasserstein"

    at_most: float = 0.1

    def distance(self, reference: ColumnReference, current: ColumnSummary, confidence: float) -> Distance:
        """Return the distance of one column.

        Raises:
            NotEnough: If the column is not numeric, is constant or has no rows.
        """
        if not isinstance(reference, NumericReference) or not isinstance(current, NumericSummary):
            raise NotEnough("not a numeric column", hint="Use jensen_shannon or chi_square for categories.")
        value = wasserstein_counts(reference, current)
        half = band(sum(reference.counts), sum(current.counts), confidence)
        low = wasserstein_counts(reference, current, shift=-half)
        high = wasserstein_counts(reference, current, shift=half)
        return Distance(value=value, interval=Interval(low=low, high=high, confidence=confidence), measured=value)
