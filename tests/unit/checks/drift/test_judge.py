import math

import numpy as np
import polars as pl
import pytest

from tidemill.checks.drift.jensen_shannon import jensen_shannon_distance
from tidemill.checks.drift.judge import drift_outcome, judge_drift
from tidemill.checks.drift.reference import CategoryReference, Reference, build_reference
from tidemill.checks.drift.summary import CategorySummary, Summary, summarise
from tidemill.checks.errors import InvalidParam, NotEnough
from tidemill.checks.outcome import Verdict

CELLS = 20
SHARES = np.full(CELLS, 1 / CELLS)
NAMES = tuple(f"v{index}" for index in range(CELLS))


def moved_by(effect):
    """Return shares at a given distance from even ones."""
    slope = np.linspace(-1, 1, CELLS)
    low, high = 0.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high)
            if jensen_shannon_distance(SHARES, SHARES * np.exp(middle * slope)) < effect
            else (low, middle)
        )
    moved = SHARES * np.exp(low * slope)
    return moved / moved.sum()


def window(rng, rows_then, rows_now, effects):
    """Return a reference and a window whose columns have true effects."""
    columns, summaries = [], []
    for index, effect in enumerate(effects):
        name = f"c{index}"
        then = tuple(rng.multinomial(rows_then, SHARES).tolist())
        now = tuple(rng.multinomial(rows_now, moved_by(effect)).tolist())
        columns.append(CategoryReference(name=name, values=NAMES, counts=then, other=0, nulls=0))
        summaries.append(CategorySummary(name=name, counts=now, other=0, nulls=0))
    return Reference(rows=rows_then, columns=tuple(columns)), Summary(rows=rows_now, columns=tuple(summaries))


@pytest.mark.parametrize(("rows_then", "rows_now"), [(20_000, 500), (50_000, 5000), (200_000, 200_000)])
def test_with_every_column_at_the_tolerance_windows_alarm_at_most_as_often_as_allowed(rows_then, rows_now):
    rng, rate, windows = np.random.default_rng(7), 0.1, 200
    alarms = 0
    for _ in range(windows):
        verdicts = judge_drift(*window(rng, rows_then, rows_now, [0.1] * 5), tolerance=0.1, false_alarm_rate=rate)
        alarms += any(one.verdict is Verdict.FAIL for one in verdicts)

    assert alarms / windows <= rate + 3 * math.sqrt(rate * (1 - rate) / windows)


def test_without_any_change_windows_practically_never_alarm():
    rng = np.random.default_rng(8)

    for _ in range(100):
        verdicts = judge_drift(*window(rng, 20_000, 1000, [0.0] * 5), false_alarm_rate=0.1)
        assert all(one.verdict is Verdict.PASS for one in verdicts)


@pytest.mark.parametrize("rows", [1000, 10_000, 100_000, 1_000_000])
@pytest.mark.parametrize(("effect", "verdict"), [(0.0, Verdict.PASS), (0.05, Verdict.PASS), (0.2, Verdict.FAIL)])
def test_the_verdict_is_that_of_the_effect_and_not_of_the_number_of_rows(rows, effect, verdict):
    rng = np.random.default_rng(9)

    for _ in range(20):
        (one,) = judge_drift(*window(rng, 50_000, rows, [effect]), false_alarm_rate=0.01)
        assert one.verdict is verdict
        assert one.effect == pytest.approx(effect, abs=0.06)


def test_so_few_rows_that_nothing_could_show_are_inconclusive():
    rng = np.random.default_rng(1)

    (one,) = judge_drift(*window(rng, 50_000, 20, [0.0]))

    assert one.verdict is Verdict.INCONCLUSIVE
    assert "too few rows" in one.reason


def test_an_effect_just_beyond_warns_until_the_rows_suffice():
    rng = np.random.default_rng(1)

    few = [judge_drift(*window(rng, 500_000, 1000, [0.12]))[0] for _ in range(50)]
    many = [judge_drift(*window(rng, 500_000, 500_000, [0.12]))[0] for _ in range(50)]

    assert all(one.verdict is Verdict.FAIL for one in many)
    assert sum(one.verdict is Verdict.WARN for one in few) > 25
    assert float(few[0].detectable or 0) > 0.12 > float(many[0].detectable or 0) > 0.1


def test_clustered_rows_weigh_less():
    reference, current = window(np.random.default_rng(2), 50_000, 2000, [0.16])

    (plain,) = judge_drift(reference, current)
    (clustered,) = judge_drift(reference, current, design_effect=10)

    assert clustered.p_value > plain.p_value
    assert float(clustered.effect or 0) < float(plain.effect or 0)


def test_columns_are_ranked_by_effect_times_importance():
    reference, current = window(np.random.default_rng(3), 50_000, 50_000, [0.1, 0.3, 0.2])

    assert [one.column for one in judge_drift(reference, current)] == ["c1", "c2", "c0"]
    assert [one.column for one in judge_drift(reference, current, weights={"c0": 10.0})] == ["c0", "c1", "c2"]


def frames(rows, **changes):
    rng = np.random.default_rng(4)
    base = {
        "x": pl.Series(rng.normal(size=rows)),
        "n": pl.Series(rng.integers(0, 5, rows)),
        "c": pl.Series(rng.choice(list("abc"), rows)),
        "flag": pl.Series(rng.random(rows) < 0.3),
        "constant": pl.Series(np.full(rows, 2.0)),
        "empty": pl.Series([None] * rows, dtype=pl.Float64),
    }
    return pl.DataFrame({**base, **{name: pl.Series(values) for name, values in changes.items()}})


CHANGES: dict[str, dict[str, list[object]]] = {
    "unit": {"x": (np.random.default_rng(4).normal(size=2000) * 1000).tolist()},
    "nulls": {"x": [None if i % 5 == 0 else float(i % 7) / 3 - 1 for i in range(2000)]},
    "new category": {"c": ["a", "b", "c", "zz"] * 500},
    "constant moved": {"constant": [3.0] * 2000},
    "constant below": {"constant": [1.0] * 2000},
    "empty filled": {"empty": [1.0] * 2000},
    "flag": {"flag": [True] * 2000},
    "infinite": {"x": [math.inf] * 2000},
}


@pytest.mark.parametrize("changed", CHANGES)
def test_a_gross_change_of_any_kind_fails_in_its_column_alone(changed):
    reference = build_reference(frames(20_000))
    (column,) = CHANGES[changed]

    verdicts = judge_drift(reference, summarise(frames(2000, **CHANGES[changed]), reference))

    assert [one.column for one in verdicts if one.verdict is Verdict.FAIL] == [column]
    assert verdicts[0].column == column
    assert verdicts[0].moved


def test_a_missing_column_is_inconclusive_and_the_others_are_judged():
    reference = build_reference(frames(5000))

    verdicts = judge_drift(reference, summarise(frames(2000).drop("x"), reference))

    missing = next(one for one in verdicts if one.column == "x")
    assert missing.verdict is Verdict.INCONCLUSIVE
    assert "missing" in missing.reason
    assert sum(one.verdict is Verdict.PASS for one in verdicts) == 5


def test_an_empty_window_is_inconclusive_everywhere():
    reference = build_reference(frames(5000))

    verdicts = judge_drift(reference, summarise(frames(0), reference))

    assert {one.verdict for one in verdicts} == {Verdict.INCONCLUSIVE}
    with pytest.raises(NotEnough):
        drift_outcome(verdicts, tolerance=0.1, false_alarm_rate=0.01)


def test_very_many_columns_are_judged():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{index}": rng.normal(size=200) for index in range(2000)})
    reference = build_reference(frame)

    verdicts = judge_drift(reference, summarise(frame, reference))

    assert len(verdicts) == 2000
    assert not any(one.verdict is Verdict.FAIL for one in verdicts)


@pytest.mark.parametrize(
    "params", [{"tolerance": 0}, {"tolerance": 1.5}, {"false_alarm_rate": 0}, {"design_effect": 0.5}]
)
def test_params_without_sense_are_refused(params):
    with pytest.raises(InvalidParam):
        judge_drift(*window(np.random.default_rng(0), 100, 100, [0.0]), **params)
