"""A metric within parts of the rows, such as those that each model version answered, counted by their rows."""

from typing import TYPE_CHECKING

from tidemill.checks.errors import NotEnough
from tidemill.checks.performance.metric import Estimate, Measured, Metric, interval_quantile
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tidemill.checks.columns import Floats
else:
    np = lazy("numpy")


def estimate_within(
    metric: Metric,
    truth: "Floats",
    score: "Floats",
    strata: "npt.NDArray[np.int64]",
    *,
    clusters: "npt.NDArray[np.int64] | None" = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return the mean of a metric over parts of the rows, each counted by its rows, with its interval.

    A row moves the mean as it moves the metric of its part, so that rows of one day share their luck across parts.

    Args:
        metric: Which one.
        truth: 0 or 1 or a number, finite, shape (rows,).
        score: Probability of 1, or predicted number, finite, shape (rows,).
        strata: The part of each row, shape (rows,); each has at least 2 rows, and both classes where two are needed.
        clusters: Rows with the same label share their luck, shape (rows,).
        confidence: The share of such intervals that hold the true value.

    Raises:
        NotEnough: If a part cannot answer, or all rows are of one cluster.

    Source:
        Cochran, Sampling Techniques (1977), chapter 5.
    """
    value, influence = 0.0, np.zeros(len(truth))
    for part in np.unique(strata):
        mine = strata == part
        measured = metric.measure(truth[mine], score[mine])
        value += measured.value * float(mine.mean())
        influence[mine] = measured.influence
    whole, count = Measured(value=value, influence=influence), 0
    error = whole.standard_error
    if clusters is not None:
        _, groups = np.unique(clusters, return_inverse=True)
        error, count = whole.clustered_error(groups)
        if count < 2:
            raise NotEnough("All rows are of one cluster", hint="Judge on more days, or without clusters.")
    half = interval_quantile(confidence, count) * error
    return Estimate(
        metric=metric.name,
        value=value,
        low=max(metric.low, value - half),
        high=min(metric.high, value + half),
        confidence=confidence,
        standard_error=error,
        rows=len(truth),
        positives=int(truth.sum()) if metric.is_binary else None,
        clusters=count,
    )
