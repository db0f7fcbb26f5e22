"""Coefficient of determination."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.errors import NotEnough
from tidemill.checks.performance.judged import MetricCheck
from tidemill.checks.performance.metric import Measured, Metric
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.columns import Floats
else:
    np = lazy("numpy")


def _measure(truth: "Floats", score: "Floats") -> Measured:
    errors, spreads = np.square(truth - score), np.square(truth - truth.mean())
    error, spread = float(errors.mean()), float(spreads.mean())
    if spread <= 0:
        raise NotEnough("All truths are equal, so there is no r2", hint="Widen the window.")
    influence = -(errors - error) / spread + error * (spreads - spread) / spread**2
    return Measured(value=1 - error / spread, influence=influence)


R2 = Metric(name="r2", measure=_measure, higher_is_better=True, is_binary=False, high=1.0)


class R2Score(MetricCheck, frozen=True, kw_only=True):
    """Is the share of the truth's variance that predictions explain large enough.

    Error rate: of a false pass and of a false fail each at most half of `1 - confidence`, for large samples.

    Source:
        Wright, Correlation and causation (1921); van der Vaart, Asymptotic Statistics (1998), chapter 3.
    """

    name: ClassVar[str] = "r2"

    def metric(self) -> Metric:
        """Return the metric."""
        return R2
