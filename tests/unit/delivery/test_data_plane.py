"""Delivery and the real data plane: what is deployed answers, what moves drops no request."""

import json
import math
import threading
import time

import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import Unavailable
from tidemill.delivery.ports import Arms
from tidemill.delivery.records import RolloutPlan
from tidemill.delivery.traffic import NOT_RUNNING


class Load:
    """Requests without a pause from a few connections."""

    def __init__(self, plane, count=2):
        self.plane = plane
        self.answers: list[tuple[float, int, object]] = []
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._run) for _ in range(count)]

    def _run(self):
        connection = self.plane.connect()
        while not self.ending.is_set():
            status, answer = self.plane.ask(connection)
            self.answers.append((time.monotonic(), status, answer.get("version", answer)))
        connection.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(20)


@pytest.fixture
def plane(house, start_plane):
    return start_plane(house.home)


@pytest.fixture
def delay(house, ann):
    house.delivery.create_endpoint(ann, name="delay", passthrough=["z"])
    return house.delivery


def test_the_loop_of_a_version_drops_no_request(house, ann, plane, delay, wait_for, record_property):
    one, copy = house.ready("one"), house.ready("one", copy=2)
    first = delay.deploy(ann, endpoint="delay", model=one.ref)
    assert house.endpoint().served == first.after
    status, answer = plane.ask()
    assert (status, answer["model"], answer["version"], answer["route"]) == (200, "delay", 1, "stable")
    assert answer["deployment"] == first.after

    shared: list[str] = []
    with Load(plane) as load:

        def look(_number):
            wait_for(lambda: len(load.answers) > 100)
            connection = plane.connect()
            while len(shared) < 600:
                shared.append(plane.ask(connection)[1]["route"])
            return Arms()

        house.eyes.script = look
        plan = RolloutPlan(shares=[0.3], stage_timeout_s=1.0, on_timeout="promote")
        rollout = delay.deploy(ann, endpoint="delay", model=copy.ref, plan=plan)
        assert house.rollout(rollout.id).state == "promoted"
        assert plane.ask()[1]["version"] == 2
        seconds = []
        for at in range(10):
            began = time.monotonic()
            found = delay.rollback(ann, endpoint="delay", to=first.after if at % 2 == 0 else rollout.after)
            seconds.append(time.monotonic() - began)
            assert found.problem == ""
            assert plane.ask()[1]["deployment"] == found.stable
    share, tolerance = shared.count("canary") / len(shared), 4 * math.sqrt(0.3 * 0.7 / len(shared))
    assert abs(share - 0.3) < tolerance
    assert {status for _, status, _ in load.answers} == {200}
    assert {version for _, _, version in load.answers} == {1, 2}
    record_property("rollback_ms", [round(1000 * each) for each in seconds])


def test_a_bundle_that_is_damaged_is_refused_and_what_was_before_answers(house, ann, plane, delay):
    first = delay.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    both = house.ready("both")
    folder = house.routing.export(both.digest)
    target = folder / "model.skops"
    target.chmod(0o600)
    target.write_bytes(target.read_bytes()[:-20] + bytes(20))
    with pytest.raises(Unavailable) as caught:
        delay.deploy(ann, endpoint="delay", model=both.ref)
    assert caught.value.code == "target_refused"
    assert "model.skops" in caught.value.message or "not what was written" in caught.value.message
    found = house.endpoint()
    assert (found.stable, found.served, found.problem) == (first.after, first.after, "")
    assert plane.ask()[1]["version"] == 1
    assert house.champion() == 1


def test_a_change_while_the_data_plane_is_down_is_made_up(house, ann, plane, delay):
    first = delay.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    second = delay.deploy(ann, endpoint="delay", model=house.ready("both").ref)
    assert plane.ask(z=1.0)[1]["version"] == 2
    plane.stop()
    found = delay.rollback(ann, endpoint="delay")
    assert (found.stable, found.served, found.problem) == (first.after, second.after, NOT_RUNNING)
    plane.start()
    assert plane.ask()[1]["version"] == 1
    delay.start()
    found = house.endpoint()
    assert (found.served, found.problem) == (first.after, "")


def test_of_two_deployments_at_once_one_is_under_way(house, ann, delay, monkeypatch):
    delay.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    both = house.ready("both")
    monkeypatch.setattr(house.workflows, "start", lambda *_args, **_more: None)
    outcomes: list[str] = []
    gate = threading.Barrier(4)

    def deploy():
        gate.wait(10)
        try:
            outcomes.append(delay.deploy(ann, endpoint="delay", model=both.ref, plan=RolloutPlan(shares=[0.5])).state)
        except Exception as error:  # noqa: BLE001 - the test looks at what it was
            outcomes.append(error.code)  # type: ignore[attr-defined]

    threads = [threading.Thread(target=deploy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["rollout_underway"] * 3 + ["running"]
    assert len(delay.list_deployments(OWNER, endpoint="delay")) == 2


def test_the_same_key_at_once_is_one_deployment(house, ann, delay):
    version = house.ready("one")
    found: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(delay.deploy(ann, endpoint="delay", model=version.ref, key="once").id)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(delay.list_deployments(OWNER, endpoint="delay")) == 1


def test_no_older_table_follows_a_newer_one(house, ann, monkeypatch):
    versions = [house.ready("one"), house.ready("both")]
    names = ["a", "b", "c"]
    for name in names:
        house.delivery.create_endpoint(ann, name=name)
    written: list[int] = []
    before = house.routing.write

    def write(revision, *rest):
        before(revision, *rest)
        written.append(revision)

    monkeypatch.setattr(house.routing, "write", write)

    def change(name):
        for at in range(6):
            house.delivery.deploy(ann, endpoint=name, model=versions[at % 2].ref)

    threads = [threading.Thread(target=change, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert written == sorted(written)
    routes = json.loads((house.home / "serving" / "routes.json").read_bytes())
    found = house.delivery.list_endpoints(OWNER)
    assert routes["revision"] == sum(endpoint.revision for endpoint in found)
    for endpoint in found:
        targets = routes["endpoints"][endpoint.name]["targets"]
        assert [target["deployment"] for target in targets] == [endpoint.stable]
