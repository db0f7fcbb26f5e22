"""What the tests with real MLflow clients share: the server, and the chapters played once a version."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.mlflow.environments import TORCH, environment
from tests.mlflow.servers import our_server, peer_server

SCRIPTS = Path(__file__).with_name("scripts")
# The client waits long and often by default; a server on this machine answers at once or never.
CLIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20", "GIT_PYTHON_REFRESH": "quiet",
          "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "OMP_NUM_THREADS": "1",
    # scikit-learn of 2.9's time looks into all of its modules, also the one that imports setuptools after distutils.
    "SETUPTOOLS_USE_DISTUTILS": "stdlib"}  # fmt: skip

Played = Callable[..., dict[str, Any]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `--peer` put the real server in place of ours, to see that what is asserted is true."""
    parser.addoption("--peer", action="store_true", help="test the real MLflow server instead of Tidemill")


@pytest.fixture(scope="session")
def against_peer(request: pytest.FixtureRequest) -> bool:
    """Tell whether the real server is tested."""
    return bool(request.config.getoption("--peer", default=False))


@pytest.fixture(scope="module")
def server_url(against_peer: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of an empty server of this module."""
    start = peer_server if against_peer else our_server
    with start(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="module")
def play(against_peer: bool, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Give a function that plays chapters with a version's client against an empty server, each set once."""
    start = peer_server if against_peer else our_server
    told: dict[tuple[str, ...], dict[str, Any]] = {}

    def played(version: str, *chapters: str, within_s: float = 300.0) -> dict[str, Any]:
        key = (version, *chapters)
        if key not in told:
            folder = tmp_path_factory.mktemp("played")
            with start(folder) as url:
                told[key] = chapters_of(version, chapters, url, folder, within_s)
        return told[key]

    return played


def chapters_of(version: str, chapters: tuple[str, ...], url: str, folder: Path, within_s: float) -> dict[str, Any]:
    """Play chapters with a version's client against a server, in a folder, and give what each saw or how it failed."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TIDEMILL_", "PYTHON"))
    }
    command = [str(environment(version) / "python"), str(SCRIPTS / "play.py"), *chapters]
    variables = clean | CLIENT | {"MLFLOW_TRACKING_URI": url, "PYTHONWARNINGS": "ignore"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=variables, cwd=folder, timeout=within_s
        )
        out, errors = done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        out, errors = (late.stdout or b"").decode(), f"not done within {within_s} s"
    found = {
        line["chapter"]: line
        for line in map(json.loads, (line[2:] for line in out.splitlines() if line.startswith("@@")))
    }
    return {name: found.get(name, {"chapter": name, "failed": f"did not end: {errors[-3000:]}"}) for name in chapters}


@pytest.fixture(scope="session")
def torch_requirement() -> str:
    """Give the requirement of PyTorch, or skip: it is large, and its CPU build is not on every index."""
    wanted = os.environ.get(TORCH, "")
    if not wanted:
        pytest.skip(f"set {TORCH} to a requirement, such as torch==2.13.0, to test with PyTorch")
    return wanted
