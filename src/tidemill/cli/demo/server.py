"""The demo's own server: started beside it, found again after a kill."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from tidemill.core.errors import Unavailable
from tidemill.ledger.lock import holder_of

_READY_S = 60.0
_END_S = 30.0


class ServerFailed(Unavailable):
    """The demo's server did not start."""

    code = "server_failed"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server is."""

    url: str
    serving_url: str
    pid: int


def ensure(home: Path, port: int) -> Running:
    """Return the server that runs on a workspace, starting one when none does."""
    holder = holder_of(home)
    if holder.get("url"):
        return Running(url=str(holder["url"]), serving_url=str(holder["serving_url"]), pid=int(str(holder["pid"])))
    command = [sys.executable, "-m", "tidemill.cli.main", "up", "--json"]
    command += [f"--home={home}", f"--port={port}", "--serving-port=0"]
    log = (home.parent / "server.log").open("ab")
    with log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert process.stdout is not None  # noqa: S101 - asked for just above
    readable, _, _ = select.select([process.stdout], [], [], _READY_S)
    line = process.stdout.readline() if readable else b""
    if not line:
        process.kill()
        tail = (home.parent / "server.log").read_text(errors="replace").strip().splitlines()[-1:]
        raise ServerFailed(f"The server did not start: {' '.join(tail)}", hint=f"See {home.parent / 'server.log'}.")
    return msgspec.json.decode(line, type=Running)


def end(running: Running) -> None:
    """Let the server drain and end."""
    try:
        os.kill(running.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + _END_S
    while time.monotonic() < deadline:
        try:
            waited, _ = os.waitpid(running.pid, os.WNOHANG)
        except ChildProcessError:
            waited = 0
            try:
                os.kill(running.pid, 0)
            except ProcessLookupError:
                return
        if waited:
            return
        time.sleep(0.05)
