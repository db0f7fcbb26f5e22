"""Bounds on the mean of numbers in [0, 1] that hold at every look at once."""

import math

import msgspec

from tidemill.core.errors import InvalidInput

_ETA = 2.0
_POWER = 1.4
_ZETA = 3.1055472779775815  # Riemann zeta at 1.4
_K1 = (_ETA**0.25 + _ETA**-0.25) / math.sqrt(2)
_K2 = (math.sqrt(_ETA) + 1) / 2
_FIRST_VARIANCE = 1.0


class ImpossibleBatch(InvalidInput):
    """A batch's count, sum and sum of squares cannot come from numbers in [0, 1]."""

    code = "impossible_batch"


class BoundedMean(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a stream of numbers in [0, 1]; of constant size, however long the stream.

    Args:
        count: How many numbers.
        total: Their sum.
        variance: The sum of their squared distances from what was expected before each batch.
        prior: What is expected before the first batch; a poor guess only widens the first bounds.
    """

    count: int = 0
    total: float = 0.0
    variance: float = 0.0
    prior: float = 0.0

    def add(self, count: int, total: float, squares: float) -> "BoundedMean":
        """Return the state after a batch of numbers, of which only count, sum and sum of squares are known.

        Raises:
            ImpossibleBatch: If such numbers cannot exist.
        """
        slack = 1e-9 * max(count, 1)
        if count < 0 or total < -slack or total > count + slack or squares > total + slack or squares < -slack:
            raise ImpossibleBatch(
                f"A batch of {count} numbers in [0, 1] with sum {total:g} and sum of squares {squares:g}",
                hint="Scale the numbers to [0, 1] first.",
            )
        expected = (self.total + self.prior) / (self.count + 1)
        spread = max(squares - 2 * expected * total + count * expected * expected, 0.0)
        return BoundedMean(
            count=self.count + count, total=self.total + total, variance=self.variance + spread, prior=self.prior
        )

    @property
    def mean(self) -> float:
        """The mean so far; what is expected of it before the first number."""
        return self.total / self.count if self.count else self.prior

    def radius(self, error_rate: float) -> float:
        """Return how far the true mean may lie from the mean so far, on one side.

        The chance that the true (running) mean is ever further away on that side, at any of infinitely many looks,
        is at most `error_rate`. The numbers need not be identically distributed.

        Args:
            error_rate: That chance, between 0 and 1.

        Returns:
            The distance; infinite before the first number.

        Source:
            Howard, Ramdas, McAuliffe, Sekhon, Time-uniform, nonparametric, nonasymptotic confidence sequences,
            Annals of Statistics 49 (2021): the empirical Bernstein bound of theorem 4 with the polynomial stitched
            boundary of equation 10 (eta 2, s 1.4, scale 1). What is expected of a batch is the mean of those before.
        """
        if not 0 < error_rate < 1:
            raise InvalidInput(f"An error rate of {error_rate:g}", hint="Give a number between 0 and 1.")
        if self.count == 0:
            return math.inf
        variance = max(self.variance, _FIRST_VARIANCE)
        epochs = math.log(_ETA * variance / _FIRST_VARIANCE) / math.log(_ETA)
        level = _POWER * math.log(epochs) + math.log(_ZETA / error_rate)
        bound = math.sqrt(_K1**2 * variance * level + _K2**2 * level**2) + _K2 * level
        return bound / self.count

    def low(self, error_rate: float) -> float:
        """Return a lower bound of the true mean, valid at every look with that error rate; at least 0."""
        return max(self.mean - self.radius(error_rate), 0.0)

    def high(self, error_rate: float) -> float:
        """Return an upper bound of the true mean, valid at every look with that error rate; at most 1."""
        return min(self.mean + self.radius(error_rate), 1.0)
