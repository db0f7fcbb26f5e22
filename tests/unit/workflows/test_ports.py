"""What every runner of workflows does alike."""

import subprocess
import sys

import msgspec
import pytest

from tidemill.core.errors import NotFound, Unavailable
from tidemill.workflows.errors import (
    NotStorable,
    StepFailed,
    StepMisused,
    WorkflowCancelled,
    WorkflowConflict,
    WorkflowEnded,
    WorkflowNotFound,
    WorkflowUndefined,
)
from tidemill.workflows.ports import Flow, Workflows
from tidemill.workflows.records import Retry, State


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    shares: tuple[float, ...] = (0.1, 0.5)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    share: float


class ShareRefused(NotFound):
    code = "share_refused"


def nothing(flow: Flow) -> None: ...


def give_one(flow: Flow) -> int:
    return 1


def fall(flow: Flow) -> float:
    return 1 / 0


def echo(flow: Flow, given: object) -> object:
    return given


def test_a_chain_of_steps_returns_its_value_and_shows_its_steps(workflows: Workflows) -> None:
    def move(share: float) -> Outcome:
        return Outcome(share=share)

    def rollout(flow: Flow, spec: Spec) -> Outcome:
        last = Outcome(share=0.0)
        for share in spec.shares:
            last = flow.step(f"move to {share}", move, share)
            flow.sleep(0.01)
        return last

    workflows.define("delivery.rollout", rollout)
    workflows.launch()
    workflows.start("delivery.rollout", id="r1", input=Spec())
    assert workflows.result("r1", timeout_s=10) == {"share": 0.5}
    status = workflows.status("r1")
    assert (status.name, status.generation, status.state) == ("delivery.rollout", 1, State.DONE)
    assert status.input == {"shares": [0.1, 0.5]}
    assert [each.name for each in workflows.steps("r1")] == ["move to 0.1", "sleep", "move to 0.5", "sleep"]


def test_starting_twice_runs_once(workflows: Workflows) -> None:
    runs: list[int] = []

    def count() -> int:
        runs.append(1)
        return len(runs)

    def once(flow: Flow) -> int:
        return flow.step("count", count)

    workflows.define("once", once)
    workflows.launch()
    workflows.start("once", id="a")
    assert workflows.result("a", timeout_s=10) == 1
    workflows.start("once", id="a")
    assert workflows.result("a", timeout_s=10) == 1
    assert runs == [1]


def test_an_id_belongs_to_one_workflow(workflows: Workflows) -> None:
    workflows.define("one", nothing)
    workflows.define("other", nothing)
    workflows.launch()
    workflows.start("one", id="a")
    workflows.result("a", timeout_s=10)
    with pytest.raises(WorkflowConflict):
        workflows.start("other", id="a")


def test_an_error_of_a_step_keeps_its_class_and_facts(workflows: Workflows) -> None:
    def refuse() -> None:
        raise ShareRefused("no room", hint="Wait.", where="endpoint delay", details={"share": 0.5})

    def asks(flow: Flow) -> str:
        try:
            flow.step("ask", refuse)
        except ShareRefused as error:
            return f"{error.message}, {error.hint}, {error.where}, {error.details['share']}"
        return "not refused"

    def fails(flow: Flow) -> None:
        flow.step("ask", refuse)

    workflows.define("asks", asks)
    workflows.define("fails", fails)
    workflows.launch()
    workflows.start("asks", id="a")
    assert workflows.result("a", timeout_s=10) == "no room, Wait., endpoint delay, 0.5"
    workflows.start("fails", id="b")
    with pytest.raises(ShareRefused, match="no room") as caught:
        workflows.result("b", timeout_s=10)
    assert caught.value.details == {"share": 0.5}
    assert workflows.status("b").state is State.FAILED
    assert workflows.steps("b")[0].error == "no room"


def test_any_other_exception_becomes_a_failed_step(workflows: Workflows) -> None:
    def divide() -> float:
        return 1 / 0

    def stumbles(flow: Flow) -> None:
        flow.step("divide", divide)

    def falls(flow: Flow) -> None:
        raise KeyError("lost")

    workflows.define("stumbles", stumbles)
    workflows.define("falls", falls)
    workflows.launch()
    workflows.start("stumbles", id="a")
    with pytest.raises(StepFailed, match="ZeroDivisionError: division by zero") as caught:
        workflows.result("a", timeout_s=10)
    assert caught.value.details == {"type": "builtins.ZeroDivisionError"}
    workflows.start("falls", id="b")
    with pytest.raises(StepFailed, match="KeyError"):
        workflows.result("b", timeout_s=10)


def test_a_step_is_tried_again_under_one_key(workflows: Workflows) -> None:
    keys: list[str] = []

    def retries(flow: Flow) -> int:
        def reach() -> int:
            keys.append(flow.step_key)
            if len(keys) < 3:
                raise Unavailable("not yet")
            return len(keys)

        return flow.retry("reach", Retry(attempts=3, wait_s=0.001), reach)

    workflows.define("retries", retries)
    workflows.launch()
    workflows.start("retries", id="a")
    assert workflows.result("a", timeout_s=10) == 3
    assert keys == ["a/1"] * 3


def test_an_error_that_trying_cannot_cure_ends_the_step_at_once(workflows: Workflows) -> None:
    tries: list[int] = []

    def reach() -> None:
        tries.append(1)
        raise ShareRefused("never")

    workflows.define("retries", lambda flow: flow.retry("reach", Retry(attempts=5, wait_s=0.001), reach))
    workflows.launch()
    workflows.start("retries", id="a")
    with pytest.raises(ShareRefused):
        workflows.result("a", timeout_s=10)
    assert tries == [1]


def test_the_step_key_is_the_same_inside_and_before_the_step(workflows: Workflows) -> None:
    def keyed(flow: Flow) -> list[str]:
        before = flow.step_key
        inside = flow.step("look", lambda: flow.step_key)
        return [before, inside, flow.step_key]

    workflows.define("keyed", keyed)
    workflows.launch()
    workflows.start("keyed", id="a")
    assert workflows.result("a", timeout_s=10) == ["a/1", "a/1", "a/2"]


def test_a_flow_is_not_used_inside_a_step(workflows: Workflows) -> None:
    workflows.define("nested", lambda flow: flow.step("outer", lambda: flow.step("inner", lambda: 1)))
    workflows.launch()
    workflows.start("nested", id="a")
    with pytest.raises(StepMisused):
        workflows.result("a", timeout_s=10)


def test_a_value_that_would_not_read_back_is_refused(workflows: Workflows) -> None:
    workflows.define("untyped", lambda flow: flow.step("make", lambda: Outcome(share=1.0)))
    workflows.define("unstorable", lambda flow: flow.step("make", lambda: [object()]))
    workflows.launch()
    for name in ("untyped", "unstorable"):
        workflows.start(name, id=name)
        with pytest.raises(NotStorable):
            workflows.result(name, timeout_s=10)


def test_an_input_that_does_not_fit_fails_the_workflow(workflows: Workflows) -> None:
    def typed(flow: Flow, spec: Spec) -> None: ...

    workflows.define("typed", typed)
    workflows.launch()
    workflows.start("typed", id="a", input={"shares": "many"})
    with pytest.raises(NotStorable, match="input of a"):
        workflows.result("a", timeout_s=10)


def test_a_step_may_start_and_message_other_workflows(workflows: Workflows) -> None:
    def chain(flow: Flow) -> str:
        flow.step("start", lambda: workflows.start("link", id="linked", input=7))
        return "started"

    workflows.define("chain", chain)
    workflows.define("link", echo)
    workflows.launch()
    workflows.start("chain", id="a")
    assert workflows.result("a", timeout_s=10) == "started"
    assert workflows.result("linked", timeout_s=10) == 7
    assert [each.name for each in workflows.steps("a")] == ["start"]


def test_a_wait_without_a_message_ends_with_none(workflows: Workflows) -> None:
    workflows.define("waits", lambda flow: flow.receive("operator", timeout_s=0.02))
    workflows.launch()
    workflows.start("waits", id="a")
    assert workflows.result("a", timeout_s=10) is None


def test_unknown_names_are_named(workflows: Workflows) -> None:
    workflows.define("known", nothing)
    workflows.launch()
    with pytest.raises(WorkflowUndefined) as caught:
        workflows.start("unknown", id="a")
    assert "known" in caught.value.hint
    for ask in (workflows.status, workflows.result, workflows.cancel, workflows.steps):
        with pytest.raises(WorkflowNotFound):
            ask("nobody")


def test_an_ended_workflow_takes_no_message_and_is_not_cancelled(workflows: Workflows) -> None:
    workflows.define("short", give_one)
    workflows.launch()
    workflows.start("short", id="a")
    workflows.result("a", timeout_s=10)
    with pytest.raises(WorkflowEnded):
        workflows.send("a", "operator", "promote")
    workflows.cancel("a")
    assert workflows.result("a", timeout_s=10) == 1


def test_a_workflow_cancelled_by_its_own_step_stops_there(workflows: Workflows) -> None:
    reached: list[int] = []

    def stops(flow: Flow) -> None:
        flow.step("cancel", lambda: workflows.cancel(flow.id))
        flow.step("never", lambda: reached.append(1))

    workflows.define("stops", stops)
    workflows.launch()
    workflows.start("stops", id="a")
    with pytest.raises(WorkflowCancelled):
        workflows.result("a", timeout_s=10)
    assert reached == []


def test_workflows_are_listed_by_name_and_state(workflows: Workflows) -> None:
    workflows.define("good", give_one)
    workflows.define("bad", fall)
    workflows.launch()
    for name in ("good", "bad"):
        workflows.start(name, id=f"{name}-1")
        with pytest.raises(StepFailed) if name == "bad" else pytest.MonkeyPatch.context():
            workflows.result(f"{name}-1", timeout_s=10)
    assert [each.id for each in workflows.list(name="good")] == ["good-1"]
    assert [each.id for each in workflows.list(states=frozenset({State.FAILED}))] == ["bad-1"]
    assert {each.id for each in workflows.list()} == {"good-1", "bad-1"}


def test_a_schedule_is_replaced_shown_and_removed(workflows: Workflows) -> None:
    workflows.define("tick", nothing)
    workflows.schedule("tick", every_s=3600)
    workflows.launch()
    workflows.schedule("tick", cron="0 3 * * *", zone="Europe/Vienna")
    workflows.schedule("another", workflow="tick", every_s=60)
    assert [(each.name, each.workflow, each.cron, each.zone) for each in workflows.schedules()] == [
        ("another", "tick", "0 */1 * * * *", "UTC"),
        ("tick", "tick", "0 0 3 * * *", "Europe/Vienna"),
    ]
    workflows.unschedule("tick")
    workflows.unschedule("tick")
    assert [each.name for each in workflows.schedules()] == ["another"]


def test_stating_a_workflow_loads_nothing_heavy() -> None:
    check = (
        "import sys, tidemill.workflows, tidemill.workflows.ports, tidemill.workflows.errors\n"
        "print([name for name in ('dbos', 'sqlalchemy', 'psycopg', 'croniter') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_opening_a_workspace_does_not_load_the_library_before_launch() -> None:
    check = "import sys, tidemill.workflows.durable as d; d.DurableWorkflows('x'); print('dbos' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
