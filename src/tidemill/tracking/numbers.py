"""Values of metrics that JSON has no number for: said as the words NaN, Infinity and -Infinity, as MLflow says them."""

import math
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from tidemill.tracking.records import LoggedModel, LoggedModelPage, Metric, MetricHistory, MetricPage, Run, RunPage

WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Odd(float):
    """A float that is no ordinary number; encoders ask what to write for it, which is its text."""

    def __str__(self) -> str:
        """Return its word."""
        if math.isnan(self):
            return "NaN"
        return "Infinity" if self > 0 else "-Infinity"


def said(value: float) -> float | str:
    """Return a number as JSON can carry it."""
    return value if math.isfinite(value) else str(Odd(value))


def sayable(value: object) -> object:
    """Return an answer in which values of metrics that are no ordinary numbers are `Odd`; all else stays as it is."""
    if isinstance(value, list):
        return [sayable(each) for each in value]
    change = _CHANGES.get(type(value))
    return value if change is None else change(value)


def heard(metrics: object) -> object:
    """Return metrics as they came in JSON, with numbers for the words."""
    if not isinstance(metrics, list):
        return metrics
    return [
        {**each, "value": WORDS[each["value"]]} if isinstance(each, dict) and each.get("value") in _SAID else each
        for each in metrics
    ]


_SAID = tuple(WORDS)


def _metric(metric: Metric) -> Metric:
    return metric if math.isfinite(metric.value) else replace(metric, value=Odd(metric.value))


def _run(run: Run) -> Run:
    if all(map(math.isfinite, run.metrics.values())):
        return run
    return replace(
        run, metrics={key: value if math.isfinite(value) else Odd(value) for key, value in run.metrics.items()}
    )


_CHANGES: dict[type, Callable[[Any], object]] = {
    Metric: _metric,
    Run: _run,
    RunPage: lambda page: replace(page, runs=[_run(run) for run in page.runs]),
    MetricPage: lambda page: replace(page, metrics=[_metric(each) for each in page.metrics]),
    MetricHistory: lambda history: replace(history, points=[_metric(each) for each in history.points]),
    LoggedModel: lambda model: replace(model, metrics=[_metric(each) for each in model.metrics]),
    LoggedModelPage: lambda page: replace(page, models=[sayable(model) for model in page.models]),
}
"""What has values of metrics, and how they are made sayable in it."""
