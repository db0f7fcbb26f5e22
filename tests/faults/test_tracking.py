"""What tracking acknowledged is there, whole and once, wherever the server is killed and whatever the disk says."""

import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tidemill.app import Workspace
from tidemill.app.fsck import check_folder
from tidemill.client.embedded import EmbeddedTransport
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.server.app import build
from tidemill.tracking.records import Run

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
CHILD = """
import socket, sys
from pathlib import Path
import uvicorn
from tidemill.app import Workspace
from tidemill.core.settings import Settings
from tidemill.server.app import build
with Workspace(Settings(home=Path(sys.argv[1]))) as workspace:
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(build(workspace), log_level="critical")).run(sockets=[listening])
"""
SMALL, LARGE = 3_000, 200_000
"""Bytes of a file that waits in the ledger to be synced, and of one that is synced at once."""


def strace() -> str:
    program = shutil.which("strace")
    if program is None:
        pytest.fail("no strace found; run `.ci/prepare system`, or install it")
    return program


class Served:
    """A workspace behind HTTP in a process of its own, which dies at a system call.

    Args:
        home: The workspace folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        command = [sys.executable, "-c", CHILD, str(home)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        with httpx.Client(base_url=self.url, timeout=30) as http:
            assert http.get("/api/v1/runs").status_code < 500
        self.tracer: subprocess.Popen[str] | None = None

    def die_at(self, call: str, when: int) -> None:
        """Let the kernel kill the process when it makes a system call for the so-manieth time from now on."""
        inject = f"--inject={call}:signal=SIGKILL:when={when}"
        command = [strace(), "--follow-forks", f"--trace={call}", "--output=/dev/null", inject, f"-p{self.process.pid}"]
        self.tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.tracer.stderr is not None
        ready, _, _ = select.select([self.tracer.stderr], [], [], 30)
        line = self.tracer.stderr.readline() if ready else "nothing"
        assert "attached" in line, line

    def end(self) -> None:
        """Kill what still lives."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self.tracer is not None:
            self.tracer.communicate(timeout=30)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path / "home")
    yield made
    made.end()


@dataclass
class Caller:
    """One client that asks until the server is gone, and remembers what was acknowledged."""

    name: str
    ask: Callable[[httpx.Client, "Caller", int], bool]
    run_id: str = ""
    acknowledged: list[int] = field(default_factory=list)
    asked: int = 0
    refusals: list[str] = field(default_factory=list)

    def go(self, url: str, most: int) -> None:
        with httpx.Client(base_url=url, timeout=30) as http:
            for number in range(most):
                self.asked = number + 1
                try:
                    if self.ask(http, self, number):
                        self.acknowledged.append(number)
                except httpx.TransportError:
                    return


def run_of(http: httpx.Client, name: str = "r") -> str:
    answer = http.post(f"{API}/runs/create", json={"experiment_id": "0", "run_name": name, "start_time": 1})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["run"]["info"]["run_id"])


def play(served: Served, callers: list[Caller], call: str, when: int, *, most: int = 200) -> None:
    """Let clients ask at the same time until the server dies."""
    with httpx.Client(base_url=served.url, timeout=30) as http:
        for caller in callers:
            caller.run_id = caller.run_id or run_of(http, caller.name)
    served.die_at(call, when)
    threads = [threading.Thread(target=caller.go, args=(served.url, most)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [caller.refusals for caller in callers] == [[]] * len(callers)
    assert served.process.wait(timeout=30) == -signal.SIGKILL, "it was to be killed"


def accepted(caller: Caller, answer: httpx.Response) -> bool:
    if answer.status_code != 200:
        caller.refusals.append(answer.text)
    return answer.status_code == 200


@pytest.fixture
def reopened() -> Callable[[Path], Workspace]:
    """Give what opens a workspace again after fsck found it clean."""

    def reopen(home: Path) -> Workspace:
        report = check_folder(home)
        assert report.is_clean, report.findings[:5]
        return Workspace(Settings(home=home))

    return reopen


# ------------------------------------------------------------------------------------------- kill -9 while logging

BATCH = 40


def log_batch(http: httpx.Client, caller: Caller, number: int) -> bool:
    body = {
        "run_id": caller.run_id,
        "metrics": [{"key": f"m{at}", "value": number, "step": number, "timestamp": 1} for at in range(BATCH)],
        "params": [{"key": f"p{number}", "value": str(number)}],
        "tags": [{"key": f"t{number}", "value": str(number)}],
    }
    return accepted(caller, http.post(f"{API}/runs/log-batch", json=body))


def log_metric(http: httpx.Client, caller: Caller, number: int) -> bool:
    body = {"run_id": caller.run_id, "key": caller.name, "value": number, "step": number, "timestamp": 1}
    return accepted(caller, http.post(f"{API}/runs/log-metric", json=body))


def steps(workspace: Workspace, run_id: str, key: str) -> list[int]:
    page = workspace.tracking.metric_history(OWNER, run_id=run_id, key=key)
    assert all(each.value == each.step for each in page.metrics)
    return [each.step for each in page.metrics]


POINTS = [("fdatasync", each) for each in (1, 2, 5)] + [("pwrite64", each) for each in (1, 4, 23)]


@pytest.mark.parametrize(("call", "when"), POINTS)
def test_batches_are_there_whole_or_not_at_all(served, reopened, call, when):
    callers = [Caller(f"c{number}", log_batch) for number in range(3)]
    play(served, callers, call, when)

    with reopened(served.home) as workspace:
        for caller in callers:
            run: Run = workspace.tracking.get_run(OWNER, run_id=caller.run_id)
            there = steps(workspace, caller.run_id, "m0")
            assert there == list(range(len(there)))
            assert set(caller.acknowledged) <= set(there)
            assert len(there) <= caller.asked
            assert all(steps(workspace, caller.run_id, f"m{at}") == there for at in range(BATCH))
            assert run.params == {f"p{number}": str(number) for number in there}
            assert {key for key in run.tags if key.startswith("t")} == {f"t{number}" for number in there}


@pytest.mark.parametrize(("call", "when"), POINTS)
def test_single_points_of_many_clients_are_there_once(served, reopened, call, when):
    with httpx.Client(base_url=served.url) as http:
        shared = run_of(http)
    callers = [Caller(f"c{number}", log_metric, run_id=shared) for number in range(6)]
    play(served, callers, call, when)

    with reopened(served.home) as workspace:
        latest = workspace.tracking.get_run(OWNER, run_id=shared).metrics
        for caller in callers:
            there = steps(workspace, shared, caller.name)
            assert there == list(range(len(there)))
            assert len(caller.acknowledged) <= len(there) <= caller.asked
            assert latest.get(caller.name, -1) == len(there) - 1, "the latest point moved with the history"


# ------------------------------------------------------------------------------------------- kill -9 while files come


def content_of(caller: Caller, number: int) -> bytes:
    size = SMALL if caller.name.startswith("small") else LARGE
    return f"{caller.name} {number} ".encode().ljust(size, b"x")


def put_file(http: httpx.Client, caller: Caller, number: int) -> bool:
    place = f"{FILES}/0/{caller.run_id}/artifacts/out/{number}.bin"
    return accepted(caller, http.put(place, content=content_of(caller, number)))


@pytest.mark.parametrize(
    ("call", "when"),
    [("fdatasync", each) for each in (1, 2, 6)]
    + [("fsync", each) for each in (1, 2, 3)]
    + [("rename", each) for each in (1, 2)]
    + [("pwrite64", each) for each in (1, 9)],
)
def test_files_are_there_whole_or_not_at_all(served, reopened, call, when):
    callers = [Caller(f"{size}{number}", put_file) for size in ("small", "large") for number in range(2)]
    play(served, callers, call, when)

    with reopened(served.home) as workspace:
        assert list((served.home / "incoming").iterdir()) == []
        for caller in callers:
            found = workspace.tracking.list_artifacts(OWNER, run_id=caller.run_id)
            there = {int(Path(artifact.path).stem) for artifact in found}
            assert set(caller.acknowledged) <= there
            assert there <= set(range(caller.asked))
            for artifact in found:
                stored = workspace.tracking.read_artifact(OWNER, run_id=caller.run_id, path=artifact.path)
                assert stored == content_of(caller, int(Path(artifact.path).stem))
                assert artifact.size == len(stored)


@pytest.mark.parametrize("said", ["a length", "no length"])
def test_a_file_that_is_cut_off_is_not_there(served, reopened, wait_for, said):
    with httpx.Client(base_url=served.url, timeout=30) as http:
        run_id = run_of(http)
        place = f"{FILES}/0/{run_id}/artifacts/model/weights.bin"
        head = f"Content-Length: {LARGE}\r\n\r\n" if said == "a length" else "Transfer-Encoding: chunked\r\n\r\n"
        first = "" if said == "a length" else f"{LARGE // 2:x}\r\n"
        with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2]))) as line:
            line.sendall(f"PUT {place} HTTP/1.1\r\nHost: localhost\r\n{head}{first}".encode() + b"x" * (LARGE // 2))
            wait_for(lambda: any((served.home / "incoming").iterdir()), what="the file is on its way")
        wait_for(lambda: not any((served.home / "incoming").iterdir()), what="what came was given up")

        assert http.get(f"{API}/artifacts/list", params={"run_id": run_id}).json().get("files", []) == []
        assert http.get(place).status_code == 404
        assert http.put(place, content=b"whole").status_code == 200
        assert http.get(place).content == b"whole"
    served.end()
    with reopened(served.home) as workspace:
        assert [each.path for each in workspace.tracking.list_artifacts(OWNER, run_id=run_id)] == ["model/weights.bin"]


# ------------------------------------------------------------------------------------------- the disk is full


def test_a_full_disk_is_said_and_nothing_half_is_kept(small_disk, fill, reopened):
    """Batches and files are refused as long as there is no space, and taken again afterwards."""
    home = small_disk / "home"
    with Workspace(Settings(home=home)) as workspace:
        inside = EmbeddedTransport(build(workspace, is_embedded=True))
        http = httpx.Client(base_url="http://localhost", transport=inside)
        run_id = run_of(http)
        caller = Caller("large", put_file, run_id=run_id)
        fill(small_disk / "ballast")
        refused = http.put(f"{FILES}/0/{run_id}/artifacts/out/0.bin", content=b"x" * LARGE)
        statuses = []
        for number in range(400):
            statuses.append(log_batch(http, caller, number))
            if caller.refusals:
                break
        full = len(statuses) - 1

        assert refused.status_code in {503, 507}, refused.text
        assert "space" in refused.json()["message"]
        assert caller.refusals, "the ledger too had no space at last"
        assert "space" in caller.refusals[0]
        assert steps(workspace, run_id, "m0") == list(range(full))
        assert http.get(f"{API}/artifacts/list", params={"run_id": run_id}).json().get("files", []) == []
        (small_disk / "ballast").unlink()
        caller.refusals.clear()

        assert log_batch(http, caller, full)
        assert put_file(http, caller, 0)
        assert caller.refusals == []
        http.close()
    with reopened(home) as workspace:
        assert steps(workspace, run_id, f"m{BATCH - 1}") == list(range(full + 1))
        assert len(workspace.tracking.get_run(OWNER, run_id=run_id).params) == full + 1
        assert workspace.tracking.read_artifact(OWNER, run_id=run_id, path="out/0.bin") == content_of(caller, 0)
