"""The ledger never claims what the data plane does not serve."""

import json
import os

import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import Unavailable
from tidemill.delivery.ports import Arms
from tidemill.delivery.records import RolloutPlan
from tidemill.delivery.traffic import LATE, NOT_RUNNING

PLAN = RolloutPlan(shares=[0.5], min_requests=10, stage_timeout_s=100.0)


class Plane:
    """A made-up data plane: takes each revision as it is told to."""

    def __init__(self, house, monkeypatch):
        self.folder = house.home / "serving"
        self.refuses: set[int] = set()
        self.is_late = False
        self.pid = os.getppid()
        self.routing = house.routing
        self.before = house.routing.write
        monkeypatch.setattr(house.routing, "write", self.write)
        self.say({"revision": 0, "endpoints": {}})

    def write(self, *given):
        self.before(*given)
        if not self.is_late:
            self.take()

    def take(self):
        self.say(json.loads((self.folder / "routes.json").read_bytes()))

    def say(self, routes):
        errors = {
            name: {"code": "damaged_model", "message": "it is damaged", "hint": ""}
            for name, endpoint in routes["endpoints"].items()
            if self.refuses & {target["version"] for target in endpoint["targets"]}
        }
        self.folder.mkdir(exist_ok=True)
        content = {"revision": routes["revision"], "at": 0, "pid": self.pid, "errors": errors}
        (self.folder / f"applied-{self.pid}.json").write_text(json.dumps(content))

    def die(self):
        (self.folder / f"applied-{self.pid}.json").unlink()


@pytest.fixture
def plane(house, monkeypatch):
    return Plane(house, monkeypatch)


@pytest.fixture
def delay(house, ann):
    house.delivery.create_endpoint(ann, name="delay")
    return house.delivery


def test_what_is_served_is_confirmed(house, ann, plane, delay):
    rollout = delay.deploy(ann, endpoint="delay", model=house.ready().ref)
    found = house.endpoint()
    assert (found.served, found.served_revision, found.problem) == (rollout.after, found.revision, "")
    assert [event.kind for event in house.rollout(rollout.id).events] == ["start", "promoted", "served"]


def test_a_first_model_that_is_refused_is_not_deployed(house, ann, plane, delay):
    plane.refuses = {1}
    with pytest.raises(Unavailable) as caught:
        delay.deploy(ann, endpoint="delay", model=house.ready().ref)
    assert caught.value.code == "target_refused"
    assert "it is damaged" in caught.value.message
    found = house.endpoint()
    assert (found.targets, found.stable, found.served) == ([], None, None)
    (rollout,) = delay.list_rollouts(OWNER, endpoint="delay")
    assert rollout.state == "rolled_back"
    assert "it is damaged" in rollout.reason
    assert house.models.get(OWNER, ref="delay@1").aliases == []
    assert house.audit("endpoint.refused") == 1


def test_a_model_that_is_refused_leaves_the_one_before_in_force(house, ann, plane, delay):
    first = delay.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    plane.refuses = {2}
    both = house.ready("both")
    with pytest.raises(Unavailable):
        delay.deploy(ann, endpoint="delay", model=both.ref, key="again")
    found = house.endpoint()
    assert (found.stable, found.served, found.problem) == (first.after, first.after, "")
    assert found.served_revision == found.revision
    assert house.champion() == 1
    again = delay.deploy(ann, endpoint="delay", model=both.ref, key="again")
    assert again.state == "rolled_back"
    plane.refuses = set()
    assert delay.deploy(ann, endpoint="delay", model=both.ref).state == "promoted"


def test_a_canary_that_is_refused_ends_the_rollout(house, ann, plane, delay):
    first = delay.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    plane.refuses = {2}
    rollout = delay.deploy(ann, endpoint="delay", model=house.ready("both").ref, plan=PLAN)
    found = house.rollout(rollout.id)
    assert found.state == "rolled_back"
    assert "it is damaged" in found.reason
    assert house.eyes.asked == []
    assert [target.deployment for target in house.endpoint().targets] == [first.after]
    assert house.champion() == 1


def test_a_canary_that_is_refused_late_ends_the_rollout_at_the_next_look(house, ann, plane, delay, monkeypatch):
    first = delay.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    plane.refuses = {2}

    def look(number):
        if number == 1:
            plane.is_late = False
        return Arms()

    house.eyes.script = look
    plane.is_late = True
    monkeypatch.setattr("tidemill.delivery.traffic.WAIT_S", 0.01)
    rollout = delay.deploy(ann, endpoint="delay", model=house.ready("both").ref, plan=PLAN)
    assert house.rollout(rollout.id).state == "rolled_back"
    assert len(house.eyes.asked) <= 2
    assert house.endpoint().stable == first.after


def test_going_back_to_a_model_that_is_refused_stays_where_it_is(house, ann, plane, delay):
    first = delay.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    second = delay.deploy(ann, endpoint="delay", model=house.ready("both").ref)
    plane.refuses = {1}
    with pytest.raises(Unavailable) as caught:
        delay.rollback(ann, endpoint="delay")
    assert caught.value.code == "target_refused"
    found = house.endpoint()
    assert (found.stable, found.served) == (second.after, second.after)
    assert house.champion() == 2
    assert house.rollout(first.id).state == "promoted"  # that it was in force once stays true


def test_what_stands_and_cannot_be_loaded_any_more_is_told(house, ann, plane, delay):
    rollout = delay.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    plane.refuses = {1}
    plane.take()
    delay.start()
    found = house.endpoint()
    assert found.stable == rollout.after
    assert found.problem == "the data plane refused it: it is damaged"
    revision = found.revision
    delay.start()
    assert house.endpoint().revision == revision
    plane.refuses = set()
    plane.take()
    delay.start()
    assert house.endpoint().problem == ""


def test_a_refusal_of_one_endpoint_is_none_of_another(house, ann, plane, delay):
    one, both = house.ready("one"), house.ready("both")
    delay.create_endpoint(ann, name="other")
    delay.deploy(ann, endpoint="delay", model=both.ref)
    plane.refuses = {2}
    plane.take()
    assert delay.deploy(ann, endpoint="other", model=one.ref).state == "promoted"
    assert house.endpoint("other").problem == ""
    assert "refused" in house.endpoint("delay").problem


def test_going_back_while_the_data_plane_is_down_is_told_and_made_up_at_its_start(house, ann, plane, delay):
    first = delay.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    second = delay.deploy(ann, endpoint="delay", model=house.ready("both").ref)
    plane.die()
    plane.is_late = True
    found = delay.rollback(ann, endpoint="delay")
    assert (found.stable, found.served, found.problem) == (first.after, second.after, NOT_RUNNING)
    assert found.served_revision < found.revision
    plane.take()
    plane.is_late = False
    delay.start()
    found = house.endpoint()
    assert (found.served, found.served_revision, found.problem) == (first.after, found.revision, "")


def test_a_slow_data_plane_is_told(house, ann, plane, delay, monkeypatch):
    delay.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    plane.is_late = True
    monkeypatch.setattr("tidemill.delivery.traffic.WAIT_S", 0.01)
    assert delay.configure_endpoint(ann, name="delay", time="at").problem == LATE
    plane.take()
    delay.reconcile()
    assert house.endpoint().problem == ""


def test_files_of_processes_that_are_gone_say_nothing(house, ann, delay):
    folder = house.home / "serving"
    folder.mkdir()
    for name in ("applied-999999999.json", f"applied-{os.getpid()}.json", "applied-x.json"):
        (folder / name).write_text('{"revision": 0, "at": 0, "errors": {}}')
    (folder / f"applied-{os.getppid()}.json").write_text("{")
    delay.deploy(ann, endpoint="delay", model=house.ready().ref)
    assert house.endpoint().problem == NOT_RUNNING


def test_the_same_routes_are_not_written_again(house, ann, plane, delay):
    delay.deploy(ann, endpoint="delay", model=house.ready().ref)
    stamp = (house.home / "serving" / "routes.json").stat().st_mtime_ns
    delay.reconcile()
    assert (house.home / "serving" / "routes.json").stat().st_mtime_ns == stamp
