"""The few distribution functions that judgements need, without SciPy."""

import math
from collections.abc import Callable
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300
_ROUNDS = 100_000


def normal_quantile(probability: float) -> float:
    """Return the standard normal value below which that share lies; minus or plus infinity at 0 and 1."""
    if probability <= 0:
        return -math.inf
    if probability >= 1:
        return math.inf
    return _NORMAL.inv_cdf(probability)


def normal_sf(value: float) -> float:
    """Return the chance that a standard normal is above a value."""
    return 0.5 * math.erfc(value / math.sqrt(2))


def two_sided(confidence: float) -> float:
    """Return the standard normal value z with `P(-z < Z < z) = confidence`."""
    return normal_quantile(0.5 + confidence / 2)


def chi_square_sf(value: float, df: float) -> float:
    """Return the chance that a chi-square with `df` degrees of freedom is above a value.

    Source:
        Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 6.5.29 and 6.5.31.
    """
    if df <= 0:
        return 0.0 if value > 0 else 1.0
    shape, point = df / 2, value / 2
    if point <= 0:
        return 1.0
    if math.isinf(point):
        return 0.0
    scale = math.exp(shape * math.log(point) - point - math.lgamma(shape))
    if point < shape + 1:
        return max(0.0, 1.0 - scale * _lower_series(shape, point))
    return min(1.0, scale * _upper_fraction(shape, point))


def _lower_series(shape: float, point: float) -> float:
    term = total = 1 / shape
    for step in range(1, _ROUNDS):
        term *= point / (shape + step)
        total += term
        if term < total * 1e-16:
            break
    return total


def _upper_fraction(shape: float, point: float) -> float:
    b = point + 1 - shape
    c, d = 1 / _TINY, 1 / b
    fraction = d
    for step in range(1, _ROUNDS):
        a = -step * (step - shape)
        b += 2
        d = 1 / ((a * d + b) or _TINY)
        c = (b + a / c) or _TINY
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return fraction


def kolmogorov_sf(value: float) -> float:
    """Return the chance that the limit of sqrt(n) times the Kolmogorov distance is above a value.

    Source:
        Kolmogorov, Sulla determinazione empirica di una legge di distribuzione (1933).
    """
    if value < 0.2:
        return 1.0
    if value < 1:  # the alternating series converges slowly here; this is its theta transform
        terms = (math.exp(-((2 * k - 1) ** 2) * math.pi**2 / (8 * value * value)) for k in range(1, 8))
        return 1.0 - math.sqrt(2 * math.pi) / value * math.fsum(terms)
    terms = ((-1) ** (k - 1) * math.exp(-2 * (k * value) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))


def noncentral_chi_square_sf(value: float, df: float, noncentrality: float) -> float:
    """Return the chance that a non-central chi-square is above a value.

    The saddlepoint formula holds its relative error far into the tail, where normal approximations do not,
    and costs the same for a non-centrality of 1 and of 1,000,000.

    Args:
        value: The point.
        df: Degrees of freedom, at least 1.
        noncentrality: Sum of squared means, at least 0.

    Returns:
        The chance, within 3 percent of itself for 2 or more degrees of freedom, and exactly for one.

    Source:
        Lugannani and Rice, Saddle point approximation for the distribution of the sum of independent random
        variables, Advances in Applied Probability 12 (1980).
    """
    if noncentrality <= 0:
        return chi_square_sf(value, df)
    if value <= 0:
        return 1.0
    if df == 1:  # the square of one shifted normal, where the saddlepoint is at its weakest
        return normal_sf(math.sqrt(value) - math.sqrt(noncentrality)) + normal_sf(
            math.sqrt(value) + math.sqrt(noncentrality)
        )
    u = 2 * value / (df + math.sqrt(df * df + 4 * noncentrality * value))
    t = (1 - 1 / u) / 2
    curvature = 4 * noncentrality * u * u * u + 2 * df * u * u
    exponent = t * value - noncentrality * t * u - df / 2 * math.log(u)
    w = math.copysign(math.sqrt(max(0.0, 2 * exponent)), t)
    v = t * math.sqrt(curvature)
    if abs(w) < 1e-4:
        skew = (24 * noncentrality * u + 8 * df) * u * u * u / (curvature * math.sqrt(curvature))
        return 0.5 - skew / (6 * math.sqrt(2 * math.pi))
    density = math.exp(-w * w / 2) / math.sqrt(2 * math.pi)
    return min(1.0, max(0.0, normal_sf(w) + density * (1 / v - 1 / w)))


def solve_increasing(function: Callable[[float], float], target: float, low: float, high: float) -> float:
    """Return where an increasing function reaches a target, within a billionth of the way between low and high."""
    for _ in range(60):
        middle = (low + high) / 2
        if function(middle) < target:
            low = middle
        else:
            high = middle
        if high - low <= 1e-9 * abs(high):
            break
    return (low + high) / 2


def noncentrality_at(value: float, df: float, chance: float) -> float:
    """Return the non-centrality under which a non-central chi-square is above `value` with that chance.

    Returns:
        At least 0; 0 when even no non-centrality gives that chance.
    """
    if noncentral_chi_square_sf(value, df, 0) >= chance:
        return 0.0
    high = value + df + 100.0
    while noncentral_chi_square_sf(value, df, high) < chance:
        high *= 2
    return solve_increasing(lambda size: noncentral_chi_square_sf(value, df, size), chance, 0.0, high)


def noncentral_chi_square_quantile(chance: float, df: float, noncentrality: float) -> float:
    """Return the value above which a non-central chi-square lies with that chance."""
    high = df + noncentrality + 100.0
    while noncentral_chi_square_sf(high, df, noncentrality) > chance:
        high *= 2
    return solve_increasing(lambda value: -noncentral_chi_square_sf(value, df, noncentrality), -chance, 0.0, high)
