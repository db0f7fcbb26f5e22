"""Brier score."""

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
    return mean_of(np.square(score - truth))


BRIER = Metric(name="brier", measure=_measure, higher_is_better=False, is_binary=True, low=0.0)


class Brier(MetricCheck, frozen=True, kw_only=True):
    """Is the mean squared error of predicted probabilities small enough.

    Error rate: of a false pass and of a false fail each at most half of `1 - confidence`, for large samples.

    Source:
        Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78 (1950).
    """

    name: ClassVar[str] = "brier"

    def metric(self) -> Metric:
        """Return the metric."""
        return BRIER
