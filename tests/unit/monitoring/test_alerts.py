from datetime import timedelta

import msgspec
import pytest

from tidemill.core.access import OWNER, SYSTEM
from tidemill.core.errors import Unavailable
from tidemill.core.limits import InvalidLimit
from tidemill.core.moments import utc_now
from tidemill.monitoring.records import AlertState, Trigger, TriggerState
from tidemill.monitoring.rules import AlertNotFound, TriggerNotFound, TriggerSettled
from tidemill.monitoring.service import outbox
from tidemill.monitoring.service.outbox import InvalidNotification, UnknownNotifier
from tidemill.monitoring.settings import HysteresisSettings, PerformanceSettings, RetrainSettings, recipient_of

WATCH = PerformanceSettings(metric="accuracy", baseline=0.65, worse_than_reference=0.05)
GOOD, BAD = 1.0, 0.0


def watched(house, **more):
    more["notify"] = [recipient_of(entry) for entry in more.get("notify", [])]
    house.configure(performance=WATCH, **more)


def play(house, *skills, start=0):
    """Answer a day for each skill and a last one that closes it, with a pass after each."""
    for day, skill in enumerate(skills, start=start):
        house.day(day, skill=skill)
        house.tick()
    house.day(start + len(skills), rows=2)
    return house.tick()


def alerts(house, **more):
    return house.monitoring.list_alerts(OWNER, endpoint="delay", **more)


def triggers(house):
    return house.monitoring.list_triggers(OWNER, endpoint="delay")


def test_a_bad_window_opens_an_alert_that_says_why(house, march):
    watched(house)
    play(house, GOOD, BAD)
    (alert,) = alerts(house)
    assert (alert.kind, alert.state, alert.first_window) == ("performance", "open", march + timedelta(days=1))
    assert "accuracy is 0.5" in alert.reason
    assert "surely worse than the baseline 0.650 less 0.05" in alert.reason
    assert house.status().alerts == [alert]


def test_an_alert_stays_one_and_closes_after_two_good_windows(house):
    watched(house)
    play(house, BAD, GOOD, BAD)
    assert [(one.state, one.bad_windows) for one in alerts(house)] == [("open", 2)]
    house.day(3, skill=GOOD)  # the rest of the day that closed the last one
    play(house, GOOD, GOOD, start=4)
    assert [one.state for one in alerts(house)] == ["closed"]
    assert alerts(house, state=AlertState.OPEN) == []


def test_passes_again_change_nothing(house):
    watched(house, notify=[{"told": "x"}], retrain=RetrainSettings())
    play(house, BAD)
    before = (alerts(house), triggers(house), len(house.notifier.notices))
    for _ in range(3):
        house.tick()
    assert (alerts(house), triggers(house), len(house.notifier.notices)) == before


def test_a_window_judged_again_as_good_closes_its_alert(house):
    watched(house)
    table = house.day(0, skill=BAD)
    house.day(1, rows=2)
    house.tick()
    assert alerts(house)[0].state == "open"
    ids = [one.id for one in house.monitoring.predictions(OWNER, endpoint="delay", limit=1000)]
    probability = {
        one.id: one.outputs["probability"] for one in house.monitoring.predictions(OWNER, endpoint="delay", limit=1000)
    }
    house.tell(ids, [probability[one] >= 0.5 for one in ids], at=utc_now() + timedelta(days=1))
    house.tick()
    assert table.height == 400
    assert alerts(house)[0].state == "closed"


def test_an_alert_waits_for_as_many_bad_windows_as_stated(house):
    watched(house, hysteresis=HysteresisSettings(open_after=2))
    play(house, BAD)
    assert alerts(house) == []
    house.day(1, skill=BAD)
    play(house, GOOD, start=2)
    assert [one.bad_windows for one in alerts(house)] == [2]


def test_a_person_acknowledges_once(house):
    watched(house)
    play(house, BAD)
    (alert,) = alerts(house)
    first = house.monitoring.acknowledge(OWNER, id=alert.id)
    assert first.acknowledged_by == "owner"
    assert house.monitoring.acknowledge(SYSTEM, id=alert.id) == first
    with pytest.raises(AlertNotFound):
        house.monitoring.acknowledge(OWNER, id="none")


# Notifications


def test_an_alert_is_told_when_it_opens_and_when_it_closes(house):
    watched(house, notify=[{"told": "here", "secret": "env:TOLD_SECRET"}], hysteresis=HysteresisSettings(close_after=1))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TOLD_SECRET", "s3cret")
        play(house, BAD, GOOD)
    (opened, address, options), (closed, _, _) = house.notifier.notices
    event = msgspec.json.decode(opened.body)
    assert (event["specversion"], event["type"], event["data"]["state"]) == ("1.0", "tidemill.alert.opened", "open")
    assert (event["id"], address, options) == (opened.id, "here", {"secret": "s3cret"})
    assert msgspec.json.decode(closed.body)["type"] == "tidemill.alert.closed"
    assert {one.state for one in house.monitoring.list_notifications(OWNER)} == {"sent"}


def test_secrets_are_kept_nowhere(house):
    watched(house, notify=[{"told": "here", "secret": "env:TOLD_SECRET"}])
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TOLD_SECRET", "s3cret-of-mine")
        play(house, BAD)
    assert b"s3cret-of-mine" not in b"".join(one.read_bytes() for one in house.home.rglob("ledger*"))


def test_a_notification_that_fails_is_tried_again_later(house, monkeypatch):
    watched(house, notify=[{"told": "here"}])
    house.notifier.failure = Unavailable("not now", hint="later")
    house.day(0, skill=BAD)
    house.day(1, rows=2)
    found = house.monitoring.tick(SYSTEM)
    assert [problem.code for problem in found.problems] == ["unavailable"]
    (waiting,) = house.monitoring.list_notifications(OWNER)
    assert (waiting.state, waiting.attempts, waiting.error) == ("pending", 1, "not now")
    house.notifier.failure = None
    house.tick()
    assert house.notifier.notices == []  # its time has not come
    monkeypatch.setattr(outbox, "utc_now", lambda: utc_now() + timedelta(minutes=5))
    assert house.tick().notifications == 1
    assert house.monitoring.list_notifications(OWNER)[0].state == "sent"


def test_a_notification_is_given_up_in_the_end(house, monkeypatch):
    watched(house, notify=[{"told": "here"}])
    house.notifier.failure = RuntimeError("a bug of the notifier")
    house.day(0, skill=BAD)
    house.day(1, rows=2)
    for hours in range(20):
        monkeypatch.setattr(outbox, "utc_now", lambda hours=hours: utc_now() + timedelta(hours=2 * hours))
        house.monitoring.tick(SYSTEM)
    (dead,) = house.monitoring.list_notifications(OWNER)
    assert (dead.state, dead.attempts) == ("failed", 12)


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ({"pigeon": "roof"}, UnknownNotifier),
        ({"told": "x", "colour": "red"}, InvalidNotification),
        ({"told": "x", "secret": "in clear"}, InvalidNotification),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(house, entry, error):
    with pytest.raises(error):
        watched(house, notify=[entry])


# Triggers


def test_an_alert_fires_a_trigger_that_is_handed_on_once(house):
    watched(house, retrain=RetrainSettings())
    followed: list[Trigger] = []
    house.monitoring.on_trigger = followed.append
    play(house, BAD)
    (trigger,) = triggers(house)
    assert (trigger.cause, trigger.state, [one.id for one in followed]) == ("performance", "started", [trigger.id])
    assert trigger.alert == alerts(house)[0].id


def test_a_trigger_waits_for_who_follows_it(house):
    watched(house, retrain=RetrainSettings())
    play(house, BAD)
    assert triggers(house)[0].state is TriggerState.PENDING
    tries = []

    def busy(trigger):
        tries.append(trigger)
        if len(tries) == 1:
            raise Unavailable("busy", hint="later")

    house.monitoring.on_trigger = busy
    assert [problem.code for problem in house.monitoring.tick(SYSTEM).problems] == ["unavailable"]
    house.tick()
    assert (len(tries), triggers(house)[0].state) == (2, "started")


def test_a_trigger_is_suppressed_with_its_reason(house):
    watched(house, retrain=RetrainSettings(cooldown="30d"))
    first = house.monitoring.fire(OWNER, endpoint="delay", cause="manual")
    assert "under way" in house.monitoring.fire(OWNER, endpoint="delay").reason
    house.monitoring.settle_trigger(OWNER, id=first.id, outcome="helped")
    play(house, BAD)
    suppressed = triggers(house)[0]
    assert (suppressed.cause, suppressed.state) == ("performance", "suppressed")
    assert "cool-down is 30d" in suppressed.reason or "cool-down" in suppressed.reason


def test_a_cause_that_is_not_ordered_is_not_followed(house):
    watched(house, retrain=RetrainSettings(on=["new_data"]))
    play(house, BAD)
    assert triggers(house) == []
    assert house.monitoring.fire(OWNER, endpoint="delay", cause="schedule").state == "suppressed"
    assert house.monitoring.fire(OWNER, endpoint="delay", cause="new_data").state == "pending"


def test_firing_again_with_a_key_gives_the_same_trigger(house):
    one = house.monitoring.fire(OWNER, endpoint="delay", key="once")
    assert house.monitoring.fire(OWNER, endpoint="delay", key="once") == one


def test_an_outcome_is_told_once(house):
    trigger = house.monitoring.fire(OWNER, endpoint="delay")
    settled = house.monitoring.settle_trigger(OWNER, id=trigger.id, outcome="no_help", detail="the gate stayed shut")
    assert (settled.state, settled.outcome) == ("no_help", "the gate stayed shut")
    assert house.monitoring.settle_trigger(OWNER, id=trigger.id, outcome="no_help").state == "no_help"
    with pytest.raises(TriggerSettled):
        house.monitoring.settle_trigger(OWNER, id=trigger.id, outcome="helped")
    with pytest.raises(TriggerNotFound):
        house.monitoring.settle_trigger(OWNER, id="none", outcome="helped")


def test_the_pass_is_a_durable_workflow(house):
    from tidemill.workflows.inline import InlineWorkflows

    workflows = InlineWorkflows()
    house.monitoring.define(workflows)
    workflows.launch()
    house.monitoring.schedule(workflows, every_s=5)
    house.day(0)
    house.writer.close()
    workflows.advance(6)
    assert house.status().rows == 400


@pytest.mark.parametrize("limit", [0, -3, 1001])
def test_no_list_is_given_of_a_length_that_is_none(house, limit):
    for verb, where in (
        (house.monitoring.list_alerts, {}),
        (house.monitoring.list_triggers, {}),
        (house.monitoring.list_notifications, {}),
        (house.monitoring.predictions, {"endpoint": "delay"}),
    ):
        with pytest.raises(InvalidLimit):
            verb(OWNER, limit=limit, **where)
    with pytest.raises(InvalidLimit):
        house.monitoring.status(OWNER, endpoint="delay", windows=limit)
