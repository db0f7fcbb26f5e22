"""Cron lines of a monitor fire: at their ticks, once a tick, no more than the monitor asks for."""

from datetime import UTC, datetime, timedelta

import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import InvalidInput
from tidemill.monitoring.service.timetable import CRON_TICK
from tidemill.monitoring.settings import MonitorSettings, RetrainSettings
from tidemill.workflows.durable import DurableWorkflows
from tidemill.workflows.inline import InlineWorkflows, Killed

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
NIGHTLY = "cron: 0 3 * * *"


@pytest.fixture
def clockwork(house):
    found = InlineWorkflows(clock=MIDNIGHT)
    house.monitoring.define(found)
    house.monitoring.take_up(found)
    return found


def ask(house, *on, **more):
    settings = MonitorSettings(retrain=RetrainSettings(on=list(on), **more))
    house.monitoring.configure_monitor(OWNER, endpoint="delay", settings=settings)


def fired(house):
    return [trigger for trigger in house.monitoring.list_triggers(OWNER) if trigger.cause == "schedule"]


def lines(workflows):
    return [each.cron for each in workflows.schedules() if each.workflow == CRON_TICK]


def test_a_line_fires_at_its_ticks_in_utc(house, clockwork):
    ask(house, NIGHTLY)
    clockwork.run_until(MIDNIGHT + timedelta(hours=2, minutes=59))
    assert fired(house) == []
    clockwork.run_until(MIDNIGHT + timedelta(hours=3))
    (trigger,) = fired(house)
    assert (trigger.state, trigger.reason) == ("pending", "Due by cron: 0 3 * * *.")
    clockwork.run_until(MIDNIGHT + timedelta(days=1, hours=4))
    assert [each.state for each in fired(house)] == ["suppressed", "pending"]  # the first one is still under way


def test_a_tick_that_is_done_again_after_a_death_fires_once(house, clockwork):
    ask(house, NIGHTLY)
    clockwork.kill_after = "fire"
    with pytest.raises(Killed):
        clockwork.run_until(MIDNIGHT + timedelta(hours=3))
    assert len(fired(house)) == 1
    clockwork.launch()
    assert len(fired(house)) == 1


def test_schedules_follow_the_monitor(house, clockwork):
    ask(house, "drift", NIGHTLY, "cron: 30 4 * * 1", NIGHTLY)
    assert sorted(lines(clockwork)) == ["0 0 3 * * *", "0 30 4 * * 1"]
    ask(house, "drift", "cron: 0 5 * * *")
    assert lines(clockwork) == ["0 0 5 * * *"]
    house.monitoring.configure_monitor(OWNER, endpoint="delay", settings=MonitorSettings())
    assert lines(clockwork) == []


def test_what_was_configured_while_nothing_ran_is_taken_up(house):
    ask(house, NIGHTLY)
    workflows = InlineWorkflows(clock=MIDNIGHT)
    house.monitoring.define(workflows)
    house.monitoring.take_up(workflows)
    assert lines(workflows) == ["0 0 3 * * *"]


def test_a_tick_of_a_line_that_was_taken_out_fires_nothing(house, clockwork):
    ask(house, NIGHTLY)
    (name,) = [each.name for each in clockwork.schedules() if each.workflow == CRON_TICK]
    entry = {"endpoint": "delay", "cron": "0 3 * * *"}
    ask(house, "drift")
    clockwork.schedule(name, workflow=CRON_TICK, cron="0 3 * * *", input=entry)  # as when the process died in between
    clockwork.run_until(MIDNIGHT + timedelta(hours=4))
    assert fired(house) == []


@pytest.mark.parametrize("line", ["cron: soon", "cron:", "cron: 0 0 31 2 *", "cron: 0 0 3 * * *", "crone: 0 3 * * *"])
def test_a_line_that_cannot_be_kept_is_refused(house, clockwork, line):
    with pytest.raises(InvalidInput):
        ask(house, line)
    assert lines(clockwork) == []


def test_standing_lines_are_kept_over_restarts_and_made_once(house, tmp_path):
    ask(house, NIGHTLY)
    for _ in range(2):
        workflows = DurableWorkflows(tmp_path / "workflows.sqlite")
        house.monitoring.define(workflows)
        workflows.launch()
        try:
            house.monitoring.take_up(workflows)
            assert lines(workflows) == ["0 0 3 * * *"]
        finally:
            workflows.close()


def test_a_state_is_offered_once_and_again_when_it_may_be_followed(house):
    ask(house, "new_data")
    before = house.monitoring.fire(OWNER, endpoint="delay")

    def offer():
        return house.monitoring.offer(OWNER, endpoint="delay", cause="new_data", reason="May is in.", key="may")

    first = offer()
    assert (first.state, offer()) == ("suppressed", first)
    house.monitoring.settle_trigger(OWNER, id=before.id, outcome="helped")
    second = offer()
    assert (second.state, second.id != first.id, offer()) == ("pending", True, second)
    house.monitoring.settle_trigger(OWNER, id=second.id, outcome="failed")
    assert offer().id == second.id  # what failed on this state is not tried on it again
    assert len(house.monitoring.list_triggers(OWNER)) == 3
