"""Cadences are read and reckoned."""

from datetime import UTC, datetime

import pytest

from tidemill.workflows.cadence import due_after, due_before, parse_cadence, parse_cron
from tidemill.workflows.errors import InvalidSchedule


@pytest.mark.parametrize(
    ("every_s", "cron"),
    [
        (1, "*/1 * * * * *"),
        (30, "*/30 * * * * *"),
        (60, "0 */1 * * * *"),
        (900, "0 */15 * * * *"),
        (7200, "0 0 */2 * * *"),
        (86400, "0 0 0 * * *"),
    ],
)
def test_even_periods_are_kept_on_the_clock(every_s: float, cron: str) -> None:
    assert parse_cadence("", every_s, "UTC") == cron


@pytest.mark.parametrize("every_s", [0.5, 7, 90, 5 * 3600, 172800, -1])
def test_uneven_periods_are_refused(every_s: float) -> None:
    with pytest.raises(InvalidSchedule, match="cannot be kept"):
        parse_cadence("", every_s, "UTC")


@pytest.mark.parametrize("cron", ["* * * *", "99 * * * *", "soon", "* * * * * * *", "61 * * * * *"])
def test_lines_that_are_not_cron_are_refused(cron: str) -> None:
    with pytest.raises(InvalidSchedule, match="not a cron line"):
        parse_cadence(cron, 0, "UTC")


@pytest.mark.parametrize("cron", ["0 3 31 2 *", "0 0 30 2 *"])
def test_a_line_that_never_comes_is_refused(cron: str) -> None:
    with pytest.raises(InvalidSchedule, match="never comes"):
        parse_cadence(cron, 0, "UTC")


def test_a_cron_line_of_its_own_has_five_fields() -> None:
    assert parse_cron(" 0  3 * * 1-5 ") == "0 3 * * 1-5"
    for text in ("* * * * * *", "@daily", "", "0 3 * *"):
        with pytest.raises(InvalidSchedule, match="not a cron line"):
            parse_cron(text)


def test_one_way_to_say_it_and_a_known_zone_are_needed() -> None:
    for cron, every_s, zone in (("", 0, "UTC"), ("* * * * *", 5, "UTC"), ("* * * * *", 0, "Mars/Olympus")):
        with pytest.raises(InvalidSchedule):
            parse_cadence(cron, every_s, zone)


def test_ticks_are_reckoned_in_their_zone() -> None:
    cron = parse_cadence("0 3 * * *", 0, "Europe/Vienna")
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert due_after(cron, "Europe/Vienna", noon) == datetime(2026, 7, 2, 1, tzinfo=UTC)
    assert due_before(cron, "Europe/Vienna", noon) == datetime(2026, 7, 1, 1, tzinfo=UTC)


def test_a_tick_is_due_at_its_very_moment() -> None:
    at = datetime(2026, 1, 1, 3, tzinfo=UTC)
    assert due_before("0 0 3 * * *", "UTC", at) == at
    assert due_after("0 0 3 * * *", "UTC", at) == datetime(2026, 1, 2, 3, tzinfo=UTC)
