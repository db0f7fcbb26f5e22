"""The mean of a bounded stream, with an interval that holds at all times at once."""

import math

import msgspec

from tidemill.checks.errors import InvalidParam
from tidemill.checks.outcome import Interval
from tidemill.checks.sequential.evidence import Arm, evidence_above, evidence_below


class MeanSequence(msgspec.Struct, frozen=True, kw_only=True):
    """A mean with its confidence sequence; a record that can be stored and continued.

    For paired rows, as in shadow traffic, watch `0.5 + (candidate loss - champion loss) / 2`: its mean is above one
    half when the candidate is worse.

    Args:
        confidence: The chance that the interval holds the true mean at every look, however many there are.
        expected: What to guess before the first value; a good guess narrows the interval, a bad one keeps it valid.
        arm: What was seen.

    Error rate: the chance that the interval ever misses the true mean is at most `1 - confidence`.

    Source:
        Howard, Ramdas, McAuliffe and Sekhon, Time-uniform, nonparametric, nonasymptotic confidence sequences, Annals of
        Statistics 49 (2021); Waudby-Smith and Ramdas, JRSS B 86 (2024).
    """

    confidence: float = 0.95
    expected: float = 0.5
    arm: Arm = Arm()

    def __post_init__(self) -> None:
        """Refuse a confidence or a guess outside 0 to 1."""
        if not 0 < self.confidence < 1 or not 0 <= self.expected <= 1:
            raise InvalidParam(
                f"Confidence {self.confidence:g}, expected {self.expected:g}", hint="Give shares between 0 and 1."
            )

    def observe(self, *, count: int, total: float, squares: float | None = None) -> "MeanSequence":
        """Return the sequence after a batch.

        Args:
            count: How many values.
            total: Their sum.
            squares: Sum of their squares; leave out for yes or no.

        Raises:
            OutOfBounds: If no values in 0 to 1 have these sums.
        """
        arm = self.arm.add(count, total, total if squares is None else squares, expected=self.expected)
        return msgspec.structs.replace(self, arm=arm)

    def mean(self) -> float | None:
        """Return the mean so far; None before the first value."""
        return self.arm.mean()

    def interval(self) -> Interval:
        """Return where the true mean lies."""
        needed, mean = math.log(2 / (1 - self.confidence)), self.arm.mean()
        if mean is None:
            return Interval(low=0.0, high=1.0, confidence=self.confidence)
        low, middle = 0.0, mean
        for _ in range(50):
            point = (low + middle) / 2
            low, middle = (point, middle) if evidence_above(self.arm, point) >= needed else (low, point)
        middle, high = mean, 1.0
        for _ in range(50):
            point = (middle + high) / 2
            middle, high = (middle, point) if evidence_below(self.arm, point) >= needed else (point, high)
        return Interval(low=low, high=high, confidence=self.confidence)
