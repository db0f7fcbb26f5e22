"""Metrics by name."""

import re
from typing import TYPE_CHECKING

from tidemill.checks.errors import InvalidParam
from tidemill.checks.performance.accuracy import ACCURACY, Accuracy
from tidemill.checks.performance.brier import BRIER, Brier
from tidemill.checks.performance.judged import MetricCheck
from tidemill.checks.performance.log_loss import LOG_LOSS, LogLoss
from tidemill.checks.performance.mae import MAE, Mae
from tidemill.checks.performance.metric import Difference, Estimate, Metric, compare, estimate
from tidemill.checks.performance.precision import PRECISION, Precision
from tidemill.checks.performance.r2 import R2, R2Score
from tidemill.checks.performance.recall import RECALL, Recall
from tidemill.checks.performance.rmse import RMSE, Rmse
from tidemill.checks.performance.roc_auc import ROC_AUC, RocAuc
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

if TYPE_CHECKING:
    from tidemill.checks.columns import Values

METRICS: dict[str, Metric] = {
    metric.name: metric for metric in (ROC_AUC, LOG_LOSS, BRIER, ACCURACY, PRECISION, RECALL, RMSE, MAE, R2)
}
METRIC_CHECKS: dict[str, type[MetricCheck]] = {
    check.name: check for check in (RocAuc, LogLoss, Brier, Accuracy, Precision, Recall, Rmse, Mae, R2Score)
}

_RULE = re.compile(
    r"\s*([A-Za-z_0-9]+)\s*(>=|<=)\s*(?:(champion)\s*(?:([+-])\s*(\d*\.?\d+)\s*)?|([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)\s*)"
)


class UnknownMetric(InvalidParam):
    """A name is not a metric."""

    code = "unknown_metric"


def find_metric(name: str) -> Metric:
    """Return the metric of that name.

    Raises:
        UnknownMetric: If there is none.
    """
    if name not in METRICS:
        raise UnknownMetric(f"{shown(name)} is not a metric", hint=did_you_mean(name, METRICS))
    return METRICS[name]


def measure(name: str, truth: "Values", score: "Values", *, confidence: float = 0.95) -> Estimate:
    """Return a metric by name with its interval; see `metric.estimate`.

    Raises:
        UnknownMetric: If there is none of that name.
    """
    return estimate(find_metric(name), truth, score, confidence=confidence)


def measure_difference(
    name: str, truth: "Values", candidate: "Values", champion: "Values", *, confidence: float = 0.95
) -> Difference:
    """Return candidate less champion in a metric by name with its interval; see `metric.compare`.

    Raises:
        UnknownMetric: If there is none of that name.
    """
    return compare(find_metric(name), truth, candidate, champion, confidence=confidence)


def parse_metric_rule(text: str, *, cluster: str | None = None, confidence: float = 0.95) -> MetricCheck:
    """Return the check that a rule such as `roc_auc >= champion - 0.005` or `brier <= 0.2` names.

    Args:
        text: A metric, `>=` or `<=`, and a number or `champion` with perhaps a number added or taken off.
        cluster: Column whose equal values mark rows that share their luck.
        confidence: Of the interval.

    Raises:
        UnknownMetric: If there is no such metric.
        InvalidParam: If the text is not such a rule, or points the wrong way for the metric.
    """
    match = _RULE.fullmatch(text)
    if not match:
        raise InvalidParam(
            f"{shown(text)} is not a rule for a metric",
            hint="Write one such as 'roc_auc >= champion - 0.005' or 'brier <= 0.2'.",
        )
    name, sign, champion, direction, offset, limit = match.groups()
    metric = find_metric(name)
    right = ">=" if metric.higher_is_better else "<="
    if sign != right:
        better = "higher" if metric.higher_is_better else "lower"
        raise InvalidParam(f"{name} is better when {better}, and the rule says {sign}", hint=f"Write {right}.")
    check = METRIC_CHECKS[name]
    if champion:
        given = float(offset or 0) * (-1 if direction == "-" else 1)
        return check(
            margin=(-given if metric.higher_is_better else given) or 0.0, cluster=cluster, confidence=confidence
        )
    if sign == ">=":
        return check(at_least=float(limit), cluster=cluster, confidence=confidence)
    return check(at_most=float(limit), cluster=cluster, confidence=confidence)
