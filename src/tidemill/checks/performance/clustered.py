"""A metric on rows that come in clusters, such as the days of a month: rows of one day share their luck.

With `psi_i` the influence of row `i` on the metric, the variance of the metric is `K / (K - 1)` times the sum over the
`K` clusters of the squared sum of `psi_i` in each, and the interval takes Student's quantile for `K - 1` degrees of
freedom.

Source:
    Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53 (1997).
"""

from typing import TYPE_CHECKING

from tidemill.checks.columns import binary, known_rows, numbers, same_length
from tidemill.checks.errors import NotEnough
from tidemill.checks.fisher import student_quantile
from tidemill.checks.performance.metric import Estimate, Metric
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tidemill.checks.columns import Floats, Values
else:
    np = lazy("numpy")

FEWEST = 2


def clustered_error(influence: "Floats", clusters: "npt.NDArray[np.generic]") -> tuple[float, int]:
    """Return the standard error of a metric and how many clusters there are.

    Args:
        influence: Of each row on the metric, as `Metric.measure` gives it, shape (rows,).
        clusters: A label a row, shape (rows,).
    """
    _, places = np.unique(clusters, return_inverse=True)
    sums = np.bincount(places, weights=influence / len(influence))
    count = len(sums)
    return float(np.sqrt(count / max(1, count - 1) * np.sum(np.square(sums)))), count


def estimate_clustered(
    metric: Metric, truth: "Values", score: "Values", clusters: "npt.NDArray[np.generic]", *, confidence: float = 0.95
) -> Estimate:
    """Return a metric with an interval that takes whole clusters as the unit.

    Args:
        metric: Which one.
        truth: 0 or 1 or a number, shape (rows,); rows without are left out and counted.
        score: Probability of 1, or predicted number, shape (rows,).
        clusters: A label a row, such as its day, shape (rows,).
        confidence: The share of such intervals that hold the true value.

    Raises:
        NotEnough: If the known rows are too few, of one class where two are needed, or of one cluster.
    """
    truths, scores = numbers(truth, "The truth"), numbers(score, "The score")
    same_length(truth=truths, score=scores)
    if metric.is_binary:
        binary(truths)
    known = known_rows(truths, scores)
    rows = int(known.sum())
    if rows < FEWEST:
        raise NotEnough(f"{metric.name} needs at least 2 rows with truth, and there are {rows}", hint="Wait for more.")
    measured = metric.measure(truths[known], scores[known])
    error, count = clustered_error(measured.influence, clusters[known])
    if count < FEWEST:
        raise NotEnough("All rows are of one cluster", hint="Widen the window, or take rows one by one.")
    half = student_quantile(0.5 + confidence / 2, count - 1) * error
    return Estimate(
        metric=metric.name,
        value=measured.value,
        low=max(metric.low, measured.value - half),
        high=min(metric.high, measured.value + half),
        confidence=confidence,
        standard_error=error,
        rows=rows,
        left_out=len(truths) - rows,
        positives=int(truths[known].sum()) if metric.is_binary else None,
    )
