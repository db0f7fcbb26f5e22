"""How sure a binned distance is: its noise taken off, its interval, its chance under a tolerance.

For two samples of `n` and `m` rows that are a small distance apart, `scale * n * m / (n + m)` times an f-divergence
such as PSI (scale 1), chi-square (scale 1) or Jensen-Shannon in nats (scale 8) follows a non-central chi-square whose
non-centrality is the same multiple of the true divergence. So a divergence of zero is not what is tested, which any
difference would fail at a million rows, but one of at most a tolerance.

Source:
    Cressie and Read, Multinomial goodness-of-fit tests, JRSS B 46 (1984), sections 3 and 4;
    Wellek, Testing Statistical Hypotheses of Equivalence and Noninferiority (2010), chapter 9.
"""

import msgspec

from tidemill.checks.distributions import (
    noncentral_chi_square_quantile,
    noncentral_chi_square_sf,
    noncentrality_at,
    solve_increasing,
)
from tidemill.checks.outcome import Interval

_POWER = 0.8


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """An f-divergence measured from two samples.

    Args:
        measured: As computed from the counts, noise included.
        multiple: What makes it a chi-square: its scale times n * m / (n + m).
        df: Degrees of freedom: for counts, the cells that hold any row, less one.
    """

    measured: float
    multiple: float
    df: float

    @property
    def estimate(self) -> float:
        """The divergence with its expected noise taken off, at least 0."""
        return max(0.0, self.measured - self.df / self.multiple) if self.multiple > 0 else 0.0

    def interval(self, confidence: float) -> Interval:
        """Return where the true divergence lies."""
        if self.df <= 0 or self.multiple <= 0:
            return Interval(low=0.0, high=0.0 if self.df <= 0 else None, confidence=confidence)
        statistic, tail = self.measured * self.multiple, (1 - confidence) / 2
        low = noncentrality_at(statistic, self.df, tail) / self.multiple
        high = noncentrality_at(statistic, self.df, 1 - tail) / self.multiple
        return Interval(low=low, high=high, confidence=confidence)

    def p_value(self, tolerance: float) -> float:
        """Return the largest chance of measuring this much when the true divergence is within the tolerance."""
        if self.df <= 0 or self.multiple <= 0:
            return 1.0
        return noncentral_chi_square_sf(self.measured * self.multiple, self.df, tolerance * self.multiple)

    def detectable(self, tolerance: float, level: float) -> float:
        """Return the true divergence that would be told apart from the tolerance in 4 of 5 such samples."""
        if self.multiple <= 0:
            return float("inf")
        df = max(1.0, self.df)
        critical = noncentral_chi_square_quantile(level, df, tolerance * self.multiple)
        high = 4 * critical + 100
        size = solve_increasing(lambda size: noncentral_chi_square_sf(critical, df, size), _POWER, 0.0, high)
        return size / self.multiple


def multiple_of(rows_reference: float, rows_current: float, scale: float) -> float:
    """Return what turns a divergence of two samples into a chi-square; 0 when one of them is empty."""
    if rows_reference <= 0 or rows_current <= 0:
        return 0.0
    return scale * rows_reference * rows_current / (rows_reference + rows_current)
