"""A rollout goes on, goes back or waits as its counts say; a death at any line doubles nothing."""

import msgspec
import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import Conflict, InvalidInput
from tidemill.delivery.ports import Arms, ArmStats, Latencies
from tidemill.delivery.records import RolloutPlan
from tidemill.workflows.errors import WorkflowStoreUnavailable
from tidemill.workflows.inline import Killed

PLAN = RolloutPlan(shares=[0.1, 0.5], min_requests=100, stage_timeout_s=600.0, interval_s=5.0)


class Seen:
    """An endpoint with one version in force and a better one that is rolled out."""

    def __init__(self, house, ann):
        self.house, self.ann = house, ann
        self.one, self.both = house.ready("one"), house.ready("both")
        house.delivery.create_endpoint(ann, name="delay")
        self.first = house.delivery.deploy(ann, endpoint="delay", model=self.one.ref)

    def roll_out(self, script, key="second", **plan):
        self.house.eyes.script = script
        wanted = msgspec.structs.replace(PLAN, **plan)
        rollout = self.house.delivery.deploy(self.ann, endpoint="delay", model=self.both.ref, plan=wanted, key=key)
        return self.house.rollout(rollout.id)

    def kinds(self, rollout):
        return [event.kind for event in rollout.events]

    def shares(self, rollout):
        return [event.facts["share"] for event in rollout.events if event.kind == "share"]


@pytest.fixture
def seen(house, ann):
    return Seen(house, ann)


def test_a_good_canary_is_promoted_after_its_stages(seen, house, arms):
    rollout = seen.roll_out(lambda _look: arms((900, 9), (100, 1)))
    assert (rollout.state, rollout.share) == ("promoted", 1.0)
    assert rollout.ended_at is not None
    assert seen.kinds(rollout) == ["start", "share", "judged", "share", "judged", "promoted"]
    assert seen.shares(rollout) == [0.1, 0.5]
    assert "no measure is surely worse" in rollout.events[2].message
    assert rollout.events[2].facts["error_rate"]["canary_count"] == 100
    found = house.endpoint()
    assert found.stable == rollout.after
    assert [(target.share, target.route) for target in found.targets] == [(1.0, "stable")]
    assert house.champion() == 2


def test_traffic_is_shared_while_it_is_watched(seen, house, arms):
    targets = []

    def look(number):
        targets.append(house.endpoint().targets)
        return arms((10 * number, 0), (30 * number, 0))

    rollout = seen.roll_out(look)
    first, last = targets[0], targets[-1]
    assert [(each.route, each.share) for each in first] == [("stable", 0.9), ("canary", 0.1)]
    assert [(each.route, each.share) for each in last] == [("stable", 0.5), ("canary", 0.5)]
    asked = house.eyes.asked[0]
    assert (asked["stable"], asked["canary"]) == (seen.first.after, rollout.after)
    assert asked["watch"] == ["error_rate"]
    sinces = [each["since_ms"] for each in house.eyes.asked]
    assert len(set(sinces)) == 2  # each stage counts from its own beginning
    assert sinces == sorted(sinces)


def test_a_bad_canary_goes_back(seen, house, arms):
    rollout = seen.roll_out(lambda look: arms((90 * look, 1), (10 * look, 8 * look)))
    assert rollout.state == "rolled_back"
    assert "error_rate" in rollout.reason
    assert "surely worse" in rollout.reason
    assert len(house.eyes.asked) <= 3
    found = house.endpoint()
    assert found.stable == seen.first.after
    assert [target.deployment for target in found.targets] == [seen.first.after]
    assert house.champion() == 1


@pytest.mark.parametrize(("on_timeout", "state"), [("promote", "promoted"), ("rollback", "rolled_back")])
def test_a_stage_without_enough_requests_ends_by_its_time(seen, house, arms, on_timeout, state):
    began = house.workflows.clock
    rollout = seen.roll_out(lambda _look: arms((9, 0), (1, 0)), on_timeout=on_timeout)
    assert rollout.state == state
    stages = 2 if state == "promoted" else 1
    assert 600 * stages <= (house.workflows.clock - began).total_seconds() <= 700 * stages
    assert "1 of 100 requests" in rollout.events[2].message


def test_waiting_goes_on_until_a_person_decides(seen, house, arms):
    house.workflows.at(100_000, lambda: house.delivery.promote(seen.ann, endpoint="delay", reason="good enough"))
    rollout = seen.roll_out(lambda _look: arms((9, 0), (1, 0)), on_timeout="wait")
    assert (rollout.state, rollout.reason) == ("promoted", "good enough")
    assert house.endpoint().stable == rollout.after
    assert house.champion() == 2
    assert len(house.eyes.asked) < 500  # it looks ever more rarely


def test_a_person_rolls_back_in_the_middle(seen, house, arms):
    house.workflows.at(100, lambda: house.delivery.rollback(OWNER, endpoint="delay"))
    rollout = seen.roll_out(lambda _look: arms((9, 0), (1, 0)))
    assert (rollout.state, rollout.reason) == ("rolled_back", "rolled back by owner")
    assert house.endpoint().stable == seen.first.after
    assert seen.kinds(rollout) == ["start", "share", "rolled_back"]


def test_a_rollout_that_was_ended_behind_its_back_is_left_alone(seen, house, arms, monkeypatch):
    """The process may die between the change of the ledger and the message to the workflow."""
    monkeypatch.setattr(house.delivery._moves, "_wake", lambda _rollout: None)
    house.workflows.at(100, lambda: house.delivery.rollback(OWNER, endpoint="delay"))
    rollout = seen.roll_out(lambda _look: arms((9, 0), (1, 0)))
    assert rollout.state == "rolled_back"
    assert house.audit("rollout.rolled_back") == 1


def test_an_endpoint_has_one_rollout_at_a_time(seen, house, arms):
    seen.house.workflows.kill_after = "look-0-1"
    with pytest.raises(Killed):
        seen.roll_out(lambda _look: arms((9, 0), (1, 0)))
    third = house.ready("guess")
    with pytest.raises(Conflict) as caught:
        house.delivery.deploy(seen.ann, endpoint="delay", model=third.ref)
    assert caught.value.code == "rollout_underway"
    assert len(house.delivery.list_deployments(OWNER, endpoint="delay")) == 2


def test_a_newer_version_supersedes_a_rollout(seen, house, arms):
    third = house.ready("guess")
    newer = []

    def supersede():
        newer.append(house.delivery.deploy(seen.ann, endpoint="delay", model=third.ref, plan=PLAN, supersede=True).id)

    house.workflows.at(100, supersede)
    rollout = seen.roll_out(lambda look: arms((9, 0), (1, 0)) if look < 30 else arms((900, 0), (100, 0)))
    assert (rollout.state, rollout.reason) == ("superseded", "superseded by delay@3")
    second = house.rollout(newer[0])
    assert (second.state, second.before) == ("promoted", seen.first.after)
    assert house.champion() == 3
    assert seen.kinds(rollout)[-1] == "superseded"


def test_an_observer_that_fails_is_noted_and_the_next_look_counts(seen, house, arms):
    def look(number):
        if number < 4:
            raise RuntimeError("the disk is on fire")
        return arms((900, 9), (100, 1))

    rollout = seen.roll_out(look)
    assert rollout.state == "promoted"
    assert seen.kinds(rollout).count("blind") == 1
    assert "a look failed" in rollout.events[2].message


def test_counts_that_contradict_themselves_are_a_failed_look(seen, arms):
    rollout = seen.roll_out(lambda _look: arms((9, 99), (1, 0)), on_timeout="rollback")
    assert rollout.state == "rolled_back"
    assert "time was over" in rollout.reason
    assert "blind" in seen.kinds(rollout)


def test_what_nobody_counts_ends_by_its_time(seen):
    rollout = seen.roll_out(lambda _look: Arms(), on_timeout="promote")
    assert rollout.state == "promoted"
    assert "0 of 100 requests" in rollout.events[2].message


STEPS = ["read", "share-0", "now", "receive operator", "look-0-1", "judged-0", "share-1", "look-1-1", "judged-1", "end",
         "settled"]  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("good", [True, False])
def test_a_death_after_any_step_doubles_nothing(seen, house, arms, step, good):
    if not good and step in {"share-1", "look-1-1", "judged-1"}:
        return
    house.workflows.kill_after = step
    script = (lambda _look: arms((900, 9), (100, 1))) if good else (lambda _look: arms((900, 9), (100, 90)))
    with pytest.raises(Killed):
        seen.roll_out(script)
    house.workflows.launch()
    (rollout, _) = house.delivery.list_rollouts(OWNER, endpoint="delay")
    assert rollout.state == ("promoted" if good else "rolled_back")
    stages = ["share", "judged"] * (2 if good else 1)
    assert seen.kinds(rollout) == ["start", *stages, rollout.state]
    assert house.audit("rollout.share") == len(stages) // 2
    assert house.audit(f"rollout.{rollout.state}") == (2 if good else 1)  # the first deployment was promoted too
    assert house.champion() == (2 if good else 1)
    revision = house.endpoint().revision
    house.delivery.start()
    assert house.endpoint().revision == revision


def test_a_death_before_the_workflow_began_is_made_up_at_the_next_start(seen, house, arms, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(house.workflows, "start", lambda *_args, **_more: (_ for _ in ()).throw(Killed("now")))
        with pytest.raises(Killed):
            seen.roll_out(lambda _look: arms((900, 9), (100, 1)))
    (rollout, _) = house.delivery.list_rollouts(OWNER, endpoint="delay")
    assert rollout.state == "running"
    house.delivery.start()
    assert house.rollout(rollout.id).state == "promoted"


def test_a_workflow_that_could_not_start_is_started_by_the_watch_over_the_data_plane(seen, house, arms, monkeypatch):
    def broken(*_args, **_more):
        raise WorkflowStoreUnavailable("the disk is full", hint="Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(house.workflows, "start", broken)
        with pytest.raises(WorkflowStoreUnavailable):
            seen.roll_out(lambda _look: arms((900, 9), (100, 1)))
        house.delivery.take_up(house.workflows)  # still broken: it is tried again, and nothing else is held up
    (rollout, _) = house.delivery.list_rollouts(OWNER, endpoint="delay")
    assert rollout.state == "running"
    house.workflows.advance(120)
    assert house.rollout(rollout.id).state == "promoted"


def test_a_death_before_the_workflow_began_is_made_up_by_deploying_again(seen, house, arms, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(house.workflows, "start", lambda *_args, **_more: (_ for _ in ()).throw(Killed("now")))
        with pytest.raises(Killed):
            seen.roll_out(lambda _look: arms((900, 9), (100, 1)))
    assert seen.roll_out(lambda _look: arms((900, 9), (100, 1))).state == "promoted"
    assert len(house.delivery.list_rollouts(OWNER, endpoint="delay")) == 2


def test_a_rollout_whose_workflow_broke_goes_back_at_the_next_start(seen, house, arms, monkeypatch):
    def broken(*_args):
        raise InvalidInput("a fault of ours", hint="none")

    monkeypatch.setattr(house.delivery._rollouts, "_note", broken)
    rollout = seen.roll_out(lambda _look: arms((900, 9), (100, 1)))
    assert rollout.state == "running"
    monkeypatch.undo()
    house.delivery.start()
    found = house.rollout(rollout.id)
    assert (found.state, found.reason) == ("rolled_back", "the workflow that carried it out failed")
    assert house.endpoint().stable == seen.first.after
    assert len(house.endpoint().targets) == 1


def slow_arms(stable, canary):
    """Return counts from (requests, slow) of both routes."""
    return Arms(
        stable=ArmStats(requests=stable[0], slow=stable[1]), canary=ArmStats(requests=canary[0], slow=canary[1])
    )


def limit_of(rollout):
    (event,) = [event for event in rollout.events if event.kind == "limit"]
    return event


def test_a_canary_is_held_against_what_stood_before_it(seen, house):
    house.eyes.past = Latencies(rows=4210, quantile_ms=12.0)
    rollout = seen.roll_out(
        lambda look: slow_arms((900 * look, 9 * look), (100 * look, 40 * look)), watch=["latency_p99"]
    )
    assert rollout.state == "rolled_back"
    assert "latency_p99" in rollout.reason
    assert house.eyes.asked_past == [{"endpoint": "delay", "deployment": seen.first.after, "share": 0.99}]
    assert {each["slow_ms"] for each in house.eyes.asked} == {15.0}
    told = limit_of(rollout)
    assert told.facts["from"] == "history"
    assert (told.facts["slow_ms"], told.facts["quantile_ms"], told.facts["rows"]) == (15.0, 12.0, 4210)
    assert "1.25 times the p99 of 12 ms" in told.message
    assert seen.kinds(rollout)[:3] == ["start", "limit", "share"]  # before the canary has answered anything
    assert rollout.plan.slow_ms == PLAN.slow_ms  # what was asked for stays as it was


@pytest.mark.parametrize(
    ("past", "said"),
    [
        (Latencies(), "only 0 of the 1,000 rows"),
        (Latencies(rows=999, quantile_ms=3.0), "only 999 of the 1,000 rows"),
        (WorkflowStoreUnavailable("the disk is gone", hint="Wait."), "the disk is gone"),
        (RuntimeError("the disk is on fire"), "the disk is on fire"),
    ],
)
def test_without_enough_history_the_stated_limit_counts_and_the_rollout_says_so(seen, house, past, said):
    house.eyes.past = past
    script = lambda _look: slow_arms((900, 9), (100, 1))  # noqa: E731 - a script is one line
    rollout = seen.roll_out(script, watch=["error_rate", "latency_p99"], slow_ms=70.0)
    assert rollout.state == "promoted"
    assert {each["slow_ms"] for each in house.eyes.asked} == {70.0}
    assert limit_of(rollout).facts["from"] == "plan"
    assert said in limit_of(rollout).message
    assert "over the stated 70 ms" in limit_of(rollout).message


def test_a_limit_of_ones_own_asks_for_no_history(seen, house):
    rollout = seen.roll_out(lambda _look: slow_arms((900, 9), (100, 1)), watch=["latency"], slow_ms=70.0)
    assert rollout.state == "promoted"
    assert house.eyes.asked_past == []
    assert {each["slow_ms"] for each in house.eyes.asked} == {70.0}
    assert "limit" not in seen.kinds(rollout)


@pytest.mark.parametrize("step", ["latencies", "limit", "share-0", "look-0-1", "judged-0"])
def test_the_limit_stays_what_it_was_after_a_death(seen, house, step):
    house.eyes.past = Latencies(rows=4000, quantile_ms=20.0)
    house.workflows.kill_after = step
    with pytest.raises(Killed):
        seen.roll_out(lambda _look: slow_arms((900, 9), (100, 1)), watch=["latency_p99"])
    if step != "latencies":  # from its record on, nothing asks again
        house.eyes.past = Latencies(rows=9000, quantile_ms=500.0)
    house.workflows.launch()
    (rollout, _) = house.delivery.list_rollouts(OWNER, endpoint="delay")
    assert rollout.state == "promoted"
    assert {each["slow_ms"] for each in house.eyes.asked} == {25.0}
    assert seen.kinds(rollout).count("limit") == 1
