"""A bar says how far something is, on a terminal only."""

import pytest

from tidemill.app.trackers.records import Report
from tidemill.cli.drawing import Bar

COUNTED = {"metric points": "points", "artifacts": "files"}


@pytest.fixture
def bar(monkeypatch):
    drawn = Bar(COUNTED)
    drawn.is_drawn = True
    return drawn


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (Report(doing="runs", done=1234), "runs: 1,234; 0 points, 0 files"),
        (
            Report(doing="runs", done=5, total=10, counts={"metric points": 2000, "artifacts": 3}),
            "[############------------] runs: 5 of 10; 2,000 points, 3 files",
        ),
        (Report(doing="runs", done=10, total=10), "[########################] runs: 10 of 10; 0 points, 0 files"),
    ],
)
def test_one_line_is_drawn_anew(bar, capsys, report, line):
    bar.draw(report)

    assert capsys.readouterr().err == f"\r{line}"
    bar.clear()
    assert capsys.readouterr().err == "\r"


def test_a_line_is_no_longer_than_the_terminal(bar, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    bar.draw(Report(doing="runs", done=5, total=10))

    assert len(capsys.readouterr().err.rpartition("\r")[2].removeprefix("\x1b[K")) == 19


def test_nothing_is_drawn_where_nothing_is_done_or_there_is_no_terminal(bar, capsys):
    bar.draw(Report())
    elsewhere = Bar(COUNTED)
    elsewhere.draw(Report(doing="runs", done=1))
    elsewhere.clear()

    assert not elsewhere.is_drawn
    assert capsys.readouterr().err == ""
