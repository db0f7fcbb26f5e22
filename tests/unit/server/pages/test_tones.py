import pytest

from tidemill.pipelines.records import StepStatus
from tidemill.server.pages.tones import SERIES, series_tone, strand_tone, tone_of
from tidemill.tracking.records import RunStatus


@pytest.mark.parametrize(
    ("state", "tone"),
    [
        ("finished", "good"),
        ("FINISHED", "good"),
        ("running", "info"),
        ("inconclusive", "warn"),
        ("rolled_back", "bad"),
        ("never heard of", "idle"),
        ("", "idle"),
    ],
)
def test_a_state_has_one_tone_everywhere(state, tone):
    assert tone_of(state) == tone


@pytest.mark.parametrize(
    "status", [*RunStatus, StepStatus.DONE, StepStatus.CACHED, StepStatus.RUNNING, StepStatus.FAILED]
)
def test_what_runs_and_steps_can_be_is_known(status):
    assert tone_of(status.value) != "idle"


def test_series_have_their_tones_in_turn():
    assert [series_tone(at) for at in range(len(SERIES))] == list(SERIES)
    assert series_tone(len(SERIES)) == SERIES[0]
    assert series_tone(-1) == SERIES[-1]


def test_strands_differ_by_dash_once_the_colours_are_used_up():
    tones = [strand_tone(at) for at in range(4 * len(SERIES))]

    assert tones[: len(SERIES)] == list(SERIES)
    assert tones[len(SERIES)] == "1 dash-1"
    assert len(set(tones)) == len(tones)
    assert strand_tone(4 * len(SERIES)) == tones[0]
