"""A long call is waited for, and looking how far it is never ends it."""

import threading

import pytest

from tidemill.app.trackers.records import Report
from tidemill.cli import waiting
from tidemill.cli.drawing import Bar
from tidemill.core.errors import NotFound


@pytest.fixture
def bar(monkeypatch):
    monkeypatch.setattr(waiting, "_LOOK_S", 0.001)
    drawn = Bar({})
    drawn.is_drawn = True
    return drawn


def test_a_look_that_finds_nothing_does_not_end_the_work(bar):
    looked = threading.Event()

    def look():
        looked.set()
        raise NotFound("There is no workspace yet")

    def ask():
        assert looked.wait(10)
        return "made"

    assert waiting.waited(bar, ask, look) == "made"


def test_what_goes_wrong_in_the_call_is_raised(bar):
    def ask():
        raise NotFound("There is no such file")

    with pytest.raises(NotFound, match="no such file"):
        waiting.waited(bar, ask, Report)


def test_who_stops_waiting_is_told_what_becomes_of_it(bar, capsys):
    def look():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        waiting.waited(bar, threading.Event().wait, look)
    assert "Nothing is left half done" in capsys.readouterr().err
