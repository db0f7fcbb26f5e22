"""Shares and their intervals."""

import math

from tidemill.checks.distributions import two_sided
from tidemill.checks.outcome import Interval


def wilson(successes: float, trials: float, confidence: float = 0.95) -> Interval:
    """Return where the true share lies, given how many of the trials succeeded.

    Never outside 0 to 1 and never of no width, even when none or all succeeded.

    Source:
        Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if trials <= 0:
        return Interval(low=0.0, high=1.0, confidence=confidence)
    z = two_sided(confidence)
    share, weight = successes / trials, z * z / trials
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / trials + weight / (4 * trials))
    low = 0.0 if successes <= 0 else max(0.0, middle - half)
    high = 1.0 if successes >= trials else min(1.0, middle + half)
    return Interval(low=low, high=high, confidence=confidence)
