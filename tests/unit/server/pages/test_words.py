from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.server.pages import words

MOMENT = datetime(2026, 3, 1, 14, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\u2013"),
        (0, "0"),
        (7420, "7,420"),
        (-5, "\u22125"),
        (0.73125, "0.7312"),
        (0.00031, "0.000310"),
        (0.0000031, "3.10e\u221206"),
        (12345.6, "12,346"),
        (1e18, "1.000e+18"),
        (float("nan"), "not a number"),
        (float("inf"), "+∞"),
        (True, "True"),
        ("text", "text"),
    ],
)
def test_numbers_are_written_as_persons_read_them(value, text):
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.01, "0.01"), (0.6, "0.6"), (0.08797, "0.08797"), (1.0, "1"), (0, "0"), (1200.0, "1,200")]
)
def test_a_number_by_itself_is_not_filled_up(value, text):
    assert words.shortest(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, words.NOTHING), (17, "17\u202fB"), (1536, "1.5\u202fKiB"), (5 << 30, "5.0\u202fGiB")]
)
def test_sizes_have_a_unit(value, text):
    assert words.size(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0\u202f%"), (1, "100\u202f%"), (0.5, "50\u202f%"), (0.015, "1.5\u202f%"), (0.0042, "0.42\u202f%")],
)
def test_shares_are_percentages(value, text):
    assert words.percent(value) == text


def test_a_moment_shows_utc_in_its_title():
    found = words.moment(MOMENT)

    assert 'title="2026-03-01 14:05:09 UTC"' in found
    assert 'datetime="2026-03-01T14:05:09Z"' in found


@pytest.mark.parametrize(
    ("apart", "text"),
    [(timedelta(seconds=2), "just now"), (timedelta(hours=3), "3h ago"), (timedelta(days=-2), "in 2d")],
)
def test_distances_to_now_have_one_unit(apart, text):
    assert words.ago(MOMENT - apart, MOMENT) == text


def test_an_identifier_is_short_and_copied_whole():
    whole = "0192" + "a" * 22 + "bcdef0"
    found = words.ident(whole)

    assert ">0192…bcdef0<" in found
    assert f'data-copy="{whole}"' in found


@given(st.text())
def test_no_text_keeps_characters_that_act(text):
    found = words.visible(text)

    assert not any(0x202A <= ord(each) <= 0x202E or 0x2066 <= ord(each) <= 0x2069 for each in found)
    found.encode()


@given(st.text())
def test_no_text_brings_markup(text):
    found = words.shown_text(text)

    assert found.count("<") == 2
    assert words.ident(text).count("<script") == 0
