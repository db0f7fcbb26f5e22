"""Number, mean, spread, skewness and kurtosis of numbers, which add up exactly."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
else:
    np = lazy("numpy")

_CHUNK = 1 << 13  # below the length from which a linear-algebra library calls threads for a dot product


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Number, mean, and sums of the second to fourth powers of what lies between each number and the mean."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    cubes: float = 0.0
    fourths: float = 0.0

    def __add__(self, other: "Moments") -> "Moments":
        """Return the moments of both lots of numbers together.

        Source:
            Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
            moments (2008).
        """
        if not self.count or not other.count:
            return self if self.count else other
        a, b = self.count, other.count
        count = a + b
        apart = other.mean - self.mean
        step = apart / count
        product = apart * step * a * b
        return Moments(
            count=count,
            mean=self.mean + step * b,
            squares=self.squares + other.squares + product,
            cubes=self.cubes
            + other.cubes
            + product * step * (a - b)
            + 3 * step * (a * other.squares - b * self.squares),
            fourths=self.fourths
            + other.fourths
            + product * step * step * (a * a - a * b + b * b)
            + 6 * step * step * (a * a * other.squares + b * b * self.squares)
            + 4 * step * (a * other.cubes - b * self.cubes),
        )

    @property
    def deviation(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.squares / self.count) if self.count and math.isfinite(self.squares) else 0.0

    @property
    def skewness(self) -> float | None:
        """Third standardised moment; None when all numbers are one."""
        return self._standardised(self.cubes, 3)

    @property
    def kurtosis(self) -> float | None:
        """Fourth standardised moment less 3; None when all numbers are one."""
        fourth = self._standardised(self.fourths, 4)
        return None if fourth is None else fourth - 3

    def _standardised(self, powers: float, exponent: int) -> float | None:
        spread = self.deviation
        for _ in range(exponent):
            powers = powers / spread if spread else math.nan
        return powers / self.count if math.isfinite(powers) else None

    @classmethod
    def of(cls, count: int, mean: float, deviation: float, skewness: float | None, kurtosis: float | None) -> "Moments":
        """Return the moments that figures were read from."""
        spread = deviation * deviation
        return cls(
            count=count,
            mean=mean,
            squares=spread * count,
            cubes=(skewness or 0.0) * spread * deviation * count,
            fourths=((kurtosis or 0.0) + 3) * spread * spread * count if kurtosis is not None else 0.0,
        )


def moments_of(values: "Floats", counts: "Integers | None" = None) -> Moments:
    """Return the moments of numbers, shape (n,), each with its rows where those are given."""
    number = len(values) if counts is None else int(counts.sum())
    if not number:
        return Moments()
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(np.mean(values)) if counts is None else float(np.average(values, weights=counts))
        squares = cubes = fourths = 0.0
        for start in range(0, len(values), _CHUNK):
            apart = values[start : start + _CHUNK] - mean
            second = apart * apart
            weighted = second if counts is None else second * counts[start : start + _CHUNK]
            squares += float(np.sum(weighted))
            cubes += float(np.dot(weighted, apart))
            fourths += float(np.dot(weighted, second))
    return Moments(count=number, mean=mean, squares=squares, cubes=cubes, fourths=fourths)
