from datetime import timedelta

import polars as pl
import pytest

from tidemill.core.access import OWNER
from tidemill.core.moments import to_ms
from tidemill.monitoring.settings import DriftSettings, MonitorSettings, PerformanceSettings


def starts(house, **more):
    return [(window.start.day, window.state.value, window.rows) for window in house.status(**more).windows]


def test_rows_land_in_the_window_of_their_event(house, days):
    house.answer(days(3, rows=10))
    house.tick()
    assert starts(house) == [(1, "closed", 10), (2, "closed", 10), (3, "open", 10)]


def test_a_window_closes_when_the_data_has_moved_on(house, days):
    house.configure(lateness="12h")
    house.answer(days(1, rows=24))
    house.answer(days(1, rows=2, start=days(2)["happened"][-1]))
    house.tick()
    assert starts(house)[0][1] == "closed"


def test_rows_out_of_order_open_their_window_again(house, days, march):
    house.answer(days(3, rows=10))
    house.tick()
    assert starts(house)[0] == (1, "closed", 10)
    house.answer(days(1, rows=5, seed=9))
    found = house.tick()
    assert found.windows == {"delay": [march]}
    assert starts(house)[0] == (1, "closed", 15)
    assert house.status().windows[0].reopened == 1


def test_many_passes_give_the_same_windows_as_one(house, days):
    table = days(4, rows=30)
    for at in range(0, 120, 10):
        house.answer(table.slice(at, 10))
        house.tick()
    apart = house.status().windows
    house.configure(window="7d")
    house.tick()
    house.configure(window="1d")
    house.tick()
    together = house.status().windows
    assert [(one.start, one.rows, one.latency, one.versions) for one in apart] == [
        (one.start, one.rows, one.latency, one.versions) for one in together
    ]


def test_another_length_counts_everything_anew(house, days):
    house.answer(days(5, rows=10))
    house.tick()
    house.configure(window="1mo")
    house.tick()
    assert starts(house) == [(1, "open", 50)]


def test_traffic_is_told_by_version(house, days):
    house.answer(days(1, rows=30))
    house.answer(days(1, rows=10), deployment="d2", version=2)
    house.tick()
    (window,) = house.status().windows
    assert [(one.version, one.rows, one.share) for one in window.versions] == [(1, 30, 0.75), (2, 10, 0.25)]


def test_latencies_are_told_within_a_tenth(house):
    for ms in range(1, 101):
        house.write(house.frame({"x": [1.0]}, {"probability": [0.5]}, ms=float(ms)))
    house.tick()
    latency = house.status().windows[-1].latency
    assert latency.p50 == pytest.approx(50, rel=0.1)
    assert latency.p95 == pytest.approx(95, rel=0.1)
    assert latency.p99 == pytest.approx(99, rel=0.1)


def test_a_reference_that_comes_later_is_used_for_what_was_counted(house, days):
    house.configure(drift=DriftSettings())
    house.answer(days(3, rows=300, seed=1))
    house.tick()
    assert house.status().windows[0].drift is None
    house.train(days(20, seed=2))
    house.tick()
    found = house.status().windows[0].drift
    assert found.verdict == "pass"
    assert {one.column for one in found.columns} == {"x", "kind", "output.probability"}


def test_drift_is_told_with_the_column_that_moved_most_first(house, days):
    house.configure(drift=DriftSettings())
    house.train(days(30, seed=2))
    moved = days(2, rows=500, seed=3).with_columns(pl.col("x") + 4)
    house.answer(moved)
    house.tick()
    found = house.status().windows[0].drift
    assert found.verdict == "fail"
    assert found.columns[0].column == "x"
    assert found.columns[0].outside > 0.3
    assert "outside the training data" in found.reason


def test_the_first_window_is_not_judged_when_it_began_before_the_data(house, days, march):
    house.configure(drift=DriftSettings(), window="2d")
    house.train(days(30, seed=2))
    house.answer(days(4, rows=300, seed=3, start=march + timedelta(days=3, hours=12)))
    house.tick()
    windows = house.status().windows
    assert windows[0].drift is None
    assert windows[1].drift is not None


def test_performance_is_told_with_an_interval(house, days):
    house.configure(window="5d", performance=PerformanceSettings(baseline=0.75))
    table = days(11, rows=200, seed=4)
    ids = house.answer(table)
    house.tell(ids, table["truth"].to_list())
    house.tick()
    found = house.status().windows[1].performance
    assert found.low < found.value < found.high
    assert (found.verdict, found.is_mature, found.share) == ("pass", True, 1.0)
    assert found.clusters >= 3


def test_truths_that_come_late_change_the_judgement(house, days):
    house.configure(performance=PerformanceSettings(baseline=0.9, label_delay="1d"))
    table = days(2, rows=300, seed=4)
    ids = house.answer(table)
    house.tick()
    first = house.status().windows[0].performance
    assert (first.verdict, first.labelled) == ("inconclusive", 0)
    house.tell(ids[:30], table["truth"].to_list()[:30])
    house.tick()
    early = house.status().windows[0].performance
    assert (early.verdict, early.labelled, early.is_mature) == ("inconclusive", 30, False)
    assert (early.low, early.high) == (pytest.approx(0, abs=0.05), pytest.approx(1, abs=0.05))
    house.tell(ids, table["truth"].to_list())
    house.tick()
    last = house.status().windows[0].performance
    assert (last.verdict, last.labelled, last.is_mature) == ("fail", 300, True)


def test_a_window_ripens_by_itself_when_the_data_moves_on(house, days, march):
    house.configure(performance=PerformanceSettings(baseline=0.9, label_delay="2d"))
    table = days(2, rows=300, seed=4)
    ids = house.answer(table)
    house.tell(ids[:200], table["truth"].to_list()[:200])
    house.tick()
    assert house.status().windows[0].performance.is_mature is False
    house.answer(days(1, rows=10, start=march + timedelta(days=4)))
    found = house.tick()
    assert march in found.windows["delay"]
    assert house.status().windows[0].performance.is_mature is True


def test_a_corrected_truth_is_judged_again(house, days):
    house.configure(performance=PerformanceSettings(metric="accuracy", baseline=0.5))
    table = days(2, rows=100, seed=4, skill=1.0)
    ids = house.answer(table)
    house.tell(ids, (table["probability"] > 0.5).to_list())
    house.tick()
    assert house.status().windows[0].performance.value == 1.0
    house.tell(ids[:50], (table["probability"] <= 0.5).to_list()[:50])
    house.tick()
    assert house.status().windows[0].performance.value == pytest.approx(0.5)


def test_regression_is_watched_too(house, days):
    house.configure(performance=PerformanceSettings(metric="mae", baseline=0.1, worse_than_reference=0.0))
    table = days(2, rows=100, seed=4)
    ids = house.answer(table)
    house.tell(ids, (table["probability"] + 2).to_list())
    house.tick()
    found = house.status().windows[0].performance
    assert (round(found.value, 6), found.verdict) == (2.0, "fail")


def test_texts_are_truths_when_the_positive_one_is_stated(house, days):
    house.configure(positive="late", performance=PerformanceSettings(metric="brier", baseline=0.3))
    table = days(2, rows=100, seed=4)
    ids = house.answer(table)
    house.tell(ids, ["late" if truth else "fine" for truth in table["truth"]])
    house.tick()
    assert house.status().windows[0].performance.verdict == "pass"


def test_an_endpoint_without_a_time_column_goes_by_arrival(house, days, march):
    house.endpoint("plain")
    frame = house.frame({"x": [1.0, 2.0]}, {"probability": [0.2, 0.4]}, endpoint="plain", at=march)
    house.write(frame)
    house.tick()
    found = house.monitoring.status(OWNER, endpoint="plain")
    assert [(window.start, window.state.value) for window in found.windows] == [(march, "closed")]


def test_monitors_start_with_defaults(house):
    assert house.monitoring.get_monitor(OWNER, endpoint="delay").settings == MonitorSettings()


def test_what_clients_sent_wrongly_is_counted_apart_from_our_faults(house, march):
    house.endpoint("plain")
    house.write(house.frame({"x": [1.0, 2.0]}, {"probability": [0.2, 0.4]}, endpoint="plain", at=march))
    for deployment, status in (("", 400), ("", 422), ("d1", 422), ("d1", 500)):
        house.write({"t": to_ms(march), "endpoint": "plain", "status": status, "code": "x", "ms": 1.0}
                    | ({"deployment": deployment, "model": "delay", "version": 1} if deployment else {}))  # fmt: skip
    house.tick()
    found = house.monitoring.status(OWNER, endpoint="plain")
    (window,) = found.windows
    assert (found.rows, found.failures, found.faults) == (2, 4, 1)
    assert (window.rows, window.failures, window.faults) == (2, 4, 1)
    assert {one.deployment: (one.failures, one.faults) for one in window.versions} == {"": (2, 0), "d1": (2, 1)}
