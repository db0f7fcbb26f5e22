"""Judges a model version by the rules of a gate, beside the champion on the same rows."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Outcome, Verdict
from tidemill.checks.performance.catalogue import parse_metric_rule
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.delivery.records import GateStatus, RuleResult
from tidemill.delivery.rules import InvalidGateRule
from tidemill.delivery.scoring import Scored, score_rows
from tidemill.models.ports import Predictor
from tidemill.models.records import ModelVersion

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

Rule = Mapping[str, object]
RunCheck = Callable[[str, Mapping[str, object], Inputs], Outcome]
_KINDS = ("metric", "check", "approval")
_CONFIDENCE = 0.95
_NO_CHAMPION = "there is no champion yet, so there is nothing to compare with"


class GateInput(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate judges on.

    Args:
        holdout: The reference of the rows that judge.
        training: The reference of the rows that the candidate learned from; empty when it is not known.
        label: The column that holds the truth.
        positive: Which value of it is the positive class.
        score: Which output of the model is its score; found by itself when empty.
        time: The column that says when a row happened.
    """

    holdout: str
    training: str = ""
    label: str = ""
    positive: str | int | float | bool | None = None
    score: str = ""
    time: str | None = None


class Judge:
    """Judges model versions.

    Args:
        load: Gives the predictor of a model version.
        read: Gives the rows that a reference names.
        run_check: Runs a check by its name with params.
    """

    def __init__(
        self,
        load: Callable[[ModelVersion], Predictor],
        read: "Callable[[str], pl.DataFrame]",
        run_check: RunCheck,
    ) -> None:
        self._load = load
        self._read = read
        self._run_check = run_check

    def judge(
        self, version: ModelVersion, champion: ModelVersion | None, rules: list[dict[str, object]], given: GateInput
    ) -> tuple[GateStatus, list[RuleResult], int]:
        """Return whether the gate opens, a result a rule, and how many rows judged.

        Raises:
            InvalidGateRule: If a rule cannot be read.
            HoldoutUnfit: If the rows lack the label or the model's inputs.
        """
        kinds = [_kind(rule) for rule in rules]
        scored = None
        if any(kind != "approval" for kind in kinds):
            scored = score_rows(
                self._read(given.holdout),
                self._load(version),
                self._load(champion) if champion else None,
                label=given.label,
                positive=given.positive,
                score=given.score,
            )
        results = [self._result(kind, rule, scored, given) for kind, rule in zip(kinds, rules, strict=True)]
        return _status(results), results, scored.rows if scored else 0

    def _result(self, kind: str, rule: Rule, scored: Scored | None, given: GateInput) -> RuleResult:
        if kind == "approval" or scored is None:
            who = str(rule[kind])
            return RuleResult(rule=_written(rule), verdict="waiting", reason=f"waits for the approval of {who}")
        if kind == "metric":
            return self._metric(rule, scored, given)
        return self._check(rule, scored, given)

    def _metric(self, rule: Rule, scored: Scored, given: GateInput) -> RuleResult:
        _only(rule, {"metric", "confidence", "cluster"})
        text, cluster = rule["metric"], rule.get("cluster")
        if not isinstance(text, str) or not (cluster is None or isinstance(cluster, str)):
            raise InvalidGateRule(f"{_written(rule)} is not a metric rule", hint="Write metric: roc_auc >= 0.7.")
        confidence = _confidence(rule)
        # One-sided: of all the versions that do not meet the rule, at most 1 - confidence get through.
        check = parse_metric_rule(text, cluster=cluster, confidence=2 * confidence - 1)
        if check.margin is not None and not scored.has_champion:
            return RuleResult(rule=_written(rule), verdict="pass", reason=_NO_CHAMPION)
        outcome = check.run(scored.inputs(check.name, time=given.time))
        result = _from_outcome(rule, outcome)
        cells = {str(row[0]): row[1] for row in outcome.table.rows if len(row) == 2}
        reached = cells.get("champion")
        return msgspec.structs.replace(
            result, confidence=confidence, champion=float(reached) if isinstance(reached, float) else None
        )

    def _check(self, rule: Rule, scored: Scored, given: GateInput) -> RuleResult:
        _only(rule, {"check"})
        named = rule["check"]
        if isinstance(named, str):
            name, params = named, {}
        elif isinstance(named, dict) and len(named) == 1:
            ((name, inner),) = named.items()
            params = inner if isinstance(inner, dict) else {}
        else:
            raise InvalidGateRule(f"{_written(rule)} is not a check", hint="Write check: leakage, or check: {slices: {…}}.")
        reference = self._read(given.training) if given.training else None
        latencies = scored.latencies_ms() if name == "latency" else ()
        inputs = scored.inputs(
            str(params.get("metric", "")), time=given.time, reference=reference, latencies_ms=latencies
        )
        return _from_outcome(rule, self._run_check(name, params, inputs))


def check_rules(rules: list[dict[str, object]]) -> None:
    """Let rules pass that can be read, before anything is computed.

    Raises:
        InvalidGateRule: If one cannot.
    """
    for rule in rules:
        kind = _kind(rule)
        if kind == "metric":
            confidence = _confidence(rule)
            parse_metric_rule(str(rule["metric"]), confidence=2 * confidence - 1)


def _kind(rule: Rule) -> str:
    for kind in _KINDS:
        if kind in rule:
            return kind
    first = next(iter(rule), "")
    raise InvalidGateRule(f"A gate has no rule {shown(str(first))}", hint=did_you_mean(str(first), _KINDS))


def _only(rule: Rule, known: set[str]) -> None:
    for key in rule:
        if key not in known:
            raise InvalidGateRule(f"{_written(rule)} has a key {shown(str(key))}", hint=did_you_mean(str(key), known))


def _confidence(rule: Rule) -> float:
    value = rule.get("confidence", _CONFIDENCE)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.5 < value < 1:
        raise InvalidGateRule(
            f"A confidence of {shown(str(value))}", hint="Give a number above 0.5 and below 1, such as 0.95."
        )
    return float(value)


def _written(rule: Rule) -> str:
    parts = []
    for key, value in rule.items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        parts.append(f"{key}: {text}")
    return ", ".join(parts)


def _from_outcome(rule: Rule, outcome: Outcome) -> RuleResult:
    """Return an outcome as a rule's result: what is not sure does not pass."""
    verdict = "inconclusive" if outcome.verdict is Verdict.WARN else outcome.verdict.value
    interval = outcome.interval
    details = [dict(zip(outcome.table.columns, row, strict=True)) for row in outcome.table.rows]
    return RuleResult(
        rule=_written(rule),
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


def _status(results: list[RuleResult]) -> GateStatus:
    verdicts = {result.verdict for result in results}
    if verdicts & {"fail", "inconclusive"}:
        return GateStatus.SHUT
    return GateStatus.WAITING if "waiting" in verdicts else GateStatus.OPEN

