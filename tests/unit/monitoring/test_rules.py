from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.errors import InvalidInput
from tidemill.monitoring.records import Trigger, TriggerState
from tidemill.monitoring.rules import Mood, check_settings, latest_episode, parse_budget, why_suppressed
from tidemill.monitoring.settings import (
    DriftSettings,
    HysteresisSettings,
    MonitorSettings,
    PerformanceSettings,
    RetrainSettings,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
LETTERS = {"b": Mood.BAD, "g": Mood.GOOD, "n": Mood.NEUTRAL}


def episode(letters, open_after=1, close_after=2):
    moods = [(START + timedelta(days=at), LETTERS[letter]) for at, letter in enumerate(letters)]
    return latest_episode(moods, HysteresisSettings(open_after=open_after, close_after=close_after))


@pytest.mark.parametrize(
    ("letters", "open_after", "close_after", "is_open"),
    [
        ("ggb", 1, 2, True),
        ("bg", 1, 2, True),
        ("bgg", 1, 2, False),
        ("bgbg", 1, 2, True),
        ("bngn", 1, 2, True),
        ("bngng", 1, 2, False),
        ("bb", 3, 1, None),
        ("bgbb", 3, 1, None),
        ("bnbb", 3, 1, True),
        ("bggb", 1, 2, True),
        ("", 1, 2, None),
    ],
)
def test_an_alert_opens_and_closes_with_hysteresis(letters, open_after, close_after, is_open):
    found = episode(letters, open_after, close_after)
    assert (found.is_open if found else None) is is_open


def test_a_new_episode_begins_at_its_own_first_bad_window():
    found = episode("bgggnbb")
    assert (found.first, found.last, found.bad) == (START + timedelta(days=5), START + timedelta(days=6), 2)


@given(st.text("bgn", max_size=12))
def test_neutral_windows_change_nothing(letters):
    kept, bare = episode(letters), episode(letters.replace("n", ""))
    assert (kept and (kept.is_open, kept.bad)) == (bare and (bare.is_open, bare.bad))


def trigger(days, state=TriggerState.HELPED):
    moment = START + timedelta(days=days)
    return Trigger(
        id=f"t{days}", endpoint="delay", cause="drift", state=state, reason="", moment=moment, created_at=moment
    )


def test_a_retraining_under_way_suppresses_the_next_one_even_by_hand():
    why = why_suppressed("manual", START, [trigger(0, TriggerState.STARTED)], RetrainSettings())
    assert "under way" in why


def test_the_cool_down_is_counted_in_the_time_of_the_data():
    settings = RetrainSettings(cooldown="7d")
    assert "cool-down" in why_suppressed("drift", START + timedelta(days=6), [trigger(0)], settings)
    assert why_suppressed("drift", START + timedelta(days=7), [trigger(0)], settings) == ""
    assert why_suppressed("manual", START, [trigger(0)], settings) == ""


def test_suppressed_triggers_neither_cool_down_nor_cost_anything():
    settings = RetrainSettings(cooldown="7d", budget="1 run per 30d")
    history = [trigger(9, TriggerState.SUPPRESSED), trigger(8, TriggerState.SUPPRESSED)]
    assert why_suppressed("drift", START + timedelta(days=10), history, settings) == ""


def test_time_passes_by_the_clock_where_the_data_stands_still():
    settings = RetrainSettings(cooldown="7d", budget="1 run per 30d")
    still, history = START, [trigger(0)]
    assert "cool-down" in why_suppressed("schedule", still, history, settings, clock=START + timedelta(days=6))
    assert "budget" in why_suppressed("schedule", still, history, settings, clock=START + timedelta(days=8))
    assert why_suppressed("schedule", still, history, settings, clock=START + timedelta(days=31)) == ""


def test_the_budget_is_kept():
    settings = RetrainSettings(budget="2 runs per 30d")
    assert "budget" in why_suppressed("drift", START + timedelta(days=9), [trigger(5), trigger(0)], settings)
    assert why_suppressed("drift", START + timedelta(days=31), [trigger(5), trigger(0)], settings) == ""


def test_it_stops_when_retraining_does_not_help_and_goes_on_by_hand():
    history = [trigger(days, TriggerState.NO_HELP) for days in (30, 20, 10)]
    settings = RetrainSettings(stop_after=3)
    assert "did not help" in why_suppressed("drift", START + timedelta(days=60), history, settings)
    assert why_suppressed("manual", START + timedelta(days=60), history, settings) == ""
    assert why_suppressed("drift", START + timedelta(days=60), [trigger(40), *history], settings) == ""
    assert why_suppressed("drift", START + timedelta(days=60), history, RetrainSettings(stop_after=0)) == ""


def test_a_budget_is_read():
    assert parse_budget("20 runs per 30d") == (20, timedelta(days=30))
    assert parse_budget("") is None


@pytest.mark.parametrize(
    "settings",
    [
        MonitorSettings(window="soon"),
        MonitorSettings(lateness="1x"),
        MonitorSettings(drift=DriftSettings(false_alarms="never")),
        MonitorSettings(drift=DriftSettings(tolerance=1.5)),
        MonitorSettings(drift=DriftSettings(reference="yesterday")),
        MonitorSettings(performance=PerformanceSettings(metric="vibes")),
        MonitorSettings(performance=PerformanceSettings(confidence=1.0)),
        MonitorSettings(performance=PerformanceSettings(scale=0)),
        MonitorSettings(hysteresis=HysteresisSettings(open_after=0)),
        MonitorSettings(retrain=RetrainSettings(budget="lots")),
        MonitorSettings(retrain=RetrainSettings(on=["whim"])),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings):
    with pytest.raises(InvalidInput):
        check_settings(settings)
