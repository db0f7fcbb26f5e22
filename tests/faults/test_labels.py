"""Answers that were acknowledged are there once, wherever the server is killed."""

import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.core.ids import new_id
from tidemill.core.settings import Settings

ROWS = 400
TASK = "/api/v1/label-tasks/reviews-ok"
CHILD = """
import socket, sys
from pathlib import Path
import uvicorn
from tidemill.app import Workspace
from tidemill.core.settings import Settings
from tidemill.server.app import build
with Workspace(Settings(home=Path(sys.argv[1]))) as workspace:
    listening = socket.create_server(("127.0.0.1", int(sys.argv[2])))
    print("up", flush=True)
    uvicorn.Server(uvicorn.Config(build(workspace), log_level="critical")).run(sockets=[listening])
"""
FINISH = """
import sys
from pathlib import Path
from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
with Workspace(Settings(home=Path(sys.argv[1]))) as workspace:
    print(workspace.labels.finish(OWNER, "reviews-ok").version.ref)
"""


class Served:
    """A workspace behind one address, in processes that may be killed and started again.

    Args:
        home: The workspace folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self, *before: str) -> None:
        command = [*before, sys.executable, "-c", CHILD, str(self.home), str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "up\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "reviews.csv").write_text("id,body\n" + "".join(f"{at},text {at}\n" for at in range(ROWS)))
    with Workspace(Settings(home=tmp_path / "home")) as workspace:
        workspace.data.ingest(OWNER, "reviews", str(tmp_path / "reviews.csv"), key=["id"])
        workspace.labels.create(OWNER, "reviews", "ok", kind="yes_no")
    made = Served(tmp_path / "home")
    yield made
    made.kill()


def answer_until_it_dies(url: str, kept: list[tuple[str, int]], start: int) -> None:
    with httpx.Client(base_url=url, timeout=30) as http:
        for item in range(start, ROWS + 1, 4):
            identifier = new_id()
            body = {"item": item, "value": True, "answer_id": identifier}
            try:
                if http.post(f"{TASK}/answers", json=body).status_code == 201:
                    kept.append((identifier, item))
            except httpx.TransportError:
                return


@pytest.mark.parametrize("answers", [1, 17, 60])
def test_what_was_acknowledged_before_a_kill_is_there_once(served, wait_for, answers):
    kept: list[tuple[str, int]] = []
    people = [threading.Thread(target=answer_until_it_dies, args=(served.url, kept, at)) for at in range(1, 5)]
    for person in people:
        person.start()
    wait_for(lambda: len(kept) >= answers, within_s=60, what="answers")
    served.kill()
    for person in people:
        person.join()
    with Workspace(Settings(home=served.home)) as workspace:
        assert list(workspace.ledger.damage()) == []
        found = workspace.labels.answers(OWNER, "reviews-ok", limit=1000)
        assert {identifier for identifier, _ in kept} <= {each.id for each in found}
        progress = workspace.labels.progress(OWNER, task="reviews-ok")
        assert progress.task.done == progress.answers == len({each.item for each in found}) == len(found)
        made = workspace.labels.finish(OWNER, "reviews-ok")
        assert made.decided == len(found)
        dealt = {row.item for row in workspace.labels.deal(OWNER, task="reviews-ok", rows=50).rows}
        assert dealt & {each.item for each in found} == set()


def test_finishing_that_is_killed_at_any_sync_leaves_a_whole_version_or_none(tmp_path, served):
    strace = shutil.which("strace")
    assert strace, "This test needs strace: install it, for example with `apt-get install strace`."
    with httpx.Client(base_url=served.url, timeout=30) as http:
        for item in range(1, 6):
            http.post(f"{TASK}/answers", json={"item": item, "value": True})
    served.kill()
    seen = set()
    for when in (1, 3, 5, 8):
        home = tmp_path / f"at-{when}"
        shutil.copytree(served.home, home)
        inject = f"inject=fsync,fdatasync:signal=SIGKILL:when={when}"
        trace = [strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", inject]
        said = subprocess.run(
            [*trace, sys.executable, "-c", FINISH, str(home)], capture_output=True, text=True, check=False, timeout=100
        ).stdout
        with Workspace(Settings(home=home)) as workspace:
            found = workspace.data.get(OWNER, "reviews").ref
            seen.add(found)
            assert found == "reviews@2" if said else found in {"reviews@1", "reviews@2"}
            assert workspace.labels.finish(OWNER, "reviews-ok").version.ref == "reviews@2"
            assert workspace.data.read(OWNER, "reviews@2")["ok"].sum() == 5
    assert "reviews@1" in seen
