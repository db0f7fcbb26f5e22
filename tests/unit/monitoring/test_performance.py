"""How good a window was, held against what the gate of its version measured."""

import msgspec
import numpy as np
import pytest

from tidemill.checks.performance.catalogue import find_metric
from tidemill.checks.performance.metric import estimate
from tidemill.monitoring.performance import Answers, combined, difference_interval, judge_performance
from tidemill.monitoring.records import Baseline, GateValue
from tidemill.monitoring.settings import PerformanceSettings

SETTINGS = PerformanceSettings(metric="roc_auc", worse_than_reference=0.0)


def answers(random, *, days, rows=150, skill=0.6, own=None):
    """Return rows of some days; each day has a difficulty of its own, so that its rows share their luck."""
    day = np.repeat(np.arange(days), rows)
    truth = (random.random(days * rows) < 0.3).astype(float)
    score = (skill + 0.4 * random.normal(size=days)[day]) * truth + random.normal(size=days * rows)
    gates = np.zeros(days * rows, dtype=np.int64) if own is None else own(day)
    return Answers(truth=truth, score=score, days=day, versions=gates + 1, gates=gates)


def gate(lot, confidence=0.9):
    found = estimate(find_metric("roc_auc"), lot.truth, lot.score, clusters=lot.days, confidence=confidence)
    return GateValue(
        value=found.value,
        low=found.low,
        high=found.high,
        rows=found.rows,
        clusters=found.clusters,
        model="delay",
        version=2,
        gate_report="g",
    )


def judged(lot, *gates, settings=SETTINGS, **more):
    return judge_performance(lot, settings, gates=gates, is_mature=True, **more)


def stated(value, *, metric="roc_auc", allowed=0.0):
    return PerformanceSettings(metric=metric, worse_than_reference=allowed, baseline=value)


def test_a_window_as_good_as_the_gate_fails_no_more_often_than_stated():
    random = np.random.default_rng(5)
    runs = 400
    lots = [(answers(random, days=30, rows=60), answers(random, days=14, rows=60)) for _ in range(runs)]
    found = [judged(window, gate(holdout)) for window, holdout in lots]
    failed = sum(one.verdict == "fail" for one in found)
    assert found[0].false_alarm_rate == pytest.approx(0.05)
    assert failed / runs < 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    as_if_sure = [judged(window, settings=stated(gate(holdout).value)) for window, holdout in lots]
    assert sum(one.verdict == "fail" for one in as_if_sure) > 2 * max(failed, 10)  # the hold-out's own chance counts


def test_a_window_that_is_surely_worse_fails_and_says_against_what():
    random = np.random.default_rng(1)
    baseline = gate(answers(random, days=14, skill=1.5))
    found = judged(answers(random, days=30, skill=0.1), baseline)
    assert found.verdict == "fail"
    assert found.difference == pytest.approx(found.value - baseline.value)
    assert found.difference_low < found.difference < found.difference_high < 0
    told = f"what delay@2 had at its gate, {baseline.value:.3f}: the difference is {found.difference:+.3f}"
    assert f"surely worse than {told}" in found.reason
    (kept,) = found.baseline.gates
    assert (kept.gate_report, kept.answered, kept.reached) == ("g", found.labelled, found.value)


def test_a_window_that_is_worse_by_chance_perhaps_only_warns():
    random = np.random.default_rng(2)
    lot = answers(random, days=30)
    near = gate(lot)
    better = msgspec.structs.replace(near, value=near.value + 0.005, high=near.high + 0.005)
    found = judged(lot, better)
    assert (found.verdict, "but not surely" in found.reason) == ("warn", True)
    assert judged(lot, better, settings=PerformanceSettings(worse_than_reference=0.01)).verdict == "pass"


def test_each_version_is_held_against_its_own_gate_and_counts_by_its_rows():
    random = np.random.default_rng(3)
    lot = answers(random, days=30, own=lambda day: (day >= 10).astype(np.int64))
    gates = [gate(answers(random, days=14, skill=skill)) for skill in (0.4, 0.9)]
    gates[0] = msgspec.structs.replace(gates[0], version=1)
    found = judged(lot, *gates)
    parts = [judged(lot.where(lot.gates == place), *gates) for place in (0, 1)]
    assert found.difference == pytest.approx((parts[0].difference + 2 * parts[1].difference) / 3)
    assert found.baseline.value == pytest.approx((gates[0].value + 2 * gates[1].value) / 3)
    assert f"; delay@1 {parts[0].value:.3f} on 1500, delay@2 {parts[1].value:.3f} on 3000, " in found.reason
    assert "what delay@1 and delay@2 had at their gates" in found.reason
    widths = [one.difference_high - one.difference_low for one in (found, *parts)]
    assert widths[0] < min(widths[1:])


def test_a_window_of_two_versions_as_good_as_their_gates_fails_no_more_often_than_stated():
    random = np.random.default_rng(9)
    failed, runs = 0, 200
    for _ in range(runs):
        lot = answers(random, days=30, rows=60, own=lambda day: (day >= 12).astype(np.int64))
        gates = [gate(answers(random, days=14, rows=60)) for _ in range(2)]
        failed += judged(lot, *gates).verdict == "fail"
    assert failed / runs < 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_rows_of_a_version_without_a_gate_are_told_and_not_held_against_another():
    random = np.random.default_rng(3)
    lot = answers(random, days=30, own=lambda day: np.where(day >= 10, 0, -1))
    spoiled = msgspec.structs.replace(lot, score=np.where(lot.gates == 0, lot.score, -lot.score))
    holdout = gate(answers(random, days=14))
    found, alone = judged(spoiled, holdout), judged(spoiled.where(lot.gates == 0), holdout)
    assert found.value < alone.value
    assert (found.difference, found.difference_low) == (alone.difference, alone.difference_low)
    assert f"; delay@2 {alone.value:.3f} on 3000, " in found.reason


def test_without_a_baseline_the_reason_says_why():
    lot = answers(np.random.default_rng(4), days=5, own=lambda day: day * 0 - 1)
    found = judged(lot, absent="delay@2 was deployed without a gate")
    assert (found.verdict, found.baseline, found.difference) == ("pass", None, None)
    assert found.reason.endswith("no baseline to compare with: delay@2 was deployed without a gate.")
    silent = judged(lot, gate(answers(np.random.default_rng(6), days=14)))
    assert (silent.verdict, silent.baseline) == ("pass", None)
    assert "no version with a gate answered enough" in silent.reason


def test_a_smaller_loss_is_better():
    random = np.random.default_rng(7)
    truth = random.normal(size=600)
    days = np.repeat(np.arange(6), 100)
    lot = Answers(truth=truth, score=truth + 0.5, days=days, versions=days * 0 + 1, gates=days * 0)
    settings = PerformanceSettings(metric="mae", worse_than_reference=0.1)
    at_gate = GateValue(model="m", version=1, gate_report="g", value=0.3, low=0.29, high=0.31, rows=9)
    bad = judged(lot, at_gate, settings=settings)
    assert (bad.verdict, "at its gate, 0.300, and 0.1" in bad.reason) == ("fail", True)
    assert judged(lot, settings=stated(0.45, metric="mae", allowed=0.1)).verdict == "pass"


def test_the_interval_of_a_stated_baseline_is_the_windows_own():
    lot = answers(np.random.default_rng(8), days=10)
    measured = estimate(find_metric("roc_auc"), lot.truth, lot.score, clusters=lot.days, confidence=0.9)
    low, high = difference_interval(measured, Baseline(value=0.6, low=0.6, high=0.6))
    assert [low, high] == pytest.approx([measured.low - 0.6, measured.high - 0.6])


def test_several_gates_are_surer_than_one():
    one = GateValue(model="m", version=1, gate_report="g", value=0.7, low=0.66, high=0.74, rows=9, answered=50)
    found = combined([one, msgspec.structs.replace(one, version=2)])
    assert [found.value, 0.7 - found.low] == pytest.approx([0.7, 0.04 / 2**0.5])
    alone = combined([one])
    assert [alone.low, alone.high] == pytest.approx([0.66, 0.74])
