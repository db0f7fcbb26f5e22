"""How good the answers of a window were, with an interval that allows for alike days and for truths still to come."""

import math
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.errors import NotEnough
from tidemill.checks.outcome import Verdict, finite
from tidemill.checks.performance.catalogue import find_metric
from tidemill.checks.performance.metric import Estimate, Metric, estimate
from tidemill.core.lazy import lazy
from tidemill.monitoring.records import Performance
from tidemill.monitoring.settings import PerformanceSettings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
else:
    np = lazy("numpy")

_FEWEST_DAYS = 3


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """The answered rows of a window.

    Args:
        truth: 0 or 1 or a number, NaN where it is not known; shape (rows,).
        score: What the model said, shape (rows,).
        days: The day of the event, shape (rows,).
        versions: The model version, shape (rows,).
    """

    truth: "Floats"
    score: "Floats"
    days: "npt.NDArray[np.int64]"
    versions: "npt.NDArray[np.int64]"


def judge_performance(
    answers: Answers, settings: PerformanceSettings, *, baseline: float | None, is_mature: bool
) -> Performance:
    """Return how good the answers were, held against a baseline.

    The verdict is `fail` when the whole interval is beyond what is allowed, so that a window no worse than allowed
    fails with a chance of at most half of one less the confidence. It is `inconclusive` while truths are missing.

    Args:
        answers: The rows.
        settings: Metric, confidence and what is allowed.
        baseline: What to compare with; None to only tell.
        is_mature: Whether the truths were given their time.
    """
    metric = find_metric(settings.metric)
    rows, labelled = len(answers.truth), int(np.isfinite(answers.truth).sum())
    share = labelled / rows if rows else 0.0
    found = Performance(
        metric=metric.name,
        verdict=Verdict.INCONCLUSIVE.value,
        rows=rows,
        labelled=labelled,
        share=share,
        is_mature=is_mature,
        confidence=settings.confidence,
        baseline=baseline,
        allowed=settings.worse_than_reference,
    )
    if metric.is_binary and labelled and not np.isin(answers.truth[np.isfinite(answers.truth)], (0.0, 1.0)).all():
        return msgspec.structs.replace(
            found, reason=f"{metric.name} needs truths of yes or no; state the positive one."
        )
    try:
        measured, clusters = _measure(metric, answers, settings.confidence)
    except NotEnough as error:
        return msgspec.structs.replace(found, reason=f"{labelled} of {rows} rows have a truth: {error.message}.")
    low, high = (measured.low, measured.high) if is_mature else with_missing(metric, measured, share)
    found = msgspec.structs.replace(
        found,
        value=measured.value,
        low=finite(low),
        high=finite(high),
        clusters=clusters,
        versions=_by_version(metric, answers),
    )
    verdict, reason = _judge(metric, found, settings)
    return msgspec.structs.replace(found, verdict=verdict.value, reason=reason)


def _measure(metric: Metric, answers: Answers, confidence: float) -> tuple[Estimate, int]:
    days = len(np.unique(answers.days[np.isfinite(answers.truth)]))
    if days >= _FEWEST_DAYS:
        found = estimate(metric, answers.truth, answers.score, clusters=answers.days, confidence=confidence)
        return found, days
    return estimate(metric, answers.truth, answers.score, confidence=confidence), 0


def with_missing(metric: Metric, measured: Estimate, share: float) -> tuple[float, float]:
    """Return the interval over all rows, whatever the truths are that are still missing.

    Nothing is assumed of the missing ones, because truths that come early are not like those that come late.

    Source:
        Manski, Partial Identification of Probability Distributions (2003), chapter 1.
    """
    known = share * share if metric.name == "roc_auc" else share  # the area is over pairs of rows
    low = known * measured.low + (1 - known) * metric.low if math.isfinite(metric.low) else -math.inf
    high = known * measured.high + (1 - known) * metric.high if math.isfinite(metric.high) else math.inf
    return low, high


def _by_version(metric: Metric, answers: Answers) -> dict[str, float]:
    found: dict[str, float] = {}
    for version in np.unique(answers.versions).tolist():
        mine = (answers.versions == version) & np.isfinite(answers.truth)
        try:
            found[str(version)] = estimate(metric, answers.truth[mine], answers.score[mine]).value
        except NotEnough:
            continue
    return found


def _judge(metric: Metric, found: Performance, settings: PerformanceSettings) -> tuple[Verdict, str]:
    value = found.value or 0.0
    told = f"{found.metric} is {value:.3f} ({_end(found.low)} to {_end(found.high)}) on {found.labelled} labelled rows"
    told += f" of {found.rows}"
    if found.clusters:
        told += f" in {found.clusters} days"
    if not found.is_mature:
        return Verdict.INCONCLUSIVE, f"{told}; truths are still expected."
    if found.share < settings.fewest_labels:
        return Verdict.INCONCLUSIVE, f"{told}, which is under {settings.fewest_labels:.0%}: nothing is judged."
    if found.baseline is None:
        return Verdict.PASS, f"{told}; there is no baseline to compare with."
    sign = 1 if metric.higher_is_better else -1
    limit = found.baseline - sign * settings.worse_than_reference
    good_end = found.high if metric.higher_is_better else found.low
    against = f"the baseline {found.baseline:.3f} less {settings.worse_than_reference:g}"
    if not metric.higher_is_better:
        against = f"the baseline {found.baseline:.3f} and {settings.worse_than_reference:g}"
    if good_end is not None and sign * (good_end - limit) < 0:
        return Verdict.FAIL, f"{told}, surely worse than {against}."
    if sign * (value - limit) < 0:
        return Verdict.WARN, f"{told}, worse than {against}, but not surely."
    return Verdict.PASS, f"{told}, within {against}."


def _end(value: float | None) -> str:
    return "…" if value is None else f"{value:.3f}"
