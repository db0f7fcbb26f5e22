"""A data plane on a loop of its own in a thread, and a plain HTTP client."""

import asyncio
import http.client
import importlib.util
import json
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
import uvloop

from tidemill.serving.capture import read_segment
from tidemill.serving.heads import HostRules
from tidemill.serving.limits import Limits
from tidemill.serving.service import DataPlane, Options


def load_tiny():
    name = "tidemill_test_tiny_server"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("tiny_server.py"))
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def until(claim, deadline_s=10.0):
    """Wait until a claim holds; return what it gave."""
    end = time.monotonic() + deadline_s
    while not (value := claim()):
        if time.monotonic() > end:
            raise AssertionError("it did not come true in time")
        threading.Event().wait(0.002)
    return value


class Server:
    """A running data plane and what a test asks of it."""

    def __init__(self, home, **options):
        self.folder = home / "serving"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.loaded = []
        self.revision = 0
        limits = Limits(**options.pop("limits", {}))
        self.options = Options(folder=self.folder, limits=limits, rules=options.pop("rules", HostRules()), **options)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0

    def _load(self, folder):
        if not (folder / "tiny.json").exists():
            raise FileNotFoundError("no model here")
        model = load_tiny().Tiny(folder)
        self.loaded.append(model)
        return model

    def _run(self):
        async def work():
            self.loop = asyncio.get_running_loop()
            self.stopping = asyncio.Event()
            self.plane = DataPlane(self.options, self._load, self.loop)
            listener = socket.create_server(("127.0.0.1", 0))
            await self.plane.start(listener)
            self.port = listener.getsockname()[1]
            await self.stopping.wait()
            await self.plane.drain()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work())

    def start(self):
        self.thread.start()
        until(lambda: self.port)
        return self

    def stop(self):
        if self.thread.is_alive():
            for model in self.loaded:
                model.gate.set()
            self.loop.call_soon_threadsafe(self.stopping.set)
            self.thread.join(15)

    def model(self, name, **about):
        folder = self.home / name
        folder.mkdir(exist_ok=True)
        (folder / "tiny.json").write_text(json.dumps(about))
        return folder

    def route(self, endpoints, *, wait=True):
        self.revision += 1
        content = json.dumps({"revision": self.revision, "endpoints": endpoints})
        temporary = self.folder / "routes.json.tmp"
        temporary.write_text(content)
        temporary.replace(self.folder / "routes.json")
        if wait and self.port:
            until(lambda: self.applied().get("revision") == self.revision)

    def applied(self):
        found = list(self.folder.glob("applied-*.json"))
        return json.loads(found[0].read_text()) if found else {}

    def endpoint(self, *targets, **more):
        made: list[dict[str, object]] = []
        for at, (name, share) in enumerate(targets):
            route = "stable" if at == 0 else "canary"
            made.append({"deployment": f"d-{name}", "model": "delay", "version": at + 1, "bundle": f"b-{name}",
                         "path": str(self.home / name), "share": share, "route": route})  # fmt: skip
        return {"passthrough": [], "time": None, "sticky": None, "token_hashes": [], "targets": made} | more

    def one(self, **more):
        """Serve one tiny model at the endpoint delay."""
        self.model("m1", **more.pop("about", {}))
        self.route({"delay": self.endpoint(("m1", 1.0), **more)})

    def call(self, body, *, path="/v1/endpoints/delay/predict", method="POST", headers=None, raw=False):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json"} | (headers or {}))
            reply = connection.getresponse()
            content = reply.read()
            return reply if raw else (reply.status, json.loads(content) if content[:1] == b"{" else content)
        finally:
            connection.close()

    def get(self, path):
        return self.call(None, path=path, method="GET")

    until = staticmethod(until)

    def frames(self):
        paths = sorted((self.folder / "capture").glob("*.*"), key=lambda path: path.stem)
        return [frame for path in paths for frame in read_segment(path)]

    def socket(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


@pytest.fixture
def start(tmp_path):
    """Start a data plane with the given options."""
    made: list[Server] = []

    def begin(**options):
        made.append(Server(tmp_path / f"home{len(made)}", **options))
        return made[-1].start()

    yield begin
    for server in made:
        server.stop()


@pytest.fixture
def server(start):
    """Serve one tiny model at the endpoint delay."""
    running = start()
    running.one()
    return running


@pytest.fixture
def tiny():
    """The class of the tiny model."""
    return load_tiny().Tiny
