"""kill -9 of the control process at every commit and every write of the routes: nothing half done, nothing doubled."""

import json
import os
import shutil
import signal
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.delivery.records import RolloutPlan
from tidemill.delivery.routing import Routing
from tidemill.ledger import Ledger
from tidemill.models.saving import save_model

PLAN = RolloutPlan(shares=[0.2], stage_timeout_s=0.4, interval_s=0.1, min_requests=10, on_timeout="promote")


def apart(work):
    """Do some work in a process of its own; return what it returned, or the signal that it died of."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        code = 1
        try:
            value = json.dumps(work())
            os.write(write_end, value.encode())
            code = 0
        except BaseException:  # noqa: BLE001 - the process ends here, whatever it was
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        said = stream.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return -os.WTERMSIG(status)
    assert os.WEXITSTATUS(status) == 0, "the work failed; see above"
    return json.loads(said)


class Deaths:
    """Kills the process at the n-th point: before and after each commit and each write of the routes."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.passed = 0
        self.wrap(Ledger, "write")
        self.wrap(Routing, "_replace")

    def wrap(self, kind, name):
        inner = getattr(kind, name)

        def wrapped(*given, **more):
            self.point()
            value = inner(*given, **more)
            self.point()
            return value

        setattr(kind, name, wrapped)

    def point(self):
        self.passed += 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def open_workspace(home):
    return Workspace(Settings(home=home))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Give the folder of a workspace with two judged versions, the first of them deployed."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    late = (x + rng.normal(size=400) > 0).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, c in (("a", 1.0), ("b", 0.5)):
            model = LogisticRegression(C=c).fit(x.reshape(-1, 1), late)
            save_model(model, home.parent / name, example=pl.DataFrame({"x": x[:50]}))

    def work():
        with open_workspace(home) as workspace:
            for name in ("a", "b"):
                tree = workspace.objects.put_tree(home.parent / name)
                workspace.models.register(OWNER, name="delay", tree=tree)
            workspace.delivery.create_endpoint(OWNER, name="delay")
            workspace.delivery.deploy(OWNER, endpoint="delay", model="delay@1", force=True, key="first")

    assert apart(work) is None
    return home


def deploy(workspace):
    workspace.delivery.deploy(OWNER, endpoint="delay", model="delay@2", force=True, key="second")


def roll_back(workspace):
    workspace.delivery.deploy(OWNER, endpoint="delay", model="delay@2", force=True, key="second")
    workspace.delivery.rollback(OWNER, endpoint="delay", to="first")


def roll_out(workspace):
    rollout = workspace.delivery.deploy(OWNER, endpoint="delay", model="delay@2", force=True, key="second", plan=PLAN)
    workspace.workflows().result(f"rollout-{rollout.id}", timeout_s=60)


def promote(workspace):
    plan = RolloutPlan(shares=[0.2], on_timeout="wait")
    workspace.delivery.deploy(OWNER, endpoint="delay", model="delay@2", force=True, key="second", plan=plan)
    workspace.delivery.promote(OWNER, endpoint="delay")


def act(home, action, at):
    """Do the action in a process that dies at a point; return how many points it passed, or the signal."""

    def work():
        with open_workspace(home) as workspace:
            workspace.start("")
            deaths = Deaths(at)
            action(workspace)
            return deaths.passed

    return apart(work)


def settle(workflows, rollout, *, waits):
    """Let a rollout end, or come to where it waits for a person."""
    if not waits:
        workflows.result(rollout, timeout_s=60)
    deadline = time.monotonic() + 60
    while waits and not any(step.name.startswith("look-0") for step in workflows.steps(rollout)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def look(home):
    """Start again, let what is under way end, and return what is there."""

    def work():
        with open_workspace(home) as workspace:
            workspace.start("")
            delivery = workspace.delivery
            for rollout in delivery.list_rollouts(OWNER, endpoint="delay"):
                if rollout.state == "running":
                    settle(workspace.workflows(), f"rollout-{rollout.id}", waits=rollout.plan.on_timeout == "wait")
            endpoint = delivery.get_endpoint(OWNER, name="delay")
            with workspace.ledger.read() as connection:
                query = "SELECT action, subject_id, count(*) FROM audit_events GROUP BY 1, 2"
                audits = [list(row) for row in connection.exec_driver_sql(query)]
            rollouts = delivery.list_rollouts(OWNER, endpoint="delay")
            return {
                "stable": endpoint.stable,
                "targets": [[target.deployment, target.share] for target in endpoint.targets],
                "revision": endpoint.revision,
                "champion": workspace.models.get(OWNER, ref="delay@champion").number,
                "version": delivery.get_deployment(OWNER, id=endpoint.stable or "").version,
                "deployments": sorted(each.id for each in delivery.list_deployments(OWNER, endpoint="delay")),
                "rollouts": [[each.after, each.state, [event.kind for event in each.events]] for each in rollouts],
                "audits": audits,
                "fsck": [str(finding) for finding in workspace.maintenance.fsck(OWNER).findings],
            }

    return apart(work)


def check(home, found):
    """Hold what must be true whenever the process died."""
    routes = json.loads((home / "serving" / "routes.json").read_bytes())
    served = [[each["deployment"], each["share"]] for each in routes["endpoints"]["delay"]["targets"]]
    assert served == found["targets"]
    assert routes["revision"] == found["revision"]
    assert sum(share for _, share in served) == pytest.approx(1)
    for target in routes["endpoints"]["delay"]["targets"]:
        assert Path(target["path"]).is_dir()
    assert found["champion"] == found["version"]
    assert found["deployments"] in (["first"], ["first", "second"])
    assert len(found["rollouts"]) == len(found["deployments"])
    for _, _, events in found["rollouts"]:
        assert len(events) == len(set(events))
    ends = {"rollout.promoted", "rollout.rolled_back", "rollout.start", "rollout.share", "deployment.create"}
    assert all(count == 1 for action, _, count in found["audits"] if action in ends)
    assert found["fsck"] == []


slow = pytest.mark.slow
ACTIONS = [deploy, roll_back, pytest.param(roll_out, marks=slow), pytest.param(promote, marks=slow)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_a_death_at_any_point_leaves_ledger_and_routes_as_one(prepared, tmp_path, action):
    at, states = 0, []
    while True:
        at += 1
        home = tmp_path / str(at)
        shutil.copytree(prepared, home)
        ended = act(home, action, at)
        found = look(home)
        check(home, found)
        states.append((found["stable"], len(found["deployments"])))
        if ended != -signal.SIGKILL:
            assert ended < at
            break
        again = act(home, deploy, 0) if action is deploy else None  # the same key: nothing is doubled
        if again is not None:
            found = look(home)
            check(home, found)
            assert found["deployments"] == ["first", "second"]
        shutil.rmtree(home)
    assert at > 4
    assert states[0] == ("first", 1)
    assert states[-1] == ("first" if action is roll_back else "second", 2)
