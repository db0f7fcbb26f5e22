"""Area under the ROC curve."""

import math
from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.distributions import solve_increasing, two_sided
from tidemill.checks.errors import NotEnough
from tidemill.checks.performance.judged import MetricCheck
from tidemill.checks.performance.metric import Difference, Estimate, Measured, Metric, compare, estimate
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.columns import Floats, Values
else:
    np = lazy("numpy")


def _measure(truth: "Floats", score: "Floats") -> Measured:
    """Return the area and the influence of each row, from midranks in O(n log n)."""
    is_positive = truth == 1
    positive, negative = score[is_positive], score[~is_positive]
    if not len(positive) or not len(negative):
        only = "positives" if len(positive) else "negatives"
        raise NotEnough(f"All {len(truth)} rows are {only}, and roc_auc needs both", hint="Widen the window.")
    beaten = _placements(positive, np.sort(negative))
    beating = 1 - _placements(negative, np.sort(positive))
    area = float(beaten.mean())
    rows = len(truth)
    influence = np.empty(rows)
    # The variance is var(beaten) / n1 + var(beating) / n0; these weights make the shared rule give exactly that.
    influence[is_positive] = (beaten - area) * _weight(rows, len(positive))
    influence[~is_positive] = (beating - area) * _weight(rows, len(negative))
    return Measured(value=area, influence=influence)


def _weight(rows: int, own: int) -> float:
    return math.sqrt(rows * (rows - 1) / (own * max(1, own - 1)))


def _placements(values: "Floats", ordered: "Floats") -> "Floats":
    """Return the share of the other class that each value is above, ties counted half."""
    order = np.argsort(values)
    queries = values[order]  # sorted queries walk the other class once, in cache
    both = np.searchsorted(ordered, queries, side="left") + np.searchsorted(ordered, queries, side="right")
    placed = np.empty(len(values))
    placed[order] = both / (2 * len(ordered))
    return placed


def _interval(truth: "Floats", _score: "Floats", measured: Measured, confidence: float) -> tuple[float, float]:
    area, error, z = measured.value, measured.standard_error, two_sided(confidence)
    positives = int(truth.sum())
    if error > 0 and 0 < area < 1 and min(positives, len(truth) - positives) > 1:
        half = z * error / (area * (1 - area))
        middle = math.log(area / (1 - area))
        return _logistic(middle - half), _logistic(middle + half)
    return _score_interval(area, positives, len(truth) - positives, z)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


def _score_interval(area: float, positives: int, negatives: int, z: float) -> tuple[float, float]:
    """Return an interval that has width even for a perfect area.

    Source:
        Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic, Part 2,
        Statistics in Medicine 25 (2006), method 5.
    """
    mean = (positives + negatives) / 2 - 1

    def deviate(theta: float) -> float:
        spread = 1 + mean * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        error = math.sqrt(max(1e-300, theta * (1 - theta) * spread / (positives * negatives)))
        return (theta - area) / error

    low = 0.0 if area <= 0 else solve_increasing(deviate, -z, 0.0, area)
    high = 1.0 if area >= 1 else solve_increasing(deviate, z, area, 1.0)
    return low, high


ROC_AUC = Metric(
    name="roc_auc", measure=_measure, interval=_interval, higher_is_better=True, is_binary=True, low=0.0, high=1.0
)


def roc_auc(truth: "Values", score: "Values", *, confidence: float = 0.95) -> Estimate:
    """Return the chance that a positive row scores above a negative one, ties counted half, with its interval.

    Args:
        truth: 0 or 1, shape (rows,); rows without truth or with a score that is not finite are left out and counted.
        score: Higher for rows more likely 1, shape (rows,).
        confidence: Of the interval, which is normal on the logit scale; for an area of 0 or 1 a score interval.

    Raises:
        LengthMismatch: If the two have different lengths.
        NotBinary: If a truth is neither 0 nor 1.
        NotEnough: If all rows are of one class.

    Source:
        DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated ROC curves, Biometrics 44
        (1988); Sun and Xu, Fast implementation of DeLong's algorithm, IEEE Signal Processing Letters 21 (2014).
    """
    return estimate(ROC_AUC, truth, score, confidence=confidence)


def compare_roc_auc(
    truth: "Values", candidate: "Values", champion: "Values", *, confidence: float = 0.95
) -> Difference:
    """Return the difference of two models' areas on the same rows, with its interval.

    Raises:
        LengthMismatch: If the columns have different lengths.
        NotBinary: If a truth is neither 0 nor 1.
        NotEnough: If all rows are of one class.

    Source:
        DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988).
    """
    return compare(ROC_AUC, truth, candidate, champion, confidence=confidence)


class RocAuc(MetricCheck, frozen=True, kw_only=True):
    """Is the area under the ROC curve large enough.

    Error rate: of a false pass and of a false fail each at most half of `1 - confidence`, for large samples.

    Source:
        DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); Sun and Xu (2014).
    """

    name: ClassVar[str] = "roc_auc"

    def metric(self) -> Metric:
        """Return the metric."""
        return ROC_AUC
