"""How long answers take: quantiles with intervals."""

import math
from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.bounds import parse_bound
from tidemill.checks.check import Check
from tidemill.checks.columns import numbers
from tidemill.checks.distributions import two_sided
from tidemill.checks.errors import InvalidParam, NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Interval, Outcome, table, worst
from tidemill.checks.performance.judged import verdict_of
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.columns import Values
else:
    np = lazy("numpy")


def quantile_interval(values: "Values", quantile: float, *, confidence: float = 0.95) -> tuple[float, Interval]:
    """Return a quantile of numbers and where the true one lies, whatever their distribution.

    Args:
        values: Numbers, shape (rows,); those that are not finite are left out.
        quantile: Between 0 and 1, such as 0.99.
        confidence: Of the interval.

    Returns:
        The quantile and its interval; an end that so few rows cannot give is None.

    Raises:
        NotEnough: If there is no number.

    Source:
        Hahn and Meeker, Statistical Intervals (1991), section 5.2 (order statistics).
    """
    array = numbers(values)
    ordered = np.sort(array[np.isfinite(array)])
    rows = len(ordered)
    if not rows:
        raise NotEnough("There are no numbers", hint="Time some requests.")
    half = two_sided(confidence) * math.sqrt(rows * quantile * (1 - quantile))
    first, last = math.floor(rows * quantile - half), math.ceil(rows * quantile + half) + 1
    low = float(ordered[first - 1]) if first >= 1 else None
    high = float(ordered[last - 1]) if last <= rows else None
    place = min(rows, max(1, math.ceil(rows * quantile)))
    return float(ordered[place - 1]), Interval(low=low, high=high, confidence=confidence)


class Latency(Check, frozen=True, kw_only=True):
    """Are answers fast enough.

    Args:
        p50_ms: Bound of the median in milliseconds, such as `< 5`.
        p95_ms: Bound of the 95th percentile.
        p99_ms: Bound of the 99th percentile.
        confidence: Of each interval.

    Error rate: of a false pass and of a false fail of one quantile each at most half of `1 - confidence`, while
    requests are independent.

    Source:
        Hahn and Meeker, Statistical Intervals (1991), section 5.2.
    """

    name: ClassVar[str] = "latency"

    p50_ms: str | None = None
    p95_ms: str | None = None
    p99_ms: str | None = None
    confidence: float = 0.95

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the quantiles and whether they meet their bounds.

        Raises:
            InvalidParam: If no bound is given.
            InvalidBound: If a bound is not one, or one from below.
            NotEnough: If no request was timed.
        """
        given = [(0.5, self.p50_ms), (0.95, self.p95_ms), (0.99, self.p99_ms)]
        bounds = [(quantile, parse_bound(text, what="A latency")) for quantile, text in given if text is not None]
        if not bounds or any(bound.is_floor for _, bound in bounds):
            raise InvalidParam("A latency needs a bound from above", hint="Give one such as p99_ms: '< 5'.")
        rows, verdicts = [], []
        for quantile, bound in bounds:
            value, inside = quantile_interval(inputs.latencies_ms, quantile, confidence=self.confidence)
            high = math.inf if inside.high is None else inside.high
            verdicts.append(verdict_of(value, 0.0 if inside.low is None else inside.low, high, bound))
            rows.append((f"p{quantile * 100:g}", value, inside.low, inside.high, str(bound), str(verdicts[-1])))
        overall = worst(verdicts)
        name, value, low, high_end, threshold, _ = rows[verdicts.index(overall)]
        return Outcome(
            check=self.name,
            verdict=overall,
            value=value,
            interval=Interval(low=low, high=high_end, confidence=self.confidence),
            threshold=threshold,
            reason=f"{name} is {value:.3g} ms on {len(inputs.latencies_ms)} requests, held against {threshold} ms.",
            error_rate=f"a false pass or fail of one quantile: at most {(1 - self.confidence) / 2:.3g}",
            table=table(("quantile", "ms", "low", "high", "bound", "verdict"), rows),
        )
