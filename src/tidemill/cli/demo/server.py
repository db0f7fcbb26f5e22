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
_LOOK_S = 0.05


class ServerFailed(Unavailable):
    """The demo's server did not start."""

    code = "server_failed"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server is."""

    url: str
    serving_url: str
    pid: int


def ensure(home: Path, port: int) -> Running:
    """Return the server that runs on a workspace, starting one when none does.

    Raises:
        ServerFailed: If it does not start, or died while it did.
    """
    return _already_up(home) or _start(home, port)


def _already_up(home: Path) -> Running | None:
    """Return the server that works in a folder; wait for one that is starting, as long as it lives."""
    deadline = time.monotonic() + _READY_S
    while holder := holder_of(home):
        pid = int(str(holder.get("pid", 0)))
        if "url" in holder:
            return Running(url=str(holder["url"]), serving_url=str(holder["serving_url"]), pid=pid)
        if time.monotonic() >= deadline:
            raise ServerFailed(f"Process {pid} works in {home} and serves nobody", hint=f"End it: kill {pid}")
        time.sleep(_LOOK_S)
    return None


def _start(home: Path, port: int) -> Running:
    command = [sys.executable, "-m", "tidemill.cli.main", "up", "--json"]
    command += [f"--home={home}", f"--port={port}", "--serving-port=0"]
    path = home.parent / "server.log"
    begin = path.stat().st_size if path.exists() else 0
    with path.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert process.stdout is not None  # noqa: S101 - asked for just above
    # A pipe ends with the process that writes to it, so a death is seen at once.
    with process.stdout as said:
        readable, _, _ = select.select([said], [], [], _READY_S)
        line = said.readline() if readable else b""
    if line.endswith(b"\n"):
        return msgspec.json.decode(line, type=Running)
    if not readable:
        process.kill()
    code = process.wait()
    raise ServerFailed(
        f"The server {_ending(code) if readable else f'was not ready in {_READY_S:g} s'}: {_last_words(path, begin)}",
        hint=f"See {path}, then go on with `tidemill demo --resume --folder {home.parent}`.",
    )


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with status {code} before it was ready"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name} before it was ready"


def _last_words(log: Path, begin: int) -> str:
    """Return the last line that this start wrote; an earlier one's would mislead."""
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


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
