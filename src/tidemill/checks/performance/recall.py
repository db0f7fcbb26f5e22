"""Recall."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.errors import NotEnough
from tidemill.checks.performance.judged import MetricCheck
from tidemill.checks.performance.metric import Measured, Metric, share_interval
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.columns import Floats
else:
    np = lazy("numpy")


def _measure(truth: "Floats", score: "Floats") -> Measured:
    is_positive = truth == 1
    if not is_positive.any():
        raise NotEnough("No row is positive, so there is no recall", hint="Widen the window.")
    called = (score >= 0.5).astype(np.float64)
    value = float(called[is_positive].mean())
    return Measured(value=value, influence=np.where(is_positive, called - value, 0.0) / is_positive.mean())


def _interval(truth: "Floats", _score: "Floats", measured: Measured, confidence: float) -> tuple[float, float]:
    return share_interval(measured.value, int(truth.sum()), confidence)


RECALL = Metric(name="recall", measure=_measure, interval=_interval, higher_is_better=True, is_binary=True)


class Recall(MetricCheck, frozen=True, kw_only=True):
    """Is the share of positive rows that are called positive (probability of at least one half) large enough.

    Error rate: of a false pass and of a false fail each at most half of `1 - confidence`.

    Source:
        Wilson, JASA 22 (1927).
    """

    name: ClassVar[str] = "recall"

    def metric(self) -> Metric:
        """Return the metric."""
        return RECALL
