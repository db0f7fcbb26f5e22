"""Keeps the data plane running beside the server: a process of its own that outlives none of its faults."""

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from tidemill.core.errors import Unavailable
from tidemill.core.settings import Settings

_LOG = logging.getLogger("tidemill.plane")
_READY_S = 60.0  # a death is noticed at once, so this is for machines that are busy
_LONGEST_PAUSE_S = 10.0
_STEADY_S = 30.0


class PlaneFailed(Unavailable):
    """The data plane did not start."""

    code = "plane_failed"


class _Ready(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    port: int
    pid: int


class Plane:
    """The data plane's process, started again when it dies.

    Args:
        settings: Where the workspace is, and the address to serve on.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ready_file = settings.home / "serving" / "ready.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._guard = threading.Thread(target=self._watch, name="plane-guard", daemon=True)
        self.url = ""

    def start(self) -> str:
        """Start the process, wait until it answers, and return its URL.

        Raises:
            PlaneFailed: If it does not come up, such as when the port is taken.
        """
        self._ready_file.parent.mkdir(parents=True, exist_ok=True)
        self._launch(self._settings.serving_port)
        self._guard.start()
        return self.url

    def stop(self) -> None:
        """Let it finish the requests in flight, and end it."""
        self._ending.set()
        process = self._process
        if process and process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _launch(self, port: int) -> None:
        self._ready_file.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "tidemill.serving",
            f"--home={self._settings.home}",
            f"--host={self._settings.host}",
            f"--port={port}",
            f"--processes={self._settings.serving_processes}",
            f"--ready-file={self._ready_file}",
        ]
        names = (name.strip() for name in self._settings.allowed_hosts.split(","))
        command.extend(f"--allow-host={name}" for name in names if name)
        log = (self._settings.home / "serving" / "plane.log").open("ab")
        with log:
            # A group of its own, out of reach of the terminal's Ctrl-C: it ends once the server has drained.
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)
        deadline = time.monotonic() + _READY_S
        while (ready := self._said(self._process.pid)) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                said = _last_line(self._settings.home / "serving" / "plane.log")
                raise PlaneFailed(
                    f"The data plane did not start on {self._settings.host}:{port}: {said}",
                    hint="Choose another port with --serving-port, or 0 for any free one.",
                )
            self._ending.wait(0.01)
        # Every address is no address to call.
        self.url = ready.url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        self._port = ready.port

    def _said(self, pid: int) -> "_Ready | None":
        """Return what the process said when it was ready; what another said is of a server that was killed."""
        try:
            ready = msgspec.json.decode(self._ready_file.read_bytes(), type=_Ready)
        except FileNotFoundError:
            return None
        return ready if ready.pid == pid else None

    def _watch(self) -> None:
        pause = 0.2
        while not self._ending.is_set():
            started = time.monotonic()
            process = self._process
            if process is None:
                return
            code = process.wait()
            if self._ending.is_set():
                return
            _LOG.warning("the data plane ended with code %s; starting it again", code)
            pause = 0.2 if time.monotonic() - started > _STEADY_S else min(pause * 2, _LONGEST_PAUSE_S)
            self._ending.wait(pause)
            if self._ending.is_set():
                return
            try:
                self._launch(self._port)
            except PlaneFailed as error:
                _LOG.error("%s", error.message)


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1] if lines else "it said nothing"
