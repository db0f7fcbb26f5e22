from datetime import UTC, datetime, timedelta

import pytest

from tidemill.core.access import OWNER
from tidemill.delivery.rules import EndpointNotFound
from tidemill.monitoring.records import FeedbackRow
from tidemill.monitoring.rules import InvalidFeedback

MAY = datetime(2026, 5, 1, tzinfo=UTC)


def report(house):
    return house.monitoring.feedback_report(OWNER, endpoint="delay")


def test_truths_meet_their_predictions(house, days):
    ids = house.answer(days(1, rows=20))
    house.tell(ids[:15], [True] * 15)
    house.tick()
    found = report(house)
    assert (found.predictions, found.truths, found.matched, found.unknown) == (20, 15, 15, 0)


def test_unknown_ids_are_taken_and_told(house, days):
    assert house.tell(["nobody", "nothing"], [1, 0]).accepted == 2
    ids = house.answer(days(1, rows=3))
    house.tell(ids, [1, 0, 1])
    assert report(house).unknown == 5
    house.tick()
    found = report(house)
    assert (found.matched, found.unknown, found.unknown_ids) == (3, 2, ["nobody", "nothing"])


@pytest.mark.parametrize("count", [3, 1500])
def test_the_same_truths_again_change_nothing(house, days, count):
    ids = house.answer(days(1, rows=count))
    for at in (None, MAY):
        assert house.tell(ids, [True] * count, at=at).accepted == count
        again = house.tell(ids, [True] * count, at=at)
        assert (again.accepted, again.repeated) == (0, count)


@pytest.mark.parametrize("count", [3, 1500])
def test_the_latest_truth_counts_and_the_history_stays(house, days, count):
    ids = house.answer(days(1, rows=count))
    house.tell(ids, [True] * count, at=MAY)
    house.tell(ids[:1], [False], at=MAY + timedelta(days=1))
    house.tell(ids[:1], [True], at=MAY - timedelta(days=1))  # known earlier, told later
    found = house.monitoring.prediction(OWNER, id=ids[0])
    assert found.truth is False
    assert [one.truth for one in found.truths] == [True, False]
    assert report(house).corrected == 1


def test_a_truth_can_be_taken_back(house, days):
    (one,) = house.answer(days(1, rows=1))
    house.tell([one], [True], at=MAY)
    house.tell([one], [None], at=MAY + timedelta(days=1))
    found = house.monitoring.prediction(OWNER, id=one)
    assert found.truth is None
    assert len(found.truths) == 2


@pytest.mark.parametrize(
    "row",
    [
        FeedbackRow(id="", truth=1),
        FeedbackRow(id="x" * 201, truth=1),
        FeedbackRow(id="a\nb", truth=1),
        FeedbackRow(id="\ud800", truth=1),
        FeedbackRow(id="a", truth=float("nan")),
        FeedbackRow(id="a", truth=float("inf")),
        FeedbackRow(id="a", truth="t" * 2000),
        FeedbackRow(id="a", truth=1, at=datetime(2026, 1, 1)),  # noqa: DTZ001 - the point of it
    ],
)
def test_a_bad_row_refuses_the_lot(house, row):
    with pytest.raises(InvalidFeedback):
        house.monitoring.add_feedback(OWNER, endpoint="delay", rows=[FeedbackRow(id="good", truth=1), row])
    assert report(house).truths == 0


def test_an_unknown_endpoint_is_refused(house):
    with pytest.raises(EndpointNotFound):
        house.monitoring.add_feedback(OWNER, endpoint="nowhere", rows=[])


def test_no_rows_are_no_truths(house):
    assert house.tell([], []).accepted == 0
