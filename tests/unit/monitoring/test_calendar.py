from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.monitoring.calendar import InvalidWindow, parse_window

MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@given(moment=MOMENTS, text=st.sampled_from(["1d", "7d", "90s", "1mo", "3mo", "12mo", "1d 6h"]))
def test_every_moment_is_in_exactly_one_window(moment, text):
    calendar = parse_window(text)
    start = calendar.start_of(moment)
    end = calendar.end_of(start)
    assert start <= moment < end
    assert calendar.start_of(start) == start
    assert calendar.start_of(end) == end
    assert calendar.start_of(end - timedelta(microseconds=1)) == start


def test_months_are_calendar_months():
    calendar = parse_window("1mo")
    assert calendar.start_of(datetime(2024, 2, 29, 23, tzinfo=UTC)) == datetime(2024, 2, 1, tzinfo=UTC)
    assert calendar.end_of(datetime(2023, 12, 1, tzinfo=UTC)) == datetime(2024, 1, 1, tzinfo=UTC)


def test_the_windows_of_a_stretch_are_all_that_hold_a_moment_of_it():
    first = datetime(2026, 3, 1, 5, tzinfo=UTC)
    starts = parse_window("1d").starts_between(first, first + timedelta(days=2))
    assert [start.day for start in starts] == [1, 2, 3]


@pytest.mark.parametrize("text", ["", "0s", "1 month", "0mo", "121mo", "-1d", "500ms", "x"])
def test_what_is_no_window_is_refused(text):
    with pytest.raises(InvalidWindow):
        parse_window(text)
