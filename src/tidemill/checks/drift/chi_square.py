"""Chi-square test of homogeneity, with its effect size."""

import math
from typing import TYPE_CHECKING, ClassVar

import msgspec

from tidemill.checks.distributions import chi_square_sf
from tidemill.checks.divergence import Divergence
from tidemill.checks.drift.cells import build_cells
from tidemill.checks.drift.per_column import ColumnDrift, Distance
from tidemill.checks.drift.reference import ColumnReference
from tidemill.checks.drift.shares import rows_and_freedom, shares
from tidemill.checks.drift.summary import ColumnSummary
from tidemill.checks.outcome import Interval
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.drift.shares import CountsLike
else:
    np = lazy("numpy")


class ChiSquareTest(msgspec.Struct, frozen=True, kw_only=True):
    """What the test finds.

    Args:
        statistic: Pearson's chi-square.
        df: Degrees of freedom.
        p_value: Chance of as much when both samples come from one distribution.
        cramers_v: Effect size, 0 to 1: the root of the statistic by the number of rows.
    """

    statistic: float
    df: int
    p_value: float
    cramers_v: float


def chi_square(reference: "CountsLike", current: "CountsLike") -> ChiSquareTest:
    """Return whether two samples share their bins alike.

    Args:
        reference: Rows per bin at training time, shape (n_bins,); bins that are empty in both are left out.
        current: Rows per bin now, shape (n_bins,).

    Raises:
        BinMismatch: If the two have different numbers of bins.
        NotEnough: If one of them has no rows.

    Source:
        Pearson (1900); Cramer, Mathematical Methods of Statistics (1946), chapter 30.
    """
    expected, observed = shares(reference, current)
    rows_then, rows_now, df = rows_and_freedom(reference, current)
    pooled = (expected * rows_then + observed * rows_now) / (rows_then + rows_now)
    held = pooled > 0
    rows = rows_then * rows_now / (rows_then + rows_now)
    statistic = rows * float(np.sum((expected[held] - observed[held]) ** 2 / pooled[held]))
    share = statistic / (rows_then + rows_now)
    return ChiSquareTest(
        statistic=statistic, df=df, p_value=chi_square_sf(statistic, df), cramers_v=min(1.0, math.sqrt(share))
    )


class ChiSquare(ColumnDrift, frozen=True, kw_only=True):
    """Is the effect size (Cramer's V with equal weight of both samples) of every column at most a limit.

    The p-value of no difference at all is not judged, for at a million rows any column fails it. The effect is the
    root of half the mean squared share difference by the pooled share, its noise taken off, in 0 to 1.

    Error rate: fails with a chance of at most `1 - confidence` over all columns while every true effect is within the
    limit.

    Source:
        Cramer, Mathematical Methods of Statistics (1946), chapter 30; Bergsma, A bias-correction for Cramer's V,
        Journal of the Korean Statistical Society 42 (2013).
    """

    name: ClassVar[str] = "chi_square"

    at_most: float = 0.1

    def distance(self, reference: ColumnReference, current: ColumnSummary, confidence: float) -> Distance:
        """Return the effect size of one column."""
        cells = build_cells(reference, current)
        expected, observed = shares(cells.reference, cells.current)
        middle = (expected + observed) / 2
        held = middle > 0
        measured = float(np.sum((expected[held] - observed[held]) ** 2 / middle[held])) / 4
        rows_then, rows_now, df = rows_and_freedom(cells.reference, cells.current)
        multiple = 4 * rows_then * rows_now / (rows_then + rows_now)
        found = Divergence(measured=measured, multiple=multiple, df=df)
        inside = found.interval(confidence)
        high = None if inside.high is None else min(1.0, math.sqrt(inside.high))
        interval = Interval(low=math.sqrt(inside.low or 0.0), high=high, confidence=confidence)
        return Distance(value=math.sqrt(found.estimate), interval=interval, measured=math.sqrt(measured))
