"""A canary in the middle of its stages outlives a kill of either process: it goes on, and judges no stage twice."""

import json
import os
import signal
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from tidemill.app import Workspace
from tidemill.app.fsck import check_folder
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.models.saving import save_model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
SHARES = [0.2, 0.4, 0.6]
PLAN = {"shares": SHARES, "min_requests": 60, "interval_s": 0.1, "on_timeout": "wait"}
UP = [sys.executable, "-m", "tidemill.cli.main", "up", "--port=0", "--serving-port=0", "--json"]


class Server:
    """`tidemill up` on a folder, killed and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.answered = 0
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([*UP, f"--home={self.home}"], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def kill_plane(self) -> None:
        os.kill(self.plane(), signal.SIGKILL)

    def plane(self) -> int:
        return int((self.home / "serving" / "plane.lock").read_text())

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.communicate(timeout=60)

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.ready['url']}/api/v1/{path}").raise_for_status().json()

    def send(self, count: int) -> Counter[int]:
        """Send rows one by one; return how many each version answered."""
        versions: Counter[int] = Counter()
        with httpx.Client(base_url=self.ready["serving_url"]) as http:
            for _ in range(count):
                body = {"records": [{"x": 0.5}], "ids": [f"p{self.answered}"]}
                answer = http.post("/v1/endpoints/delay/predict", json=body).raise_for_status().json()
                versions[answer["version"]] += 1
                self.answered += 1
        return versions


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Give a server with two versions, the first of them deployed."""
    home = tmp_path / "home"
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    late = (x + rng.normal(size=400) > 0).astype(int)
    with Workspace(Settings(home=home)) as workspace, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, c in (("a", 1.0), ("b", 0.5)):
            model = LogisticRegression(C=c).fit(x.reshape(-1, 1), late)
            save_model(model, tmp_path / name, example=pl.DataFrame({"x": x[:50]}))
            workspace.models.register(OWNER, name="delay", tree=workspace.objects.put_tree(tmp_path / name))
        workspace.delivery.create_endpoint(OWNER, name="delay")
        workspace.delivery.deploy(OWNER, endpoint="delay", model="delay@1", force=True, key="first")
    made = Server(home)
    yield made
    made.end()


def kinds(server: Server, rollout: str) -> Counter[str]:
    return Counter(event["kind"] for event in server.get(f"rollouts/{rollout}")["events"])


def serves(server: Server) -> bool:
    """Return whether the data plane says that it serves what the ledger says."""
    endpoint = server.get("endpoints/delay")
    return bool(endpoint["revision"] == endpoint["served_revision"])


def check_shares(server: Server, share: float) -> None:
    """Hold that ledger, routes and answers give the canary the same share of the traffic."""
    endpoint = server.get("endpoints/delay")
    told = {target["deployment"]: target["share"] for target in endpoint["targets"]}
    routes = json.loads((server.home / "serving" / "routes.json").read_text())["endpoints"]["delay"]["targets"]
    assert {target["deployment"]: target["share"] for target in routes} == told
    assert told["second"] == pytest.approx(share)
    rows = 120
    answered = server.send(rows)
    assert sum(answered.values()) == rows
    assert abs(answered[2] - rows * share) < 6 * (rows * share * (1 - share)) ** 0.5


def begin(server: Server, wait_for) -> str:
    """Start a rollout and bring it to its second stage; return its id."""
    wait_for(lambda: serves(server), within_s=90)
    body = {"model": "delay@2", "force": True, "key": "second", "plan": PLAN}
    sent = httpx.post(f"{server.ready['url']}/api/v1/endpoints/delay/deployments", json=body, timeout=60)
    rollout = str(sent.raise_for_status().json()["id"])
    wait_for(lambda: serves(server), within_s=90)
    server.send(450)
    wait_for(lambda: kinds(server, rollout)["share"] == 2, within_s=90, what="the second stage")
    wait_for(lambda: serves(server), within_s=90)
    return rollout


def kill_control(server: Server) -> None:
    before = server.plane()
    server.kill()
    server.send(5)  # the data plane goes on alone
    server.start()
    assert server.plane() != before


def kill_plane(server: Server) -> None:
    server.kill_plane()


def kill_both(server: Server) -> None:
    plane = server.plane()
    server.kill()
    os.kill(plane, signal.SIGKILL)
    server.start()


@pytest.mark.parametrize("death", [kill_control, kill_plane, kill_both], ids=lambda death: death.__name__)
def test_a_canary_goes_on_after_a_kill_in_its_middle(server, wait_for, death):
    rollout = begin(server, wait_for)
    plane = server.plane()
    death(server)
    wait_for(lambda: server.plane() != plane, within_s=90, what="another data plane")
    wait_for(lambda: answers(server), within_s=90, what="its answer")
    wait_for(lambda: serves(server), within_s=90)
    assert kinds(server, rollout)["judged"] == 1

    check_shares(server, SHARES[1])
    server.send(150)
    wait_for(lambda: kinds(server, rollout)["share"] == 3, within_s=90, what="the last stage")
    wait_for(lambda: serves(server), within_s=90)
    check_shares(server, SHARES[2])
    server.send(100)
    wait_for(lambda: server.get(f"rollouts/{rollout}")["state"] != "running", within_s=90, what="the end")

    found = server.get(f"rollouts/{rollout}")
    assert (found["state"], server.get("endpoints/delay")["stable"]) == ("promoted", "second")
    told = kinds(server, rollout)
    assert (told["share"], told["judged"]) == (len(SHARES), len(SHARES))
    wait_for(lambda: serves(server), within_s=90)
    assert set(server.send(50)) == {2}
    server.end()
    check_end(server, rollout)


def answers(server: Server) -> bool:
    try:
        return httpx.get(f"{server.ready['serving_url']}/metrics").status_code == 200
    except httpx.TransportError:
        return False


def check_end(server: Server, rollout: str) -> None:
    """Hold that the ledger is sound, says each thing once, and knows every answer."""
    with Workspace(Settings(home=server.home)) as workspace:
        workspace.monitoring.tick(OWNER)
        with workspace.ledger.read() as connection:
            query = "SELECT action, count(*) FROM audit_events WHERE subject_id = ? GROUP BY 1"
            audits = dict(map(tuple, connection.exec_driver_sql(query, (rollout,))))
            (rows,) = connection.exec_driver_sql("SELECT sum(rows) FROM segments").scalars()
    assert audits["rollout.share"] == len(SHARES)
    assert all(count == 1 for action, count in audits.items() if action != "rollout.share")
    assert rows == server.answered
    assert check_folder(server.home).is_clean
