"""Judges a model version by the rules of a gate, beside the champion on the same rows."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.errors import NotEnough
from tidemill.checks.outcome import Outcome, Verdict
from tidemill.checks.performance.judged import MetricCheck
from tidemill.checks.performance.latency import Latency
from tidemill.core.lazy import lazy
from tidemill.delivery.gate_rules import ApprovalRule, CheckRule, GateRule, MetricRule
from tidemill.delivery.records import GateStatus, Measure, RuleResult
from tidemill.delivery.scoring import DAY, Scored, score_rows
from tidemill.models.ports import Predictor
from tidemill.models.records import ModelVersion

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

NO_CHAMPION = "There is no champion yet, so there is nothing to compare with."


class GateInput(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate judges on.

    Args:
        holdout: The reference of the rows that judge.
        training: The reference of the rows that the candidate learned from; empty when it is not known.
        label: The column that holds the truth.
        positive: Which value of it is the positive class.
        score: Which output of the model is its score; found by itself when empty.
        time: The column that says when a row happened; rows of one day are judged as one group.
    """

    holdout: str
    training: str = ""
    label: str = ""
    positive: str | float | bool | None = None
    score: str = ""
    time: str | None = None


class Judge:
    """Judges model versions.

    Args:
        load: Gives the predictor of a model version.
        read: Gives the rows that a reference names.
    """

    def __init__(self, load: Callable[[ModelVersion], Predictor], read: "Callable[[str], pl.DataFrame]") -> None:
        self._load = load
        self._read = read

    def judge(
        self, version: ModelVersion, champion: ModelVersion | None, rules: list[GateRule], given: GateInput
    ) -> tuple[GateStatus, list[RuleResult], int]:
        """Return whether the gate opens, a result a rule, and how many rows judged.

        Raises:
            HoldoutUnfit: If the rows lack the label, the time or the model's inputs.
            InvalidInput: If a rule names a column that is not there.
        """
        if all(isinstance(rule, ApprovalRule) for rule in rules):
            results = [_waiting(rule) for rule in rules if isinstance(rule, ApprovalRule)]
            return status_of(results), results, 0
        compares = any(isinstance(rule, MetricRule) and rule.compares for rule in rules)
        scored = score_rows(
            self._read(given.holdout),
            self._load(version),
            self._load(champion) if champion and compares else None,
            label=given.label,
            positive=given.positive,
            score=given.score,
            time=given.time,
        )
        training = None
        if given.training and any(isinstance(rule, CheckRule) for rule in rules):
            training = self._read(given.training)
        results = [_result(rule, scored, training) for rule in rules]
        return status_of(results), results, scored.rows


def _result(rule: GateRule, scored: Scored, training: "pl.DataFrame | None") -> RuleResult:
    if isinstance(rule, ApprovalRule):
        return _waiting(rule)
    if isinstance(rule, MetricRule):
        return _metric(rule, scored)
    latencies = scored.latencies_ms() if isinstance(rule.check, Latency) else []
    outcome = rule.check.run(scored.inputs(rule.metric, training=training, latencies_ms=latencies))
    return _from_outcome(rule.written, outcome)


def _metric(rule: MetricRule, scored: Scored) -> RuleResult:
    cluster = rule.cluster or (DAY if scored.time else None)
    check = msgspec.structs.replace(rule.check, cluster=cluster)
    measured = _by_itself(check, scored)
    if rule.compares and not scored.has_champion:
        return RuleResult(rule=rule.written, verdict="pass", reason=NO_CHAMPION, measured=measured)
    outcome = check.run(scored.inputs(check.name))
    cells = {str(row[0]): row[1] for row in outcome.table.rows if len(row) == 2}
    reached, own = cells.get("champion"), cells.get("candidate")
    result = msgspec.structs.replace(_from_outcome(rule.written, outcome), measured=measured)
    if not isinstance(reached, float) or not isinstance(own, float):
        return result
    return msgspec.structs.replace(result, champion=reached, candidate=own)


def _by_itself(check: MetricCheck, scored: Scored) -> Measure | None:
    try:
        found = check.measured(scored.inputs(check.name))
    except NotEnough:
        return None  # the outcome of the rule says why
    return Measure(
        metric=found.metric,
        value=found.value,
        low=found.low,
        high=found.high,
        confidence=found.confidence,
        rows=found.rows,
        clusters=found.clusters,
    )


def _waiting(rule: ApprovalRule) -> RuleResult:
    return RuleResult(rule=rule.written, verdict="waiting", reason=f"Waits for the approval of {rule.who}.")


def _from_outcome(rule: str, outcome: Outcome) -> RuleResult:
    """Return an outcome as a rule's result: what is not sure does not pass."""
    verdict = "inconclusive" if outcome.verdict is Verdict.WARN else outcome.verdict.value
    interval = outcome.interval
    details: list[dict[str, object]] = [
        dict(zip(outcome.table.columns, row, strict=True)) for row in outcome.table.rows
    ]
    return RuleResult(
        rule=rule,
        verdict=verdict,
        reason=outcome.reason,
        value=outcome.value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        confidence=interval.confidence if interval else None,
        threshold=outcome.threshold,
        error_rate=outcome.error_rate,
        details=details,
    )


def status_of(results: list[RuleResult]) -> GateStatus:
    """Return where a gate stands by the results of its rules."""
    verdicts = {result.verdict for result in results}
    if verdicts & {"fail", "inconclusive"}:
        return GateStatus.SHUT
    return GateStatus.WAITING if "waiting" in verdicts else GateStatus.OPEN
