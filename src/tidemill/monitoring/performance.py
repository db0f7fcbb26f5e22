"""How good the answers of a window were, with an interval that allows for alike days and for truths still to come."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.errors import NotEnough
from tidemill.checks.outcome import Verdict, finite
from tidemill.checks.performance.catalogue import find_metric
from tidemill.checks.performance.metric import Estimate, Metric, estimate
from tidemill.checks.performance.stratified import estimate_within
from tidemill.core.lazy import lazy
from tidemill.monitoring.records import Baseline, GateValue, Performance
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
        gates: The place of the version's gate value among those given, -1 where it has none; shape (rows,).
    """

    truth: "Floats"
    score: "Floats"
    days: "npt.NDArray[np.int64]"
    versions: "npt.NDArray[np.int64]"
    gates: "npt.NDArray[np.int64]"

    def where(self, kept: "npt.NDArray[np.bool_]") -> "Answers":
        """Return some of the rows."""
        return Answers(
            truth=self.truth[kept],
            score=self.score[kept],
            days=self.days[kept],
            versions=self.versions[kept],
            gates=self.gates[kept],
        )


def judge_performance(
    answers: Answers,
    settings: PerformanceSettings,
    *,
    gates: Sequence[GateValue] = (),
    absent: str = "",
    is_mature: bool,
) -> Performance:
    """Return how good the answers were, held against a baseline.

    The verdict is `fail` when the whole interval of the difference is beyond what is allowed, so that a window no
    worse than allowed fails with a chance of at most half of one less the confidence, as far as intervals hold what
    they promise. It is `inconclusive` while truths are missing.

    Args:
        answers: The rows.
        settings: Metric, confidence and what is allowed.
        gates: What the gates of the versions measured; a baseline that the settings state goes first.
        absent: Why versions have none.
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
        allowed=settings.worse_than_reference,
        false_alarm_rate=(1 - settings.confidence) / 2,
    )
    if metric.is_binary and labelled and not np.isin(answers.truth[np.isfinite(answers.truth)], (0.0, 1.0)).all():
        return msgspec.structs.replace(
            found, reason=f"{metric.name} needs truths of yes or no; state the positive one."
        )
    try:
        measured = _measure(metric, answers, settings.confidence)
    except NotEnough as error:
        return msgspec.structs.replace(found, reason=f"{labelled} of {rows} rows have a truth: {error.message}.")
    low, high = (measured.low, measured.high) if is_mature else with_missing(metric, measured, share)
    found = msgspec.structs.replace(
        found,
        value=measured.value,
        low=finite(low),
        high=finite(high),
        clusters=measured.clusters,
        versions=_by_version(metric, answers),
    )
    told = _told(found)
    if not is_mature:
        return msgspec.structs.replace(found, reason=f"{told}; truths are still expected.")
    if share < settings.fewest_labels:
        few = f"{told}, which is under {settings.fewest_labels:.0%}: nothing is judged."
        return msgspec.structs.replace(found, reason=few)
    if settings.baseline is not None:
        stated = Baseline(value=settings.baseline, low=settings.baseline, high=settings.baseline)
        return _judge(metric, msgspec.structs.replace(found, baseline=stated), measured)
    return _beside_gates(metric, found, answers, settings, gates, absent)


def _beside_gates(
    metric: Metric,
    found: Performance,
    answers: Answers,
    settings: PerformanceSettings,
    gates: Sequence[GateValue],
    absent: str,
) -> Performance:
    known = _reached(metric, answers, gates)
    if not known:
        why = absent or "no version with a gate answered enough"
        alone = f"{_told(found)}; there is no baseline to compare with: {why}."
        return msgspec.structs.replace(found, verdict=Verdict.PASS.value, reason=alone)
    baseline = combined([known[place] for place in sorted(known)])
    compared = answers.where(np.isin(answers.gates, list(known)))
    return _judge(metric, msgspec.structs.replace(found, baseline=baseline), _within(metric, compared, settings))


def _reached(metric: Metric, answers: Answers, gates: Sequence[GateValue]) -> dict[int, GateValue]:
    """Return what the versions reached in the window beside what their gates measured; not those of too few rows."""
    found: dict[int, GateValue] = {}
    for place, gate in enumerate(gates):
        mine = answers.where(answers.gates == place)
        try:
            measured = estimate(metric, mine.truth, mine.score)
        except NotEnough:
            continue
        found[place] = msgspec.structs.replace(gate, answered=measured.rows, reached=measured.value)
    return found


def combined(gates: Sequence[GateValue]) -> Baseline:
    """Return what several gates together let expect, each counted by the rows that its version answered.

    Their hold-outs are of different days, so that their errors are taken as independent.

    Source:
        Zou and Donner, Construction of confidence limits about effect measures: a general approach, Statistics in
        Medicine 27 (2008).
    """
    total = sum(gate.answered for gate in gates)
    shares = [gate.answered / total for gate in gates]
    value = sum(share * gate.value for share, gate in zip(shares, gates, strict=True))
    below = math.hypot(*(share * (gate.value - gate.low) for share, gate in zip(shares, gates, strict=True)))
    above = math.hypot(*(share * (gate.high - gate.value) for share, gate in zip(shares, gates, strict=True)))
    return Baseline(value=value, low=value - below, high=value + above, gates=list(gates))


def _within(metric: Metric, answers: Answers, settings: PerformanceSettings) -> Estimate:
    """Return the metric within each version, counted by rows: a mix of versions ranks worse than any of them."""
    if len(np.unique(answers.gates)) == 1:
        return _measure(metric, answers, settings.confidence)
    known = answers.where(np.isfinite(answers.truth) & np.isfinite(answers.score))
    clusters = known.days if len(np.unique(known.days)) >= _FEWEST_DAYS else None
    return estimate_within(
        metric, known.truth, known.score, known.gates, clusters=clusters, confidence=settings.confidence
    )


def _measure(metric: Metric, answers: Answers, confidence: float) -> Estimate:
    days = len(np.unique(answers.days[np.isfinite(answers.truth)]))
    clusters = answers.days if days >= _FEWEST_DAYS else None
    return estimate(metric, answers.truth, answers.score, clusters=clusters, confidence=confidence)


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


def _judge(metric: Metric, found: Performance, measured: Estimate) -> Performance:
    """Return the judgement of a window that has a baseline."""
    baseline = found.baseline
    assert baseline is not None  # noqa: S101 - only then it is called
    low, high = difference_interval(measured, baseline)
    difference = measured.value - baseline.value
    verdict = _verdict(metric, difference, low, high, found.allowed)
    word = {Verdict.FAIL: "surely worse than", Verdict.WARN: "worse than", Verdict.PASS: "within"}[verdict]
    told = f"{_told(found)}{_by_gate(baseline, found)}, {word} {_against(metric, baseline, found.allowed)}"
    if verdict is Verdict.WARN:
        told += ", but not surely"
    return msgspec.structs.replace(
        found,
        verdict=verdict.value,
        difference=difference,
        difference_low=finite(low),
        difference_high=finite(high),
        reason=f"{told}: the difference is {difference:+.3f} ({low:+.3f} to {high:+.3f}).",
    )


def _verdict(metric: Metric, difference: float, low: float, high: float, allowed: float) -> Verdict:
    sign = 1 if metric.higher_is_better else -1
    good_end = high if metric.higher_is_better else low
    if sign * good_end < -allowed:
        return Verdict.FAIL
    return Verdict.WARN if sign * difference < -allowed else Verdict.PASS


def difference_interval(measured: Estimate, baseline: Baseline) -> tuple[float, float]:
    """Return the interval of a window's value less its baseline, from the intervals of both.

    The two are of different rows of different days, so that their errors are taken as independent; neither interval
    must be symmetric. With a baseline that was stated it is the window's own, moved.

    Source:
        Zou and Donner, Construction of confidence limits about effect measures: a general approach, Statistics in
        Medicine 27 (2008).
    """
    difference = measured.value - baseline.value
    below = math.hypot(measured.value - measured.low, baseline.high - baseline.value)
    above = math.hypot(measured.high - measured.value, baseline.value - baseline.low)
    return difference - below, difference + above


def _told(found: Performance) -> str:
    told = f"{found.metric} is {found.value or 0.0:.3f} ({_end(found.low)} to {_end(found.high)})"
    told += f" on {found.labelled} labelled rows of {found.rows}"
    return f"{told} in {found.clusters} days" if found.clusters else told


def _by_gate(baseline: Baseline, found: Performance) -> str:
    """Return what each version reached, where not one version answered everything."""
    gates = baseline.gates
    if not gates or [gate.answered for gate in gates] == [found.labelled]:
        return ""
    return "; " + ", ".join(f"{gate.ref} {gate.reached or 0.0:.3f} on {gate.answered}" for gate in gates)


def _against(metric: Metric, baseline: Baseline, allowed: float) -> str:
    word = "less" if metric.higher_is_better else "and"
    more = f" {word} {allowed:g}" if allowed else ""
    if not baseline.gates:
        return f"the baseline {baseline.value:.3f}{more}"
    names = " and ".join(gate.ref for gate in baseline.gates)
    place = "its gate" if len(baseline.gates) == 1 else "their gates"
    return f"what {names} had at {place}, {baseline.value:.3f}{',' if more else ''}{more}"


def _end(value: float | None) -> str:
    return "…" if value is None else f"{value:.3f}"
