"""The files of models beside the data plane: kept while they are served or likely to be gone back to, then removed."""

import json
import os
import shutil

import pytest

from tidemill.core.access import OWNER
from tidemill.delivery.traffic import KEPT_DEPLOYMENTS
from tidemill.objects import trash


@pytest.fixture
def delay(house, ann):
    house.delivery.create_endpoint(ann, name="delay")
    return house.delivery


@pytest.fixture
def versions(house):
    """Give as many versions as are kept, and three more."""
    return [house.register("one", copy=at + 1) for at in range(KEPT_DEPLOYMENTS + 3)]


def there(house):
    return {path.name for path in (house.home / "serving" / "bundles").iterdir()}


def say(house, revision=None, errors=None, pid=None):
    """Say as a process of the data plane which revision it has taken."""
    told = house.endpoint().revision if revision is None else revision
    content = {"revision": told, "at": 0, "pid": 0, "errors": errors or {}}
    (house.home / "serving" / f"applied-{pid or os.getppid()}.json").write_text(json.dumps(content))


def deploy(delay, versions):
    """Deploy versions where no data plane runs, so that nothing is removed meanwhile."""
    return [delay.deploy(OWNER, endpoint="delay", model=each.ref, force=True) for each in versions]


def digests(versions):
    return {each.digest for each in versions}


def test_the_newest_deployments_stay_and_the_others_go(house, delay, versions):
    deploy(delay, versions)
    assert there(house) == digests(versions)

    say(house)
    delay.reconcile()

    assert there(house) == digests(versions[-KEPT_DEPLOYMENTS:])


@pytest.mark.parametrize("said", [
    {"revision": 0}, {"errors": {"delay": {"code": "x", "message": "it is damaged", "hint": ""}}}, None,
])  # fmt: skip
def test_nothing_goes_while_a_data_plane_may_have_it_loaded(house, delay, versions, said, monkeypatch):
    deploy(delay, versions)
    if said is not None:
        say(house, **said)
    monkeypatch.setattr("tidemill.delivery.traffic.WAIT_S", 0.0)

    delay._traffic._sweep()

    assert there(house) == digests(versions)


def test_nothing_goes_while_one_process_of_several_is_late(house, delay, versions, monkeypatch):
    deploy(delay, versions)
    say(house)
    say(house, revision=1, pid=1)
    monkeypatch.setattr("tidemill.delivery.traffic.WAIT_S", 0.0)

    delay.reconcile()

    assert there(house) == digests(versions)


def test_what_is_served_and_what_stood_before_stay_however_old(house, delay, versions):
    rollouts = deploy(delay, versions)
    delay.rollback(OWNER, endpoint="delay", to=rollouts[1].after)

    say(house)
    delay.reconcile()

    assert there(house) == digests([versions[0], versions[1], *versions[-KEPT_DEPLOYMENTS:]])


def test_a_model_that_another_endpoint_serves_stays(house, delay, versions):
    delay.create_endpoint(OWNER, name="other")
    delay.deploy(OWNER, endpoint="other", model=versions[0].ref, force=True)
    deploy(delay, versions)

    say(house, revision=house.endpoint().revision + house.endpoint("other").revision)
    delay.reconcile()

    assert there(house) == digests([versions[0], *versions[-KEPT_DEPLOYMENTS:]])


def test_going_back_further_writes_the_files_anew(house, delay, versions, start_plane):
    rollouts = deploy(delay, versions)
    plane = start_plane(house.home)
    delay.reconcile()
    assert versions[0].digest not in there(house)

    found = delay.rollback(OWNER, endpoint="delay", to=rollouts[0].after)

    assert (found.problem, plane.ask()[1]["deployment"]) == ("", rollouts[0].after)
    assert versions[0].digest in there(house)


def test_a_kill_in_the_middle_leaves_no_half_under_a_name(house, delay, versions, monkeypatch):
    deploy(delay, versions)
    say(house)
    with monkeypatch.context() as patched:
        patched.setattr(trash, "_delete", lambda _path: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            delay.reconcile()
    named = {name for name in there(house) if not name.startswith(".")}
    assert named < digests(versions)
    assert len(there(house)) == len(versions)
    whole = {path.name for path in (house.home / "serving" / "bundles" / versions[-1].digest).iterdir()}
    assert all({path.name for path in (house.home / "serving" / "bundles" / name).iterdir()} == whole for name in named)

    delay.reconcile()

    assert there(house) == digests(versions[-KEPT_DEPLOYMENTS:])


def test_what_a_killed_export_left_goes_at_the_start(house, delay, versions):
    (only,) = deploy(delay, versions[:1])
    folder = house.home / "serving" / "bundles"
    shutil.copytree(folder / versions[0].digest, folder / f".{versions[0].digest}.{only.id}")

    house.routing.clear_leftovers()

    assert there(house) == {versions[0].digest}
