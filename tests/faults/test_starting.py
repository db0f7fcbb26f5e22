"""A server killed in the middle of its own start: the next start works, at once, and with one data plane."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tidemill.app.fsck import check_folder
from tidemill.cli.demo import server
from tidemill.cli.demo.server import ServerFailed, ensure
from tidemill.core.settings import Settings
from tidemill.ledger import holder_of
from tidemill.server.plane import Plane

UP = [sys.executable, "-m", "tidemill.cli.main", "up", "--port=0", "--serving-port=0", "--json"]


def start(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*UP, f"--home={home}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def plane_of(home: Path) -> int:
    try:
        return int((home / "serving" / "plane.lock").read_text() or 0)
    except FileNotFoundError:
        return 0


POINTS = {
    "it holds the lock": holder_of,
    "its ledger is there": lambda home: (home / "ledger.sqlite").exists(),
    "its data plane is launched": lambda home: (home / "serving" / "plane.log").exists(),
    "its data plane holds its lock": plane_of,
    "its data plane answers": lambda home: (home / "serving" / "ready.json").exists(),
    "its workflows are there": lambda home: (home / "workflows.sqlite").exists(),
    "it says where it is": lambda home: "url" in holder_of(home),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_server_killed_while_it_starts_starts_again(tmp_path, wait_for, point):
    home = tmp_path / "home"
    first = start(home)
    try:
        wait_for(lambda: POINTS[point](home), within_s=60, what=point)
    finally:
        first.kill()
        first.communicate()
    orphan = plane_of(home)

    second = start(home)
    try:
        assert second.stdout is not None
        ready = json.loads(second.stdout.readline())
        assert ready["pid"] == second.pid
        assert httpx.get(f"{ready['url']}/api/v1/whoami").status_code == 200
        assert httpx.get(f"{ready['serving_url']}/metrics").status_code == 200
        assert plane_of(home) != orphan
        if orphan:
            wait_for(lambda: not is_alive(orphan), what="the end of the data plane that was left")
    finally:
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=60)
    assert second.returncode == 0
    assert check_folder(home).is_clean


def test_a_data_plane_of_a_killed_server_does_not_speak_for_the_new_one(tmp_path, wait_for):
    """One that was still starting may say that it is ready after the new server has looked."""
    settings = Settings(home=tmp_path, serving_port=0)
    plane = Plane(settings)
    thread = threading.Thread(target=plane.start)
    thread.start()
    other = {"url": "http://127.0.0.1:9", "host": "127.0.0.1", "port": 9, "pid": 1, "workers": [1]}
    wait_for((tmp_path / "serving" / "plane.log").exists)
    (tmp_path / "serving" / "ready.json").write_text(json.dumps(other))
    thread.join(30)
    try:
        assert plane.url not in {"", other["url"]}
        assert httpx.get(f"{plane.url}/metrics").status_code == 200
    finally:
        plane.stop()


HOLDER = """
import sys, time
from pathlib import Path
from tidemill.ledger.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
lock.describe(url="http://127.0.0.1:9", serving_url="http://127.0.0.1:8")
sys.stdin.readline()
"""


@pytest.fixture
def starting(tmp_path):
    """Give a process that works in the folder as a server does that is about to come up."""
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-c", HOLDER, str(home)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield home, process
    process.kill()
    process.communicate()


class Ensuring(threading.Thread):
    """Asks for the demo's server meanwhile."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self.home = home
        self.took_s = 0.0
        self.found: object = None
        self.start()

    def run(self) -> None:
        begin = time.monotonic()
        try:
            self.found = ensure(self.home, 0)
        except ServerFailed as error:
            self.found = error
        self.took_s = time.monotonic() - begin


def looks(monkeypatch, wait_for, home):
    """Begin to ensure, and return once it has looked at who holds the folder."""
    seen = threading.Event()

    def told(folder):
        found = holder_of(folder)
        seen.set()
        return found

    monkeypatch.setattr(server, "holder_of", told)
    asking = Ensuring(home)
    assert seen.wait(10)
    return asking


def test_a_server_that_is_just_starting_is_waited_for(starting, monkeypatch, wait_for):
    home, process = starting
    asking = looks(monkeypatch, wait_for, home)
    process.stdin.write("\n")
    process.stdin.flush()
    asking.join(20)

    assert asking.found == server.Running(url="http://127.0.0.1:9", serving_url="http://127.0.0.1:8", pid=process.pid)
    assert not (home.parent / "server.log").exists()


def test_one_that_dies_while_it_is_waited_for_is_replaced(starting, monkeypatch, wait_for):
    home, process = starting
    asking = looks(monkeypatch, wait_for, home)
    process.kill()
    process.wait()
    asking.join(60)

    assert isinstance(asking.found, server.Running), asking.found
    assert asking.found.pid != process.pid
    server.end(asking.found)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo booting >&2; kill -9 $$", r"was killed by SIGKILL before it was ready: booting"),
        ("kill -9 $$", "was killed by SIGKILL before it was ready: it said nothing"),
        ("printf '{\"url\": '; kill -9 $$", "was killed by SIGKILL"),
        ("echo no port >&2; exit 3", "ended with status 3 before it was ready: no port"),
    ],
)
def test_a_start_that_dies_is_said_at_once_and_with_its_own_last_words(tmp_path, monkeypatch, script, said):
    (tmp_path / "server.log").write_text("an earlier server's last words\n")
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    asking = Ensuring(tmp_path / "home")
    asking.join(20)

    assert isinstance(asking.found, ServerFailed), asking.found
    assert said in asking.found.message
    assert "--resume" in asking.found.hint
    assert asking.took_s < 20


def test_a_start_that_says_nothing_is_ended_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "_READY_S", 0.1)
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))

    with pytest.raises(ServerFailed, match=r"was not ready in 0\.1 s"):
        ensure(tmp_path / "home", 0)
