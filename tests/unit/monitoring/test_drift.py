from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from tidemill.monitoring.drift import judge_window
from tidemill.monitoring.reference import TimeNotMoments, reference_from, variation_of
from tidemill.monitoring.service.counting import summarise_rows
from tidemill.monitoring.settings import DriftSettings

WEEK = timedelta(days=7)
START = datetime(2026, 1, 1, tzinfo=UTC)


def weathered(random, days, rows=60, swing=0.6):
    """Return rows whose days have a weather of their own, as rows of a season do."""
    day = np.repeat(np.arange(days), rows)
    x = random.normal(swing * random.normal(size=days)[day], 1)
    at = [START + timedelta(days=int(one)) for one in day]
    return pl.DataFrame({"at": at, "x": x, "kind": random.choice(["a", "b"], len(day))})


def verdict(reference, rows, window=WEEK, **settings):
    columns, found, reason, rate = judge_window(
        reference, summarise_rows(rows, reference), DriftSettings(**settings), window
    )
    return found, columns, reason, rate


def test_the_rate_of_false_alarms_is_what_was_stated():
    random = np.random.default_rng(11)
    alarms = looks = 0
    for _ in range(40):
        table = weathered(random, 60 + 70)
        training = table.filter(pl.col("at") < START + timedelta(days=60))
        reference = reference_from(training, "at")
        for week in range(10):
            first = START + timedelta(days=60 + 7 * week)
            rows = table.filter(pl.col("at").is_between(first, first + WEEK, closed="left"))
            found, *_ = verdict(reference, rows, tolerance=0.02)
            alarms += found == "fail"
            looks += 1
    assert alarms / looks <= 7 / 90


def test_a_change_beyond_what_the_training_data_did_is_found():
    random = np.random.default_rng(12)
    reference = reference_from(weathered(random, 60), "at")
    moved = weathered(random, 7).with_columns(pl.col("x") + 2.5)
    found, columns, reason, _ = verdict(reference, moved)
    assert (found, columns[0].column, columns[0].verdict) == ("fail", "x", "fail")
    assert columns[0].tolerance > 0.1
    assert "x at" in reason


def test_a_column_that_varies_has_a_wider_tolerance_than_one_that_does_not():
    found = variation_of(reference_from(weathered(np.random.default_rng(13), 60), "at"), WEEK, 0.01)
    assert found["x"].limit > 2 * found["kind"].limit
    assert found["x"].largest <= found["x"].limit
    assert found["x"].blocks == 8


def test_without_time_only_the_stated_tolerance_holds():
    table = weathered(np.random.default_rng(14), 60)
    reference = reference_from(table.drop("at"))
    assert variation_of(reference, WEEK, 0.01) == {}
    _, columns, _, _ = verdict(reference, table)
    assert {column.tolerance for column in columns} == {0.1}


def test_important_columns_come_first_among_those_that_moved():
    random = np.random.default_rng(15)
    table = pl.DataFrame({"much": random.normal(size=5000), "little": random.normal(size=5000)})
    moved = table.select(pl.all() + 1)
    reference = reference_from(table, weights={"much": 9.0, "little": 1.0})
    _, columns, _, _ = verdict(reference, moved)
    assert [column.column for column in columns] == ["much", "little"]
    assert columns[0].weight == pytest.approx(1.8)


def test_what_training_never_saw_is_told():
    table = pl.DataFrame({"x": np.linspace(0, 1, 1000), "kind": ["a", "b"] * 500})
    reference = reference_from(table)
    strange = pl.DataFrame({"x": [0.5] * 50 + [7.0] * 50, "kind": ["a"] * 75 + ["z"] * 25})
    _, columns, _, _ = verdict(reference, strange)
    assert {column.column: column.outside for column in columns} == {"x": 0.5, "kind": 0.25}


def test_few_rows_decide_nothing():
    reference = reference_from(weathered(np.random.default_rng(16), 60), "at")
    found, _, reason, _ = verdict(reference, weathered(np.random.default_rng(17), 1, rows=3))
    assert found == "inconclusive"
    assert "too few rows" in reason


@pytest.mark.parametrize("time", ["kind", "missing", "x"])
def test_a_time_column_without_moments_is_refused(time):
    with pytest.raises(TimeNotMoments):
        reference_from(weathered(np.random.default_rng(18), 5), time)


@pytest.mark.parametrize("days", [1, 3, 900])
def test_short_and_long_tables_have_blocks_too(days):
    found = reference_from(weathered(np.random.default_rng(19), days, rows=5), "at")
    assert 1 <= len(found.blocks["x"]) <= 401
    variation_of(found, WEEK, 0.01)
