"""A rule that cannot be read is refused before anything is computed, and the hint names the nearest word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.errors import InvalidInput
from tidemill.delivery.gate_rules import ApprovalRule, CheckRule, MetricRule, parse_gate


def test_each_kind_of_rule_is_read():
    rules: list[dict[str, object]] = [
        {"metric": "roc_auc >= champion - 0.005", "cluster": "day", "confidence": 0.9},
        {"check": "leakage"},
        {"check": {"slices": {"by": ["carrier"], "metric": "roc_auc", "worst": ">= 0.60"}}},
        {"check": {"latency": {"p99_ms": "< 5"}}},
        {"approval": "reviewers"},
    ]
    metric, leakage, slices, latency, approval = parse_gate(rules)
    assert isinstance(metric, MetricRule)
    assert (metric.compares, metric.cluster, metric.confidence) == (True, "day", 0.9)
    assert metric.check.confidence == pytest.approx(0.8)
    assert isinstance(leakage, CheckRule)
    assert isinstance(slices, CheckRule)
    assert (slices.metric, slices.check.name) == ("roc_auc", "slices")
    assert isinstance(latency, CheckRule)
    assert isinstance(approval, ApprovalRule)
    assert approval.written == "approval: reviewers"


@pytest.mark.parametrize(
    ("rule", "code", "hint"),
    [
        ({"metrik": "roc_auc >= 0.7"}, "invalid_gate_rule", "metric"),
        ({}, "invalid_gate_rule", ""),
        ({"metric": "roc_acu >= 0.7"}, "unknown_metric", "roc_auc"),
        ({"metric": "roc_auc <= 0.7"}, "invalid_param", ">="),
        ({"metric": "roc_auc"}, "invalid_param", ""),
        ({"metric": 0.7}, "invalid_gate_rule", ""),
        ({"metric": "roc_auc >= 0.7", "clutser": "day"}, "invalid_gate_rule", "cluster"),
        ({"metric": "roc_auc >= 0.7", "confidence": 0.2}, "invalid_gate_rule", ""),
        ({"metric": "roc_auc >= 0.7", "confidence": True}, "invalid_gate_rule", ""),
        ({"metric": "roc_auc >= 0.7", "check": "leakage"}, "invalid_gate_rule", ""),
        ({"check": "leakag"}, "unknown_check", "leakage"),
        ({"check": {"slices": {"bye": ["a"]}}}, "invalid_param", "by"),
        ({"check": {"latency": 5}}, "invalid_gate_rule", ""),
        ({"check": ["leakage"]}, "invalid_gate_rule", ""),
        ({"check": {"a": {}, "b": {}}}, "invalid_gate_rule", ""),
        ({"approval": ""}, "invalid_gate_rule", ""),
        ({"approval": "x\0y"}, "invalid_text", ""),
    ],
)
def test_what_cannot_be_read_is_refused(rule, code, hint):
    with pytest.raises(InvalidInput) as caught:
        parse_gate([rule])
    assert caught.value.code == code
    assert hint in caught.value.hint
    assert caught.value.hint


def test_a_gate_without_rules_is_no_gate():
    with pytest.raises(InvalidInput, match="no rule"):
        parse_gate([])


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["metric", "check", "approval", "confidence", "cluster", "x"]), plain))
def test_whatever_is_written_is_read_or_refused_with_a_hint(rule):
    try:
        read, hint = len(parse_gate([rule])), ""
    except InvalidInput as error:
        read, hint = 0, error.hint
    assert read == 1 or hint
