"""What only workflows on a database do: messages, timers, schedules, restarts, one instance a process."""

import logging
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tidemill.core.errors import Damaged, Unavailable
from tidemill.workflows import upkeep
from tidemill.workflows.durable import DurableWorkflows
from tidemill.workflows.errors import (
    BackupElsewhere,
    InvalidWorkflow,
    WorkflowCancelled,
    WorkflowChanged,
    WorkflowPending,
    WorkflowsAlreadyLive,
    WorkflowsNotLive,
)
from tidemill.workflows.ports import Definition, Flow
from tidemill.workflows.records import State

WaitFor = Callable[..., object]
Open = Callable[..., DurableWorkflows]


def nothing(flow: Flow) -> None: ...


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Open]:
    """Give a function that launches workflows on one file, as a new process would."""
    made: list[DurableWorkflows] = []

    def launch(definitions: dict[str, Definition], generation: int = 1) -> DurableWorkflows:
        workflows = DurableWorkflows(tmp_path / "workflows.sqlite")
        for name, function in definitions.items():
            workflows.define(name, function, generation=generation)
        workflows.launch()
        made.append(workflows)
        return workflows

    yield launch
    for workflows in made:
        workflows.close()


def test_a_message_ends_a_wait_at_once(launched: Open, wait_for: WaitFor) -> None:
    def waits(flow: Flow) -> list[object]:
        return [flow.receive("operator"), flow.receive("operator", timeout_s=60), flow.receive("other", timeout_s=60)]

    workflows = launched({"waits": waits})
    workflows.start("waits", id="a")
    workflows.send("a", "other", {"to": "other"})
    workflows.send("a", "operator", "first", key="k1")
    workflows.send("a", "operator", "first again", key="k1")
    workflows.send("a", "operator", "second")
    assert workflows.result("a", timeout_s=10) == ["first", "second", {"to": "other"}]


def test_waits_go_on_after_closing_and_reopening(launched: Open, wait_for: WaitFor) -> None:
    steps: list[str] = []

    def waits(flow: Flow) -> object:
        flow.step("before", lambda: steps.append(flow.step_key))
        flow.sleep(0.05)
        message = flow.receive("operator", timeout_s=3600)
        flow.sleep(3600 if message == "long" else 0.01)
        return message

    first = launched({"waits": waits})
    first.start("waits", id="a")
    wait_for(lambda: first.steps("a")[-1:] and first.steps("a")[-1].name == "receive operator: until")
    first.close()
    second = launched({"waits": waits})
    assert not second.status("a").state.is_ended
    second.send("a", "operator", "short")
    assert second.result("a", timeout_s=10) == "short"
    assert steps == ["a/1"]


def test_closing_wakes_every_sleeper(launched: Open, wait_for: WaitFor) -> None:
    def sleeps(flow: Flow) -> None:
        flow.sleep(3600)

    before = threading.active_count()
    workflows = launched({"sleeps": sleeps})
    for number in range(20):
        workflows.start("sleeps", id=f"s{number}")
    workflows.close()
    wait_for(lambda: threading.active_count() <= before, what="the end of all threads")


def test_cancelling_wakes_a_sleeper(launched: Open) -> None:
    def sleeps(flow: Flow) -> None:
        flow.sleep(3600)

    workflows = launched({"sleeps": sleeps})
    workflows.start("sleeps", id="a")
    workflows.cancel("a")
    with pytest.raises(WorkflowCancelled):
        workflows.result("a", timeout_s=5)
    workflows.close()
    again = launched({"sleeps": sleeps})
    assert again.status("a").state is State.CANCELLED


def test_a_result_that_is_not_there_yet_is_said_so(launched: Open) -> None:
    workflows = launched({"waits": lambda flow: flow.receive("operator")})
    workflows.start("waits", id="a")
    with pytest.raises(WorkflowPending):
        workflows.result("a", timeout_s=0.02)


def test_pending_workflows_continue_under_their_own_generation(launched: Open, wait_for: WaitFor) -> None:
    def old(flow: Flow) -> str:
        flow.step("old step", lambda: 1)
        return f"old {flow.receive('operator')}"

    def new(flow: Flow) -> str:
        flow.step("new first step", lambda: 1)
        flow.step("new second step", lambda: 2)
        return "new"

    first = launched({"chain": old})
    first.start("chain", id="a")
    wait_for(lambda: first.steps("a"))
    first.close()
    second = DurableWorkflows(first._where)
    second.define("chain", old, generation=1)
    second.define("chain", new, generation=2)
    second.launch()
    try:
        second.start("chain", id="a")
        second.start("chain", id="b")
        second.send("a", "operator", "ended")
        assert second.result("a", timeout_s=10) == "old ended"
        assert second.result("b", timeout_s=10) == "new"
        assert [second.status(each).generation for each in "ab"] == [1, 2]
        assert len(second.list(name="chain")) == 2
    finally:
        second.close()


def test_a_pending_workflow_without_its_generation_waits_and_is_reported(
    launched: Open, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
) -> None:
    first = launched({"chain": lambda flow: flow.receive("operator")})
    first.start("chain", id="a")
    wait_for(lambda: first.status("a").state is State.RUNNING)
    first.close()
    second = launched({"chain": nothing}, generation=2)
    assert "Pending workflows have no definition here: chain@1" in caplog.text
    assert not second.status("a").state.is_ended


def test_changed_steps_without_a_new_generation_fail_the_workflow(launched: Open, wait_for: WaitFor) -> None:
    def waits(flow: Flow, name: str = "one") -> None:
        flow.step(name, lambda: 1)
        flow.receive("operator", timeout_s=0.01 if name == "two" else None)

    first = launched({"chain": lambda flow: waits(flow, "one")})
    first.start("chain", id="a")
    wait_for(lambda: first.steps("a"))
    first.close()
    second = launched({"chain": lambda flow: waits(flow, "two")})
    with pytest.raises(WorkflowChanged):
        second.result("a", timeout_s=10)


def test_a_schedule_ticks_and_its_missed_ticks_become_one(launched: Open, wait_for: WaitFor, tmp_path: Path) -> None:
    seen: list[object] = []

    def tick(flow: Flow, given: object) -> None:
        flow.step("note", lambda: seen.append(given))

    first = launched({"tick": tick})
    first.schedule("tick", every_s=1, input={"of": "first"})
    wait_for(lambda: first.schedules()[0].last_at, within_s=20)
    wait_for(lambda: {"of": "first"} in seen)
    first.close()
    with closing(sqlite3.connect(tmp_path / "workflows.sqlite")) as file, file:
        # As if the process had been away for days.
        file.execute(
            "UPDATE workflow_schedules SET last_fired_at = '2020-01-01T00:00:00+00:00', schedule = '0 0 3 * * *'"
        )
        file.execute("UPDATE workflow_schedules SET context = replace(context, 'first', 'days')")
        file.execute("DELETE FROM workflow_status WHERE schedule_name = 'tick'")
    for _ in range(2):
        again = launched({"tick": tick})
        wait_for(lambda again=again: again.list(name="tick", states=frozenset({State.DONE})))
        assert len(again.list(name="tick")) == 1
        assert again.list(name="tick")[0].input == {"of": "days"}
        again.close()
    assert seen.count({"of": "days"}) == 1


def test_a_tick_is_left_out_while_the_one_before_runs(launched: Open, wait_for: WaitFor) -> None:
    release = threading.Event()

    def tick(flow: Flow) -> str:
        flow.step("hold", lambda: release.wait(30) and None)
        return "ran"

    workflows = launched({"tick": tick})
    workflows.schedule("tick", every_s=1)
    done = frozenset({State.DONE})
    skipped = wait_for(lambda: workflows.list(name="tick", states=done), within_s=20)
    assert isinstance(skipped, tuple)
    assert skipped[0].result == {"skipped": "the tick before still runs"}
    release.set()
    wait_for(lambda: any(each.result == "ran" for each in workflows.list(name="tick", states=done)))


def test_old_ticks_are_removed_and_the_newest_stay(
    launched: Open, wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "KEPT_TICKS", 1)
    workflows = launched({"tick": nothing})
    workflows.schedule("tick", every_s=1)
    done = frozenset({State.DONE})
    wait_for(lambda: len(workflows.list(name="tick", states=done)) >= 2, within_s=20)
    workflows.unschedule("tick")
    workflows.schedule("tick", every_s=86400)
    wait_for(lambda: not workflows.list(name="tick", states=frozenset({State.RUNNING, State.WAITING})))
    workflows._keep_house(None)  # type: ignore[arg-type]
    assert len(workflows.list(name="tick")) == 1


def test_one_process_runs_the_workflows_of_one_workspace(launched: Open, tmp_path: Path) -> None:
    workflows = launched({"nothing": nothing})
    second = DurableWorkflows(tmp_path / "other.sqlite")
    with pytest.raises(WorkflowsAlreadyLive):
        second.launch()
    workflows.start("nothing", id="a")
    assert workflows.result("a", timeout_s=10) is None
    workflows.close()
    second.launch()
    second.close()


def test_nothing_is_asked_of_workflows_that_are_not_live(tmp_path: Path) -> None:
    workflows = DurableWorkflows(tmp_path / "workflows.sqlite")
    workflows.define("nothing", nothing)
    with pytest.raises(WorkflowsNotLive):
        workflows.start("nothing", id="a")
    workflows.launch()
    with pytest.raises(InvalidWorkflow):
        workflows.define("late", nothing)
    workflows.close()
    workflows.close()
    with pytest.raises(WorkflowsNotLive):
        workflows.status("a")
    with pytest.raises(WorkflowsNotLive):
        workflows.launch()


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "workflows.sqlite"
    path.write_bytes(b"not a database" * 100)
    workflows = DurableWorkflows(path)
    with pytest.raises(Damaged):
        workflows.launch()
    assert path.read_bytes() == b"not a database" * 100
    fresh = DurableWorkflows(tmp_path / "fresh.sqlite")
    fresh.launch()
    fresh.close()


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        DurableWorkflows(tmp_path).launch()


def test_a_running_database_is_copied_whole(launched: Open, tmp_path: Path) -> None:
    def count(flow: Flow) -> int:
        return sum(flow.step(f"step {number}", int, number) for number in range(20))

    workflows = launched({"count": count})
    for number in range(10):
        workflows.start("count", id=f"c{number}")
    copy = tmp_path / "copy.sqlite"
    workflows.backup(copy)
    with closing(sqlite3.connect(copy)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        known = {row[0] for row in file.execute("SELECT workflow_uuid FROM workflow_status")}
    assert {f"c{number}" for number in range(10)} <= known
    workflows.close()
    restored = DurableWorkflows(copy)
    restored.define("count", count)
    restored.launch()
    try:
        assert [restored.result(f"c{number}", timeout_s=30) for number in range(10)] == [190] * 10
    finally:
        restored.close()


def test_postgres_is_copied_by_its_own_tools(tmp_path: Path) -> None:
    with pytest.raises(BackupElsewhere):
        DurableWorkflows("postgresql://nobody@localhost/none").backup(tmp_path / "copy")


def test_the_file_has_no_write_ahead_log(launched: Open, tmp_path: Path) -> None:
    workflows = launched({"nothing": nothing})
    workflows.start("nothing", id="a")
    workflows.result("a", timeout_s=10)
    with closing(sqlite3.connect(tmp_path / "workflows.sqlite")) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert not (tmp_path / "workflows.sqlite-wal").exists()


def test_the_library_is_quiet_offline_and_takes_no_signal(
    launched: Open, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "listen", refuse)
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    workflows = launched({"fails": lambda flow: flow.step("fall", lambda: 1 // 0)})
    workflows.start("fails", id="a")
    with pytest.raises(Exception, match="division"):
        workflows.result("a", timeout_s=10)
    workflows.close()
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
    assert [each.name for each in caplog.records if each.levelno >= logging.WARNING] == ["tidemill.workflows"]
    assert capfd.readouterr() == ("", "")
