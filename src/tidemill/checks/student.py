"""Student's t distribution, for standard errors that are themselves estimated from few groups."""

import math

from tidemill.checks.distributions import solve_increasing

_STEPS = 300
_TINY = 1e-300


def t_cdf(value: float, df: float) -> float:
    """Return the chance that a Student variable with `df` degrees of freedom is at most `value`.

    Source:
        Abramowitz and Stegun, Handbook of Mathematical Functions, 26.5.27 and the continued fraction 26.5.8.
    """
    tail = 0.5 * _incomplete_beta(df / (df + value * value), df / 2, 0.5)
    return 1 - tail if value > 0 else tail


def t_quantile(probability: float, df: float) -> float:
    """Return the value that a Student variable stays at or below with a probability between 0 and 1."""
    if probability < 0.5:
        return -t_quantile(1 - probability, df)
    high = 1.0
    while t_cdf(high, df) < probability:
        high *= 2
    return solve_increasing(lambda value: t_cdf(value, df), probability, 0.0, high)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    result = d
    for step in range(1, _STEPS):
        for term in (
            step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step)),
            -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1)),
        ):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            result *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return result


def _away(value: float) -> float:
    """Keep a divisor away from zero."""
    return value if abs(value) > _TINY else _TINY
