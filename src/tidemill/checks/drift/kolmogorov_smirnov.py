"""Kolmogorov-Smirnov distance."""

import math
from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.columns import numbers
from tidemill.checks.distributions import kolmogorov_sf
from tidemill.checks.drift.per_column import ColumnDrift, Distance
from tidemill.checks.drift.reference import ColumnReference, NumericReference
from tidemill.checks.drift.shares import shares
from tidemill.checks.drift.summary import ColumnSummary
from tidemill.checks.errors import NotEnough
from tidemill.checks.outcome import Interval
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.columns import Values
    from tidemill.checks.drift.shares import CountsLike
else:
    np = lazy("numpy")


def kolmogorov_smirnov(reference: "Values", current: "Values") -> float:
    """Return the largest gap between two empirical distribution functions, exactly.

    Args:
        reference: Numbers, shape (n,); missing ones are left out.
        current: Numbers, shape (m,).

    Returns:
        The distance as a share of rows, 0 to 1. With ties it is read at the last row of each run of equal values.

    Raises:
        NotNumbers: If a sample is not numeric.
        NotEnough: If a sample has no number.

    Source:
        Smirnov, Table for estimating the goodness of fit of empirical distributions (1948).
    """
    first, second = (_ordered(values) for values in (reference, current))
    below_first = np.searchsorted(first, first, side="right") / len(first)
    gap_first = np.abs(below_first - np.searchsorted(second, first, side="right") / len(second))
    below_second = np.searchsorted(second, second, side="right") / len(second)
    gap_second = np.abs(below_second - np.searchsorted(first, second, side="right") / len(first))
    return float(max(gap_first.max(), gap_second.max()))


def _ordered(values: "Values") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    array = numbers(values)
    known = np.sort(array[~np.isnan(array)])
    if not len(known):
        raise NotEnough("A sample has no numbers in it", hint="Widen the window.")
    return known


def kolmogorov_smirnov_counts(reference: "CountsLike", current: "CountsLike") -> float:
    """Return the largest gap between two distribution functions at the ends of bins.

    Never above the exact distance, and below it by less than the largest share of one bin.

    Args:
        reference: Rows per bin in order, shape (n_bins,).
        current: Rows per bin in order, shape (n_bins,).

    Raises:
        BinMismatch: If the two have different numbers of bins.
        NotEnough: If one of them has no rows.
    """
    expected, observed = shares(reference, current)
    return min(1.0, float(np.max(np.abs(np.cumsum(expected) - np.cumsum(observed)))))


def kolmogorov_p_value(distance: float, rows_reference: int, rows_current: int) -> float:
    """Return the chance of such a distance between two samples of one distribution, for large samples."""
    return kolmogorov_sf(distance * math.sqrt(rows_reference * rows_current / (rows_reference + rows_current)))


def band(rows_reference: float, rows_current: float, confidence: float) -> float:
    """Return by how much the distance of two samples may be off from the true one, at any number of rows.

    Source:
        Massart, The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality, Annals of Probability 18 (1990).
    """
    inside = math.log(4 / (1 - confidence)) / 2
    return math.sqrt(inside / rows_reference) + math.sqrt(inside / rows_current)


class KolmogorovSmirnov(ColumnDrift, frozen=True, kw_only=True):
    """Is the Kolmogorov-Smirnov distance of every numeric column at most a limit.

    The distance is the largest share of rows that moved across any one value. Measured at the ends of up to 256 bins.

    Error rate: fails with a chance of at most `1 - confidence` over all columns while every true distance is within
    the limit, at any number of rows (Dvoretzky-Kiefer-Wolfowitz band).

    Source:
        Smirnov (1948); Massart, Annals of Probability 18 (1990).
    """

    name: ClassVar[str] = "kolmogorov_smirnov"

    at_most: float = 0.1

    def distance(self, reference: ColumnReference, current: ColumnSummary, confidence: float) -> Distance:
        """Return the distance of one column.

        Raises:
            NotEnough: If the column is not numeric or has no rows.
        """
        if not isinstance(reference, NumericReference):
            raise NotEnough("not a numeric column", hint="Use jensen_shannon or chi_square for categories.")
        value = kolmogorov_smirnov_counts(reference.counts, current.counts)
        half = band(sum(reference.counts), sum(current.counts), confidence)
        interval = Interval(low=max(0.0, value - half), high=min(1.0, value + half), confidence=confidence)
        return Distance(value=value, interval=interval, measured=value)
