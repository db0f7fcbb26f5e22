import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.server.pages.charts.lines import Point
from tidemill.server.pages.curves import Look, drawn, has_curve, read_look, smoothed
from tidemill.tracking.records import Metric


def history(values, every_ms=1000, start=1_772_000_000_000):
    return [Metric(key="m", value=value, step=at, timestamp=start + at * every_ms) for at, value in enumerate(values)]


@pytest.mark.parametrize(
    ("query", "look"),
    [
        ({}, Look()),
        ({"x": "time", "log": "1", "smooth": "60"}, Look("time", is_log=True, smoothing=60)),
        ({"x": "sideways", "log": "yes", "smooth": "-3"}, Look()),
        ({"smooth": "100"}, Look(smoothing=99)),
        ({"smooth": "\uff19"}, Look()),
    ],
)
def test_a_look_is_read_and_what_is_wrong_is_usual(query, look):
    assert read_look(query.get) == look


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 0.99))
def test_smoothing_stays_between_the_ends_and_keeps_a_constant(values, share):
    points = [Point(at, value) for at, value in enumerate(values)]
    found = [point.y for point in smoothed(points, share)]

    assert found[0] == pytest.approx(values[0])
    assert all(min(values) - 1e-3 <= y <= max(values) + 1e-3 for y in found)
    assert [point.y for point in smoothed([Point(0, 2.0)] * 9, share)] == pytest.approx([2.0] * 9)


def test_smoothing_passes_holes_over():
    found = [point.y for point in smoothed([Point(0, 1.0), Point(1, None), Point(2, math.inf), Point(3, 1.0)], 0.5)]

    assert (found[0], found[1], found[2]) == (1.0, None, math.inf)
    assert found[3] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("every_ms", "unit", "last"), [(1000, "second", 9.0), (60_000, "minute", 9.0), (3_600_000, "hour", 9.0)]
)
def test_time_since_the_start_is_in_the_unit_that_reads_best(every_ms, unit, last):
    lines, axes = drawn([("a", "1", history(range(10), every_ms)), ("b", "2", [])], Look("relative"))

    assert axes.x_name == unit
    assert [line.name for line in lines] == ["a"]
    assert (lines[0].points[0].x, lines[0].points[-1].x) == (0, last)


def test_smoothed_lines_have_the_raw_ones_faintly_below():
    lines, axes = drawn([("a", "1", history([1, 5, 1]))], Look("time", is_log=True, smoothing=50))

    assert [line.is_faint for line in lines] == [True, False]
    assert (axes.is_time, axes.is_log) == (True, True)
    assert drawn([], Look("relative"))[0] == []
    assert has_curve([history([1]), history([1, 2])])
    assert not has_curve([history([1])])
