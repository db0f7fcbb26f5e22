"""Logarithmic loss."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.performance.judged import MetricCheck
from tidemill.checks.performance.metric import Measured, Metric, mean_of
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.columns import Floats
else:
    np = lazy("numpy")

_SURE = 1e-15


def _measure(truth: "Floats", score: "Floats") -> Measured:
    probability = np.clip(score, _SURE, 1 - _SURE)
    return mean_of(-np.log(np.where(truth == 1, probability, 1 - probability)))


LOG_LOSS = Metric(name="log_loss", measure=_measure, higher_is_better=False, is_binary=True, low=0.0)


class LogLoss(MetricCheck, frozen=True, kw_only=True):
    """Is the logarithmic loss of predicted probabilities small enough.

    Error rate: of a false pass and of a false fail each at most half of `1 - confidence`, for large samples.

    Source:
        Good, Rational decisions, JRSS B 14 (1952).
    """

    name: ClassVar[str] = "log_loss"

    def metric(self) -> Metric:
        """Return the metric."""
        return LOG_LOSS
