"""The rules of a gate as a project file writes them, read before anything is computed."""

from collections.abc import Mapping, Sequence

import msgspec

from tidemill.checks.check import Check
from tidemill.checks.performance.catalogue import parse_metric_rule
from tidemill.checks.performance.judged import MetricCheck
from tidemill.checks.registry import make_check
from tidemill.core.names import check_text, shown
from tidemill.core.nearest import did_you_mean
from tidemill.delivery.rules import InvalidGateRule

KINDS = ("metric", "check", "approval")
CONFIDENCE = 0.95
LONGEST_NAME = 200


class MetricRule(msgspec.Struct, frozen=True, kw_only=True):
    """`metric: roc_auc >= champion - 0.005`.

    Args:
        written: The rule as it is written.
        check: The metric's check; its two-sided interval is at `2 * confidence - 1`.
        confidence: Of the versions that do not meet the rule, at most `1 - confidence` pass.
        cluster: The column whose equal values mark rows that share their luck.
    """

    written: str
    check: MetricCheck
    confidence: float
    cluster: str | None = None

    @property
    def compares(self) -> bool:
        """Whether the rule holds the candidate against the champion."""
        return self.check.margin is not None


class CheckRule(msgspec.Struct, frozen=True, kw_only=True):
    """`check: leakage`, or `check: {slices: {by: [carrier], worst: ">= 0.6"}}`."""

    written: str
    check: Check
    metric: str = ""


class ApprovalRule(msgspec.Struct, frozen=True, kw_only=True):
    """`approval: reviewers`: a person other than who registered the version says yes."""

    written: str
    who: str


GateRule = MetricRule | CheckRule | ApprovalRule


def parse_gate(rules: Sequence[Mapping[str, object]]) -> list[GateRule]:
    """Return the rules of a gate.

    Raises:
        InvalidGateRule: If there is none, or one cannot be read.
        InvalidInput: If a metric, a check or a parameter is unknown or ill-typed; the hint names the nearest.
    """
    if not rules:
        raise InvalidGateRule("The gate has no rule", hint="Write at least one, such as metric: roc_auc >= 0.7.")
    return [_parse(rule) for rule in rules]


def _parse(rule: Mapping[str, object]) -> GateRule:
    kind = next((kind for kind in KINDS if kind in rule), "")
    if not kind:
        first = str(next(iter(rule), ""))
        raise InvalidGateRule(f"A gate has no rule {shown(first)}", hint=did_you_mean(first, KINDS))
    if kind == "metric":
        return _metric(rule)
    return _check(rule) if kind == "check" else _approval(rule)


def _metric(rule: Mapping[str, object]) -> MetricRule:
    _only(rule, ("metric", "confidence", "cluster"))
    text, cluster = rule["metric"], rule.get("cluster")
    if not isinstance(text, str) or not (cluster is None or isinstance(cluster, str)):
        raise InvalidGateRule(f"{written(rule)} is not a metric rule", hint="Write metric: roc_auc >= 0.7.")
    confidence = rule.get("confidence", CONFIDENCE)
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0.5 < confidence < 1:
        raise InvalidGateRule(
            f"A confidence of {shown(str(confidence))}", hint="Give a number above 0.5 and below 1, such as 0.95."
        )
    check = parse_metric_rule(text, confidence=2 * confidence - 1)
    return MetricRule(written=written(rule), check=check, confidence=float(confidence), cluster=cluster)


def _check(rule: Mapping[str, object]) -> CheckRule:
    _only(rule, ("check",))
    named = rule["check"]
    name: object = named
    params: object = {}
    if isinstance(named, Mapping) and len(named) == 1:
        ((name, params),) = named.items()
    if not isinstance(name, str) or not isinstance(params, Mapping):
        raise InvalidGateRule(
            f"{written(rule)} is not a check", hint="Write check: leakage, or check: {slices: {by: [carrier]}}."
        )
    return CheckRule(written=written(rule), check=make_check(name, params), metric=str(params.get("metric", "")))


def _approval(rule: Mapping[str, object]) -> ApprovalRule:
    _only(rule, ("approval",))
    who = rule["approval"]
    if not isinstance(who, str) or not who:
        raise InvalidGateRule(f"{written(rule)} names nobody", hint="Write approval: reviewers.")
    check_text(who, "who approves", LONGEST_NAME)
    return ApprovalRule(written=written(rule), who=who)


def _only(rule: Mapping[str, object], known: Sequence[str]) -> None:
    for key in rule:
        if key not in known:
            raise InvalidGateRule(f"{written(rule)} has a key {shown(str(key))}", hint=did_you_mean(str(key), known))


def written(rule: Mapping[str, object]) -> str:
    """Return a rule as a person writes it."""
    parts = []
    for key, value in rule.items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        parts.append(f"{key}: {text}")
    return ", ".join(parts)
