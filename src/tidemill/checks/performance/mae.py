"""Mean absolute error."""

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
    return mean_of(np.abs(score - truth))


MAE = Metric(name="mae", measure=_measure, higher_is_better=False, is_binary=False, low=0.0)


class Mae(MetricCheck, frozen=True, kw_only=True):
    """Is the mean absolute error small enough.

    Error rate: of a false pass and of a false fail each at most half of `1 - confidence`, for large samples.

    Source:
        Willmott and Matsuura, Advantages of the mean absolute error, Climate Research 30 (2005).
    """

    name: ClassVar[str] = "mae"

    def metric(self) -> Metric:
        """Return the metric."""
        return MAE
