"""Quantiles of Student's t and Fisher's F, without SciPy."""

import math

from tidemill.checks.distributions import solve_increasing

_TINY = 1e-300
_ROUNDS = 10_000


def beta_share(value: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function: the chance that a Beta(a, b) is at most a value.

    Source:
        Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.5.8.
    """
    if value <= 0:
        return 0.0
    if value >= 1:
        return 1.0
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(value) + b * math.log1p(-value)
    if value < (a + 1) / (a + b + 2):
        return math.exp(front) * _fraction(value, a, b) / a
    return 1.0 - math.exp(front) * _fraction(1 - value, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction by Lentz's method."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _ROUNDS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            found *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return found


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def f_quantile(probability: float, df_above: float, df_below: float) -> float:
    """Return the value below which an F with these degrees of freedom lies with that chance.

    Args:
        probability: Above 0 and below 1.
        df_above: Degrees of freedom of the numerator.
        df_below: Degrees of freedom of the denominator.
    """

    def chance(value: float) -> float:
        return beta_share(df_above * value / (df_above * value + df_below), df_above / 2, df_below / 2)

    high = 1.0
    while chance(high) < probability and high < 1e12:
        high *= 2
    return solve_increasing(chance, probability, 0.0, high)


def student_quantile(probability: float, df: float) -> float:
    """Return the value below which Student's t with these degrees of freedom lies with that chance."""
    if probability == 0.5:
        return 0.0
    root = math.sqrt(f_quantile(abs(2 * probability - 1), 1.0, df))
    return math.copysign(root, probability - 0.5)
