"""Inline workflows run at once on their own clock."""

from datetime import timedelta

import pytest

from tidemill.workflows.errors import (
    BackupElsewhere,
    WorkflowCancelled,
    WorkflowChanged,
    WorkflowPending,
    WouldWaitForever,
)
from tidemill.workflows.inline import EPOCH, InlineWorkflows, Killed
from tidemill.workflows.ports import Flow
from tidemill.workflows.records import Retry, State


def canary(flow: Flow) -> list[object]:
    log: list[object] = []
    for share in (0.1, 0.5):
        flow.step(f"share {share}", float, share)
        flow.sleep(3600)
        log.append(flow.receive("operator", timeout_s=1800))
        log.append((flow.now() - EPOCH).total_seconds())
    return log


def test_hours_pass_at_once() -> None:
    workflows = InlineWorkflows()
    workflows.define("canary", canary)
    workflows.send("r", "operator", "go on", after_s=4000)
    workflows.start("canary", id="r")
    assert workflows.result("r") == ["go on", 4000.0, None, 9400.0]
    assert workflows.clock == EPOCH + timedelta(seconds=9400)


def test_what_is_planned_happens_on_the_way() -> None:
    workflows = InlineWorkflows()
    workflows.define("waits", lambda flow: flow.receive("operator"))
    workflows.at(100, lambda: workflows.send("w", "operator", "from a plan"))
    workflows.start("waits", id="w")
    assert workflows.result("w") == "from a plan"
    assert workflows.clock == EPOCH + timedelta(seconds=100)


def test_a_wait_that_nobody_ends_is_an_error() -> None:
    workflows = InlineWorkflows()
    workflows.define("waits", lambda flow: flow.receive("operator"))
    workflows.start("waits", id="w")
    with pytest.raises(WouldWaitForever):
        workflows.result("w")


def test_a_killed_workflow_does_the_unrecorded_step_again_under_its_key() -> None:
    keys: list[str] = []

    def chain(flow: Flow) -> str:
        for name in ("one", "two", "three"):
            flow.step(name, lambda: keys.append(flow.step_key))
        return "done"

    workflows = InlineWorkflows()
    workflows.define("chain", chain)
    workflows.kill_after = "two"
    with pytest.raises(Killed):
        workflows.start("chain", id="c")
    assert workflows.status("c").state is State.RUNNING
    with pytest.raises(WorkflowPending):
        workflows.result("c")
    workflows.launch()
    assert workflows.result("c") == "done"
    assert keys == ["c/1", "c/2", "c/2", "c/3"]


def test_other_steps_on_replay_are_noticed() -> None:
    names = iter(["one", "another"])

    def chain(flow: Flow) -> None:
        flow.step(next(names), lambda: 1)
        flow.step("two", lambda: 2)

    workflows = InlineWorkflows()
    workflows.define("chain", chain)
    workflows.kill_after = "two"
    with pytest.raises(Killed):
        workflows.start("chain", id="c")
    workflows.launch()
    with pytest.raises(WorkflowChanged):
        workflows.result("c")


def test_a_workflow_cancelled_while_it_sleeps_stops() -> None:
    workflows = InlineWorkflows()
    workflows.define("sleeps", lambda flow: flow.sleep(3600))
    workflows.at(60, lambda: workflows.cancel("s"))
    workflows.start("sleeps", id="s")
    with pytest.raises(WorkflowCancelled):
        workflows.result("s")


def test_tries_move_the_clock_on() -> None:
    def fail() -> None:
        raise OSError("down")

    workflows = InlineWorkflows()
    workflows.define("tries", lambda flow: flow.retry("try", Retry(attempts=4, wait_s=1, longest_s=3), fail))
    workflows.start("tries", id="t")
    assert workflows.status("t").state is State.FAILED
    assert workflows.clock == EPOCH + timedelta(seconds=1 + 2 + 3)


def test_schedules_tick_as_the_clock_moves() -> None:
    seen: list[object] = []

    def tick(flow: Flow, given: object) -> None:
        flow.step("note", lambda: seen.append(given))

    workflows = InlineWorkflows()
    workflows.define("tick", tick)
    workflows.schedule("hourly", workflow="tick", every_s=3600, input="hour")
    workflows.schedule("nightly", workflow="tick", cron="0 3 * * *", input="night")
    workflows.advance(4 * 3600)
    assert seen == ["hour", "hour", "hour", "night", "hour"]
    assert [each.schedule for each in workflows.list(name="tick")][:2] == ["hourly", "nightly"]


def test_there_is_nothing_to_copy(tmp_path) -> None:
    with pytest.raises(BackupElsewhere):
        InlineWorkflows().backup(tmp_path / "copy")
