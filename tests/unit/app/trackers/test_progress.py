"""How far a transfer is, is told by who does it and read by others at any moment."""

import pytest

from tidemill.app.trackers.progress import Progress, TransferCancelled
from tidemill.app.trackers.records import Report
from tidemill.core.errors import Unavailable


def test_nothing_begun_is_an_empty_report():
    assert Progress().report() == Report()


def test_it_says_what_is_done_of_how_much():
    progress = Progress()
    progress.begin("runs", 10)
    progress.step()
    progress.step(3)
    progress.step(0)
    report = progress.report()

    assert (report.doing, report.done, report.total) == ("runs", 4, 10)
    progress.begin("registered models")
    progress.step(7)
    assert (progress.report().done, progress.report().total) == (7, 0), "how many there are is not known"
    progress.begin("runs", 2)
    progress.step(5)
    assert progress.report().total == 5, "more came than were counted before"


def test_counts_of_all_parts_are_added_and_those_of_nothing_left_out():
    progress = Progress()
    first, second, left = {"runs": 2, "tags": 0}, {"runs": 1}, {"traces": 4}
    progress.join(first, left)
    progress.join(second, {})
    progress.counts["runs"] += 10
    progress.skipped["traces"] += 1
    assert progress.report().counts == {"runs": 13}
    assert progress.report().skipped == {"traces": 5}
    second["runs"] = 5

    assert progress.report().counts == {"runs": 17}, "as they are when somebody looks"


def test_one_that_was_cancelled_ends_at_its_next_step_and_not_before():
    progress = Progress()
    progress.begin("runs", 10)
    progress.cancel()
    progress.begin("registered models", 3)
    with pytest.raises(TransferCancelled) as ended:
        progress.step()
    progress.fail(ended.value)

    report = progress.report()
    assert (report.code, report.doing, report.done) == ("transfer_cancelled", "registered models", 1)
    assert "same command again" in report.hint


def test_why_it_failed_is_told_with_what_to_do():
    progress = Progress()
    progress.notes += ["a note"]
    progress.fail(Unavailable("It does not answer", hint="Start it."))
    report = progress.report()
    progress.notes += ["another"]

    assert (report.error, report.hint, report.notes) == ("It does not answer", "Start it.", ["a note"])
