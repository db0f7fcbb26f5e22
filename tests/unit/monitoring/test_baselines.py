"""What a window is held against comes from the gate report of the deployment that answered most of it."""

import pytest
import sqlalchemy as sa

from tidemill.core.access import OWNER
from tidemill.core.digests import parse_digest
from tidemill.core.moments import utc_now
from tidemill.delivery import store as delivery
from tidemill.delivery.records import GateReport, GateStatus, Measure, RuleResult
from tidemill.monitoring.records import Trigger
from tidemill.monitoring.service.baselines import gate_value
from tidemill.monitoring.settings import HysteresisSettings, PerformanceSettings, RetrainSettings

DIGEST = parse_digest("a" * 64)
WATCH = PerformanceSettings(metric="accuracy", worse_than_reference=0.05)


def measured(value=0.68, *, metric="accuracy", confidence=0.8, clusters=14):
    return Measure(
        metric=metric,
        value=value,
        low=value - 0.02,
        high=value + 0.01,
        confidence=confidence,
        rows=5000,
        clusters=clusters,
    )


def deploy(house, number, *results, gated=True):
    """Record a deployment `dN` of version N, and the gate report that let it pass."""
    report = {
        "id": f"g{number}",
        "model": "delay",
        "version": number,
        "digest": DIGEST,
        "champion": None,
        "status": "open",
        "results": list(results),
        "rows": 5000,
        "holdout": f"artifact:{DIGEST}",
        "created_at": utc_now(),
        "created_by": "owner",
    }
    deployment = {
        "id": f"d{number}",
        "endpoint": "delay",
        "number": number,
        "model": "delay",
        "version": number,
        "model_version_id": f"v{number}",
        "digest": DIGEST,
        "gate_report": f"g{number}" if gated else None,
        "created_at": utc_now(),
        "created_by": "owner",
    }

    def work(tx):
        tx.execute(sa.insert(delivery.gate_reports), report)
        tx.execute(sa.insert(delivery.deployments), deployment)

    house.ledger.write(OWNER, work)


def rule(found, text="metric: accuracy >= champion, confidence: 0.9"):
    return RuleResult(rule=text, verdict="pass", reason="", measured=found)


def first(house):
    house.tick()
    return house.status().windows[0].performance


def test_the_gates_value_of_the_served_version_is_the_baseline(house):
    deploy(house, 1, RuleResult(rule="check: leakage", verdict="pass", reason=""), rule(measured()))
    house.configure(performance=WATCH)
    house.day(0)
    house.day(1, rows=2)
    found = first(house)
    (gate,) = found.baseline.gates
    assert (found.baseline.value, gate.ref, gate.gate_report) == (0.68, "delay@1", "g1")
    assert (gate.rows, gate.clusters, gate.answered, gate.reached) == (5000, 14, 400, found.value)
    assert found.difference == pytest.approx(found.value - 0.68)
    assert "what delay@1 had at its gate, 0.680, less 0.05" in found.reason


@pytest.mark.parametrize(
    ("gated", "results", "why"),
    [
        (False, [rule(measured())], "delay@1 was deployed without a gate"),
        (True, [rule(measured(metric="roc_auc"))], "the gate of delay@1 measured no accuracy"),
        (True, [rule(None)], "the gate of delay@1 measured no accuracy"),
    ],
)
def test_a_version_without_a_baseline_is_told_with_the_reason(house, gated, results, why):
    deploy(house, 1, *results, gated=gated)
    house.configure(performance=WATCH)
    house.day(0, skill=0.0)
    house.day(1, rows=2)
    found = first(house)
    assert (found.baseline, found.verdict) == (None, "pass")
    assert found.reason.endswith(f"no baseline to compare with: {why}.")


def test_each_version_has_a_baseline_of_its_own(house):
    deploy(house, 1, rule(measured(0.68)))
    deploy(house, 2, rule(measured(0.61)))
    house.configure(performance=WATCH)
    house.day(0)
    house.day(1, deployment="d2", version=2)
    house.day(2, rows=2)
    house.tick()
    assert [one.performance.baseline.value for one in house.status().windows[:2]] == [0.68, 0.61]


def test_a_window_of_two_versions_is_held_against_both_gates_by_their_rows(house):
    deploy(house, 1, rule(measured(0.68)))
    deploy(house, 2, rule(measured(0.61)))
    house.configure(performance=WATCH)
    house.day(0)
    house.day(0, rows=100, seed=3, deployment="d2", version=2)
    house.day(1, rows=2)
    found = first(house)
    assert found.baseline.value == pytest.approx(0.8 * 0.68 + 0.2 * 0.61)
    reached = 0.8 * found.versions["1"] + 0.2 * found.versions["2"]
    assert found.difference == pytest.approx(reached - found.baseline.value)
    assert [(gate.ref, gate.answered) for gate in found.baseline.gates] == [("delay@1", 400), ("delay@2", 100)]


def test_a_stated_baseline_goes_first(house):
    deploy(house, 1, rule(measured()))
    house.configure(performance=PerformanceSettings(metric="accuracy", baseline=0.9))
    house.day(0)
    house.day(1, rows=2)
    found = first(house).baseline
    assert (found.value, found.low, found.high, found.gates) == (0.9, 0.9, 0.9, [])


def test_an_interval_is_stretched_to_the_confidence_of_the_window():
    report = GateReport(
        id="g",
        model="delay",
        version=3,
        digest=DIGEST,
        champion=None,
        status=GateStatus.OPEN,
        results=[],
        rows=1,
        holdout="",
        created_at=utc_now(),
        created_by="owner",
    )
    same = gate_value(report, measured(0.68, confidence=0.9), 0.9)
    assert [same.low, same.high] == pytest.approx([0.66, 0.69])
    wider = gate_value(report, measured(0.68, clusters=0), 0.9)
    assert (0.68 - wider.low) / 0.02 == pytest.approx(1.6449 / 1.2816, rel=1e-3)
    assert (wider.high - 0.68) / 0.01 == pytest.approx(1.6449 / 1.2816, rel=1e-3)
    assert (0.68 - gate_value(report, measured(0.68), 0.9).low) / 0.02 == pytest.approx(1.7709 / 1.3502, rel=1e-3)


def test_worse_than_at_the_gate_alerts_with_hysteresis_and_retrains(house):
    deploy(house, 1, rule(measured()))
    retrain = RetrainSettings(on=["performance"])
    house.configure(performance=WATCH, retrain=retrain, hysteresis=HysteresisSettings(open_after=2, close_after=1))
    followed: list[Trigger] = []
    house.monitoring.on_trigger = followed.append
    house.day(0, skill=0.0)
    house.day(1, skill=0.0)
    house.tick()
    assert house.monitoring.list_alerts(OWNER) == []
    house.day(2)
    house.tick()
    (alert,) = house.monitoring.list_alerts(OWNER)
    assert (alert.kind, alert.state, alert.bad_windows) == ("performance", "open", 2)
    assert "surely worse than what delay@1 had at its gate" in alert.reason
    assert alert.facts["baseline"]["gates"][0]["gate_report"] == "g1"
    assert alert.facts["false_alarm_rate"] == pytest.approx(0.05)
    assert [(one.cause, one.alert) for one in followed] == [("performance", alert.id)]
    house.day(3, rows=2)
    house.tick()
    assert house.monitoring.get_alert(OWNER, id=alert.id).state == "closed"
