"""Precision."""

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
    called = score >= 0.5
    if not called.any():
        raise NotEnough("No row was called positive, so there is no precision", hint="Widen the window.")
    value = float(truth[called].mean())
    return Measured(value=value, influence=np.where(called, truth - value, 0.0) / called.mean())


def _interval(_truth: "Floats", score: "Floats", measured: Measured, confidence: float) -> tuple[float, float]:
    return share_interval(measured.value, int((score >= 0.5).sum()), confidence)


PRECISION = Metric(name="precision", measure=_measure, interval=_interval, higher_is_better=True, is_binary=True)


class Precision(MetricCheck, frozen=True, kw_only=True):
    """Is the share of true positives among the rows called positive (probability of at least one half) large enough.

    Error rate: of a false pass and of a false fail each at most half of `1 - confidence`.

    Source:
        Wilson, JASA 22 (1927).
    """

    name: ClassVar[str] = "precision"

    def metric(self) -> Metric:
        """Return the metric."""
        return PRECISION
