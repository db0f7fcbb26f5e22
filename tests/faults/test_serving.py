"""The serving process under kill, full disk and restart: nothing that was acknowledged is lost."""

import http.client
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tidemill.serving.capture import read_segment, seal_orphans

SERVER = Path(__file__).parents[1] / "unit" / "serving" / "tiny_server.py"


def until(claim, deadline_s=20.0):
    end = time.monotonic() + deadline_s
    while not (value := claim()):
        if time.monotonic() > end:
            raise AssertionError("it did not come true in time")
        threading.Event().wait(0.002)
    return value


class Process:
    """A serving process on a home with one tiny model."""

    def __init__(self, home, *options, port=0, file_bytes=None, **about):
        self.home = home
        self.folder = home / "serving"
        (home / "m1").mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(exist_ok=True)
        (home / "m1" / "tiny.json").write_text(json.dumps(about))
        target = {"deployment": "d1", "model": "delay", "version": 1, "bundle": "b", "path": str(home / "m1"),
                  "share": 1.0, "route": "stable"}  # fmt: skip
        routes = {"revision": 1, "endpoints": {"delay": {"targets": [target]}}}
        (self.folder / "routes.json").write_text(json.dumps(routes))
        ready = home / "ready.json"
        ready.unlink(missing_ok=True)

        command = [sys.executable, str(SERVER), f"--home={home}", f"--port={port}", f"--ready-file={ready}", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        until(lambda: ready.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()
        if file_bytes:
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        self.ready = json.loads(ready.read_text())
        self.port = self.ready["port"]

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def call(self, connection=None, **row):
        connection = connection or self.connect()
        body = json.dumps({"records": [{"x": 1} | row]})
        connection.request("POST", "/v1/endpoints/delay/predict", body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())

    def metrics(self):
        connection = self.connect()
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode()
        connection.close()
        return page

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.said()
        return code

    def said(self):
        assert self.process.stderr
        with self.process.stderr as stream:
            return stream.read()

    def captured(self):
        paths = [*(self.folder / "capture").glob("*.seg"), *(self.folder / "capture").glob("*.done")]
        return [one for path in paths for frame in read_segment(path) for one in frame.ids]


@pytest.fixture
def run(tmp_path):
    made: list[Process] = []

    def begin(*options, **more):
        made.append(Process(tmp_path, *options, **more))
        return made[-1]

    yield begin
    for one in made:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(20)
        if one.process.stderr:
            one.process.stderr.close()


def clients(server, count):
    """Send requests from so many connections until the server is gone; return the ids that were answered."""
    answered: list[str] = []

    def one():
        connection = server.connect()
        try:
            while True:
                status, answer = server.call(connection)
                if status == 200:
                    answered.extend(answer["ids"])
        except (OSError, http.client.HTTPException):
            return

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    return answered, threads


@pytest.mark.parametrize("after", [1, 150, 500])
@pytest.mark.parametrize("options", [(), ("--segment-bytes=4000",)], ids=["one segment", "many segments"])
def test_a_killed_process_loses_no_answer(run, after, options):
    server = run(*options)
    answered, threads = clients(server, 4)
    until(lambda: len(answered) >= after)
    server.end(signal.SIGKILL)
    for thread in threads:
        thread.join(20)
    captured = server.captured()
    assert set(answered) <= set(captured)
    assert len(captured) == len(set(captured))
    assert len(captured) <= len(answered) + len(threads)
    folder = server.folder / "capture"
    seal_orphans(folder)
    assert not list(folder.glob("*.seg"))


def test_a_terminated_process_answers_what_is_in_flight_and_ends_well(run, tmp_path):
    gate = tmp_path / "go"
    server = run(cost_hint_us=5000, until=str(gate))
    answers: list[tuple[int, object]] = []
    thread = threading.Thread(target=lambda: answers.append(server.call()))
    thread.start()
    until(lambda: "tidemill_in_flight 1" in server.metrics())
    idle = server.connect()
    idle.connect()
    server.process.send_signal(signal.SIGTERM)
    until(lambda: not listens(server))
    assert server.process.poll() is None
    gate.touch()
    assert server.process.wait(20) == 0
    thread.join(20)
    assert [status for status, _ in answers] == [200]
    assert not list((server.folder / "capture").glob("*.seg"))
    assert not list(server.folder.glob("applied-*.json"))
    assert len(server.captured()) == 1
    assert idle.sock.recv(1) == b""
    idle.close()


def listens(server):
    connection = server.connect()
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_under_load_a_terminated_process_drops_nothing(run, number):
    server = run()
    answered, threads = clients(server, 4)
    until(lambda: len(answered) >= 100)
    assert server.end(number) == 0
    for thread in threads:
        thread.join(20)
    assert sorted(answered) == sorted(server.captured())


def test_a_drain_that_takes_too_long_is_cut(run, tmp_path):
    server = run("--drain-s=0.2", cost_hint_us=5000, until=str(tmp_path / "never"))
    _, (thread,) = clients(server, 1)
    until(lambda: "tidemill_in_flight 1" in server.metrics())
    assert server.end() == 0
    thread.join(20)
    assert not thread.is_alive()


def test_a_full_disk_refuses_instead_of_losing(run):
    server = run(file_bytes=3000)  # a write past it comes back short, then fails, as on a full disk
    connection = server.connect()
    answered = []
    while True:
        status, answer = server.call(connection)
        if status != 200:
            break
        answered += answer["ids"]
    assert (status, answer["error"]["code"]) == (503, "capture_unavailable")
    assert answer["error"]["hint"]
    assert "tidemill_capture_failures_total 1" in server.metrics()
    connection.close()
    assert server.end() == 0
    assert sorted(server.captured()) == sorted(answered)
    assert all(read_whole(path) for path in (server.folder / "capture").iterdir())


def read_whole(path):
    reader = read_segment(path)
    list(reader)
    return reader.torn_bytes == 0


def test_a_folder_without_write_permission_refuses(run):
    if os.geteuid() == 0:
        server = run(file_bytes=1)  # root may write anywhere; a limit of one byte stops it all the same
    else:
        server = run()
        (server.folder / "capture").chmod(0o500)
    status, answer = server.call()
    assert (status, answer["error"]["code"]) == (503, "capture_unavailable")


def test_a_port_in_use_is_a_clear_error(run, tmp_path):
    server = run()
    command = [sys.executable, str(SERVER), f"--home={tmp_path / 'other'}", f"--port={server.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 4
    assert f"cannot serve on 127.0.0.1:{server.port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_new_process_takes_over_from_the_one_before(run):
    old = run()
    _, answer = old.call()
    new = run(port=old.port)
    assert old.process.wait(20) == 0
    assert new.call()[0] == 200
    assert set(answer["ids"]) < set(new.captured())


def test_several_processes_share_a_port_and_a_metrics_page(run):
    server = run("--processes=2")
    assert len(server.ready["workers"]) == 2
    for _ in range(40):  # a fresh connection each, so that both get some
        assert server.call()[0] == 200
    line = 'tidemill_rows_total{endpoint="delay",model="delay",version="1",route="stable"} 40'
    until(lambda: line in server.metrics())
    assert server.end() == 0
    assert len(set(server.captured())) == 40
    assert not list(server.folder.glob("metrics-*.json"))


def test_a_process_that_dies_comes_back_and_the_others_serve_on(run):
    server = run("--processes=2")
    killed = server.ready["workers"][0]
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(list(server.folder.glob("applied-*.json"))) == 3)  # its own old one among them
    assert server.call()[0] == 200
    assert server.end() == 0


def test_serving_is_light():
    code = (
        "import sys, tidemill.serving.process, tidemill.models.loading;"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"sqlalchemy", "polars", "pandas", "numpy", "starlette", "dbos", "httpx", "lightgbm", "sklearn", "alembic"}
    assert not heavy & set(done.stdout.split())
