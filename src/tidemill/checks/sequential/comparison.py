"""Two streams of numbers in [0, 1], compared at every look without the looks adding to the error."""

from enum import StrEnum

import msgspec

from tidemill.checks.sequential.bounded_mean import BoundedMean


class Decision(StrEnum):
    """What a look allows to say."""

    WORSE = "worse"
    NOT_WORSE = "not_worse"
    UNDECIDED = "undecided"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate beside what stands; smaller numbers are better.

    Args:
        stable: What was seen of what stands.
        candidate: What was seen of the candidate.
        error_rate: The chance ever to say `worse` of a candidate whose mean is no larger, over all looks.
        margin: How much larger a candidate's mean may be and still count as no worse.
    """

    stable: BoundedMean = BoundedMean()
    candidate: BoundedMean = BoundedMean()
    error_rate: float = 0.05
    margin: float = 0.0

    def interval(self) -> tuple[float, float]:
        """Return bounds of candidate mean less stable mean, each side valid at every look with the error rate."""
        side = self.error_rate / 2
        low = self.candidate.low(side) - self.stable.high(side)
        high = self.candidate.high(side) - self.stable.low(side)
        return low, high

    def decide(self) -> Decision:
        """Return what the data say so far: `worse` and `not_worse` hold with the error rate each."""
        low, high = self.interval()
        if low > self.margin:
            return Decision.WORSE
        if high <= self.margin:
            return Decision.NOT_WORSE
        return Decision.UNDECIDED
