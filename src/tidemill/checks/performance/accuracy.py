"""Accuracy."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.performance.judged import MetricCheck
from tidemill.checks.performance.metric import Measured, Metric, mean_of, share_interval
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.columns import Floats
else:
    np = lazy("numpy")


def _measure(truth: "Floats", score: "Floats") -> Measured:
    return mean_of(((score >= 0.5) == (truth == 1)).astype(np.float64))


def _interval(truth: "Floats", _score: "Floats", measured: Measured, confidence: float) -> tuple[float, float]:
    return share_interval(measured.value, len(truth), confidence)


ACCURACY = Metric(name="accuracy", measure=_measure, interval=_interval, higher_is_better=True, is_binary=True)


class Accuracy(MetricCheck, frozen=True, kw_only=True):
    """Is the share of rows on the right side of a probability of one half large enough.

    Error rate: of a false pass and of a false fail each at most half of `1 - confidence`.

    Source:
        Wilson, JASA 22 (1927).
    """

    name: ClassVar[str] = "accuracy"

    def metric(self) -> Metric:
        """Return the metric."""
        return ACCURACY
