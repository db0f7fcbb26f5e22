"""The two servers that the same scripts and questions go to: ours, and the peer."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from tests.mlflow.environments import NEWEST, environment

READY_S: Final = 180
# Without its job runner the peer starts in a third of the time; no route of the table needs it.
QUIET: Final = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def _process(
    command: list[str], log: Path, variables: Mapping[str, str], *, told: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "MLFLOW_", "PYTEST_"))
    }
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE if told else errors,
            stderr=errors,
            env=clean | dict(variables),
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        # The peer's workers are processes of its own session: all of them go.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def our_server(folder: Path) -> Iterator[str]:
    """Run `tidemill up` on an empty workspace and give its address."""
    with our_planes(folder) as planes:
        yield planes.url


@dataclass(frozen=True, slots=True)
class Planes:
    """Where `tidemill up` answers.

    Attributes:
        url: The control plane.
        serving_url: The data plane.
        home: The folder of the workspace.
    """

    url: str
    serving_url: str
    home: Path


@contextmanager
def our_planes(folder: Path) -> Iterator[Planes]:
    """Run `tidemill up` on an empty workspace and give where both of its planes are."""
    log, home = folder / "tidemill.log", folder / "home"
    command = [sys.executable, "-m", "tidemill.cli.main", "up", "--port", "0", "--serving-port", "0"]
    with _process([*command, "--home", str(home), "--json"], log, {}, told=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"tidemill up ended: {log.read_text()[-2000:]}")
        said = json.loads(line)
        yield Planes(said["url"], said["serving_url"], home)


@contextmanager
def peer_server(folder: Path, version: str = NEWEST, database: str = "") -> Iterator[str]:
    """Run `mlflow server` with one worker on an empty SQLite file, or another database, and give its address."""
    log, port = folder / "peer.log", free_port()
    programs = environment(version)
    command = [
        str(programs / "mlflow"),
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    command += [
        "--backend-store-uri",
        database or f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"  # older ones start gunicorn by name
    with _process(command, log, {**QUIET, "PATH": path}) as process:
        deadline = time.monotonic() + READY_S
        while True:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the peer is not ready: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
