"""Moments keep their microseconds; durations are read as they are written."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.moments import (
    InvalidDuration,
    NaiveMoment,
    format_duration,
    from_ms,
    from_us,
    parse_duration,
    to_ms,
    to_us,
    utc_now,
)

MOMENTS = st.timedeltas(timedelta(days=1), timedelta(days=3_652_057)).map(datetime.min.replace(tzinfo=UTC).__add__)


@given(MOMENTS)
def test_a_moment_comes_back_from_its_microseconds(moment):
    assert from_us(to_us(moment)) == moment


@given(MOMENTS)
def test_milliseconds_round_down_also_before_1970(moment):
    assert timedelta(0) <= moment - from_ms(to_ms(moment)) < timedelta(milliseconds=1)


@given(MOMENTS, MOMENTS)
def test_numbers_sort_as_moments_do(first, second):
    assert (to_us(first) < to_us(second)) == (first < second)


def test_now_is_aware_and_in_utc():
    assert utc_now().utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(NaiveMoment):
        to_ms(datetime(2026, 1, 1))  # noqa: DTZ001 - the fault under test


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("1.5h", 5400),
        ("1d 6h", 108_000),
        ("250ms", 0.25),
        ("2w", 1_209_600),
        (" 3 m ", 180),
        ("1h30m", 5400),
    ],
)
def test_a_duration_is_what_people_say(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "  ", "5", "s", "-1s", "1y", "1d and a bit", "1e3s", "1 000s", "one day", "9" * 400 + "d"]
)
def test_anything_else_is_no_duration(text):
    with pytest.raises(InvalidDuration) as caught:
        parse_duration(text)
    assert caught.value.hint


@given(st.text())
def test_no_text_makes_it_fail_otherwise(text):
    with suppress(InvalidDuration):
        assert parse_duration(text) >= timedelta(0)


@given(st.integers(0, 10**7))
def test_a_duration_is_written_so_that_it_can_be_read(seconds):
    duration = timedelta(seconds=seconds)

    assert abs(parse_duration(format_duration(duration)) - duration) <= duration * 0.2


@pytest.mark.parametrize(
    ("duration", "text"),
    [(timedelta(days=9, hours=3), "1w 2d"), (timedelta(milliseconds=20), "20ms"), (timedelta(0), "0ms")],
)
def test_a_duration_is_written_in_its_two_largest_units(duration, text):
    assert format_duration(duration) == text
