"""The network or a process goes away in mid-training: no exception, no wait, no lost and no doubled point."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.faults.network import Network

from tidemill.client.tracking import track
from tidemill.client.tracking.reading import state_of
from tidemill.client.tracking.run import RunRefused
from tidemill.client.tracking.spool import folders
from tidemill.client.tracking.tracker import close_all
from tidemill.core.settings import Settings

TRAINING = """
import sys, tidemill
run = tidemill.track("killed", params={"depth": 4})
print(run.run_id, flush=True)
for step in range(1_000_000):
    run.log_metric("loss", 1 / (step + 1), step=step)
    print(step, flush=True)
"""


class Server:
    """A real server on a folder, which can be killed and started again at the same port."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tidemill.cli.main", "up", f"--port={self.port}", "--serving-port=0", "--json"]
        self.process = subprocess.Popen(
            [*command, f"--home={self.home}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        self.port = httpx.URL(json.loads(text)["url"]).port or 0

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = httpx.get(f"http://127.0.0.1:{self.port}{path}", params=query, timeout=60)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def points(self, run_id: str, key: str = "loss") -> list[tuple[int, float]]:
        page = self.get(f"/api/v1/runs/{run_id}/metrics", key=key, max_results=100_000)
        return [(each.get("step", 0), each["value"]) for each in page["metrics"]]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("home"))
    yield made
    made.process.terminate()
    made.process.wait(60)


@pytest.fixture
def network(server) -> Iterator[Network]:
    with Network(server.port) as made:
        yield made
        close_all(0.1)


@pytest.fixture
def settings(network, tmp_path):
    return Settings(url=network.url, spool=str(tmp_path / "spool"))


def spools(settings) -> list[Path]:
    return list(folders(Path(settings.spool)))


def expected(count: int) -> list[tuple[int, float]]:
    return [(step, 1 / (step + 1)) for step in range(count)]


@pytest.mark.parametrize("state", ["refuse", "hole", "mute"])
def test_a_network_that_goes_away_costs_no_point_and_no_time(server, network, settings, wait_for, state):
    longest = 0.0
    with track("network", params={"depth": 4}, settings=settings) as run:
        for step in range(3000):
            if step == 1000:
                network.set(state)
            if step == 2000:
                network.set("up")
            began = time.perf_counter()
            run.log_metric("loss", 1 / (step + 1), step=step)
            longest = max(longest, time.perf_counter() - began)
    wait_for(lambda: run.flush(1), within_s=60, what="all is delivered")

    assert longest < 1
    assert server.points(run.run_id) == expected(3000)
    assert server.get(f"/api/v1/runs/{run.run_id}")["status"] == "FINISHED"


def test_a_whole_run_may_happen_while_the_server_is_away(server, network, settings, wait_for, tmp_path):
    network.set("refuse")
    file = tmp_path / "model.txt"
    file.write_text("weights")
    began = time.perf_counter()
    with track("offline", name="alone", params={"depth": 4}, tags={"team": "ops"}, settings=settings) as run:
        run.log_metrics({"loss": float("nan"), "gain": float("inf")}, step=3)
        run.log_artifact(file, "out")
        file.write_text("changed after it was logged")
        run.set_tag("team", "sea")
    took = time.perf_counter() - began
    network.set("up")
    wait_for(lambda: run.flush(1), within_s=60, what="all is delivered")

    assert took < 10
    told = server.get(f"/api/v1/runs/{run.run_id}")
    assert (told["name"], told["params"], told["status"]) == ("alone", {"depth": "4"}, "FINISHED")
    assert told["tags"]["team"] == "sea"
    answer = httpx.get(f"{network.url}/get-artifact", params={"run_id": run.run_id, "path": "out/model.txt"})
    assert answer.text == "weights"


def test_what_is_left_at_the_end_is_sent_by_the_next_process(server, network, settings):
    run = track("left", settings=settings)
    assert run.flush(30)
    network.set("refuse")
    for step in range(100):
        run.log_metric("loss", 1 / (step + 1), step=step)
    close_all(2)
    assert [state_of(folder).waiting for folder in spools(settings)] == [100]

    network.set("up")
    later = track("left", settings=settings)
    assert later.flush(30)

    assert server.points(run.run_id) == expected(100)
    close_all(10)
    assert spools(settings) == []


@pytest.mark.parametrize("state", ["up", "hole"])
def test_a_training_that_is_killed_loses_nothing_that_it_logged(server, network, settings, state):
    program = {**os.environ, "TIDEMILL_URL": settings.url, "TIDEMILL_SPOOL": settings.spool}
    with subprocess.Popen([sys.executable, "-c", TRAINING], stdout=subprocess.PIPE, text=True, env=program) as training:
        assert training.stdout is not None
        run_id = training.stdout.readline().strip()
        network.set(state)
        last = -1
        while last < 5000:
            last = int(training.stdout.readline())
        training.kill()
        for line in training.stdout:
            last = int(line) if line.endswith("\n") else last
    network.set("up")
    assert track("next", settings=settings).flush(60)

    points = server.points(run_id)
    assert points == expected(len(points))
    assert len(points) in {last + 1, last + 2}  # the last may have been logged and not yet told


def test_a_server_that_is_killed_gets_what_it_missed(tmp_path, wait_for):
    server = Server(tmp_path / "home")
    settings = Settings(url=f"http://127.0.0.1:{server.port}", spool=str(tmp_path / "spool"))
    run = track("server", settings=settings)
    try:
        for step in range(4000):
            run.log_metric("loss", 1 / (step + 1), step=step)
            if step == 2000:
                server.kill()
        server.start()
        wait_for(lambda: run.flush(1), within_s=60, what="all is delivered")

        assert server.points(run.run_id) == expected(4000)
    finally:
        close_all(1)
        server.process.terminate()
        server.process.wait(60)


@pytest.mark.parametrize("leave", ["sys.exit(0)", "os._exit(0)"])
def test_children_of_a_training_log_too_however_they_end(server, network, settings, leave):
    program = {**os.environ, "TIDEMILL_URL": settings.url, "TIDEMILL_SPOOL": settings.spool}
    done = subprocess.run(
        [sys.executable, "-c", FORKING.replace("LEAVE", leave)], check=True, text=True, env=program, capture_output=True
    )
    run_id = done.stdout.strip()

    assert server.points(run_id) == expected(100)
    assert server.get(f"/api/v1/runs/{run_id}")["status"] == "FINISHED"
    assert spools(settings) == []


def test_what_the_server_refuses_holds_up_nothing_and_is_kept(server, network, settings):
    run = track("refusing", params={"depth": 4}, settings=settings)
    run.log_param("depth", 5)
    run.log_metric("loss", 1.0)
    assert run.flush(30)

    (folder,) = spools(settings)
    told = state_of(folder)
    assert (told.waiting, told.refused, told.runs) == (0, 1, [run.run_id])
    assert "Changing param values" in told.reasons[0]
    assert server.points(run.run_id) == [(0, 1.0)]
    close_all(10)
    assert spools(settings) == [folder]


def test_a_run_that_the_server_will_not_start_is_said(network, settings):
    with pytest.raises(RunRefused, match="name"):
        track(" ", settings=settings)


def test_answers_of_somebody_else_are_no_answers(server, network, settings, wait_for):
    run = track("portal", settings=settings)
    assert run.flush(30)
    portal = subprocess.Popen(
        [sys.executable, "-c", PORTAL], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert portal.stdout is not None
    server_port, network.target = network.target, int(portal.stdout.readline())
    network.set("up")
    run.log_metric("loss", 1.0)
    wait_for(lambda: run._tracker.away, within_s=30, what="the portal is seen")
    network.target = server_port
    portal.kill()
    portal.wait()
    network.set("up")
    wait_for(lambda: run.flush(1), within_s=60, what="all is delivered")

    assert server.points(run.run_id) == [(0, 1.0)]


FORKING = """
import os, sys, tidemill
with tidemill.track("forking") as run:
    for step in range(50):
        run.log_metric("loss", 1 / (step + 1), step=step)
    child = os.fork()
    if not child:
        for step in range(50, 100):
            run.log_metric("loss", 1 / (step + 1), step=step)
        LEAVE
    os.waitpid(child, 0)
print(run.run_id)
"""
PORTAL = """
import http.server
class Portal(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"<html>Please log in</html>")
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Portal)
print(server.server_port)
server.serve_forever()
"""
