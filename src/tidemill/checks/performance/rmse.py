"""Root of the mean squared error."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.performance.judged import MetricCheck
from tidemill.checks.performance.metric import Measured, Metric, mean_of
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.columns import Floats
else:
    np = lazy("numpy")


def _measure(truth: "Floats", score: "Floats") -> Measured:
    squared = mean_of(np.square(score - truth))
    root = float(np.sqrt(squared.value))
    return Measured(value=root, influence=squared.influence / (2 * root) if root > 0 else squared.influence)


RMSE = Metric(name="rmse", measure=_measure, higher_is_better=False, is_binary=False, low=0.0)


class Rmse(MetricCheck, frozen=True, kw_only=True):
    """Is the root of the mean squared error small enough.

    Error rate: of a false pass and of a false fail each at most half of `1 - confidence`, for large samples.

    Source:
        van der Vaart, Asymptotic Statistics (1998), chapter 3 (delta method).
    """

    name: ClassVar[str] = "rmse"

    def metric(self) -> Metric:
        """Return the metric."""
        return RMSE
