"""Evidence about the mean of a bounded stream that may be looked at after every row.

For values in 0 to 1 with conditional mean `m`, each of the processes

    exp(rate * sum(x) - n * log(1 - m + m * exp(rate)))                      rate > 0
    exp(rate * sum(x - m) - (-log(1 - rate) - rate) * sum((x - guess)**2))   0 < rate < 1

starts at 1 and shrinks on average, where `guess` may use all rows before `x`. The first is tight for yes or no, the
second for values that vary little. Their mean over a fixed set of rates shrinks on average too, so by Ville's
inequality it ever exceeds `1 / a` with a chance of at most `a`: one may look as often as one likes.

Source:
    Howard, Ramdas, McAuliffe and Sekhon, Time-uniform Chernoff bounds via nonnegative supermartingales, Probability
    Surveys 17 (2020), sections 3.1 and 4; Waudby-Smith and Ramdas, Estimating means of bounded random variables by
    betting, JRSS B 86 (2024), theorem 2.
"""

import math
from collections.abc import Iterable

import msgspec

from tidemill.checks.errors import OutOfBounds

_TILTS = tuple(4.0 / 1.6**step for step in range(19))  # 4 to 0.0008: from three rows to some ten million
_RATES = tuple(0.8 / 1.7**step for step in range(16))  # 0.8 to 0.0003
_GROWTHS = tuple(math.expm1(rate) for rate in _TILTS)
_COSTS = tuple(-math.log1p(-rate) - rate for rate in _RATES)
_TILT_SHARE = -math.log(2 * len(_TILTS))
_RATE_SHARE = -math.log(2 * len(_RATES))
_SLACK = 1e-9


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a stream of values in 0 to 1: three numbers.

    Args:
        count: How many values.
        total: Their sum.
        spread: Sum of squared distances of each value from what was guessed before it.
    """

    count: int = 0
    total: float = 0.0
    spread: float = 0.0

    def mean(self) -> float | None:
        """Return the mean so far; None before the first value."""
        return self.total / self.count if self.count else None

    def guess(self, expected: float) -> float:
        """Return what to expect of the next value: the mean so far, with one made-up value before the first."""
        return (expected + self.total) / (1 + self.count)

    def add(self, count: int, total: float, squares: float, *, expected: float = 0.5) -> "Arm":
        """Return the arm after a batch.

        Args:
            count: How many values the batch has.
            total: Their sum.
            squares: Sum of their squares; equal to the sum for yes or no.
            expected: What to guess before the first value.

        Raises:
            OutOfBounds: If no values in 0 to 1 have these sums.
        """
        lowest = total * total / count if count > 0 else 0.0
        fits = count >= 0 and -_SLACK <= total <= count + _SLACK
        if not fits or not lowest - _SLACK * (1 + lowest) <= squares <= total + _SLACK * (1 + total):
            raise OutOfBounds(
                f"No {count} values between 0 and 1 have the sum {total:g} and the sum of squares {squares:g}",
                hint="Scale the values to 0 to 1, and give count, sum and sum of squares of the same rows.",
            )
        guess = self.guess(expected)
        spread = max(0.0, squares - 2 * guess * total + count * guess * guess)
        return Arm(count=self.count + count, total=self.total + total, spread=self.spread + spread)

    def add_values(self, values: Iterable[float], *, expected: float = 0.5) -> "Arm":
        """Return the arm after values one by one, which guesses better than a batch.

        Raises:
            OutOfBounds: If a value is not between 0 and 1.
        """
        count, total, spread = self.count, self.total, self.spread
        for value in values:
            if not 0 <= value <= 1:
                raise OutOfBounds(f"{value:g} is not between 0 and 1", hint="Scale or clip the values to 0 to 1.")
            spread += (value - (expected + total) / (1 + count)) ** 2
            count += 1
            total += value
        return Arm(count=count, total=total, spread=spread)


def evidence_above(arm: Arm, mean: float) -> float:
    """Return the logarithm of the evidence that the true mean of a stream is above a value.

    Falls as the value rises, and is convex in it.
    """
    return _log_evidence(arm.count, arm.total, arm.spread, mean)


def evidence_below(arm: Arm, mean: float) -> float:
    """Return the logarithm of the evidence that the true mean of a stream is below a value; rises with the value."""
    return _log_evidence(arm.count, arm.count - arm.total, arm.spread, 1 - mean)


def _log_evidence(count: int, total: float, spread: float, mean: float) -> float:
    if not count:
        return 0.0
    logs = [
        rate * total - count * math.log1p(mean * growth) + _TILT_SHARE
        for rate, growth in zip(_TILTS, _GROWTHS, strict=True)
    ]
    excess = total - count * mean
    logs += [rate * excess - cost * spread + _RATE_SHARE for rate, cost in zip(_RATES, _COSTS, strict=True)]
    top = max(logs)
    return top + math.log(math.fsum(math.exp(value - top) for value in logs))
