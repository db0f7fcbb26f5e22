"""A real server that others can reach: it asks for a token, and works with one as on loopback."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

TIDEMILL = [sys.executable, "-m", "tidemill.cli.main"]
LISTEN = ["up", "--host", "0.0.0.0", "--port", "0", "--serving-port", "0", "--json"]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "TIDEMILL_HOME": str(tmp_path / "home")}


@pytest.fixture
def tidemill(environment: dict[str, str]) -> Run:
    def run(*words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [*TIDEMILL, *map(str, words)]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=60, env=environment | variables
        )

    return run


@pytest.fixture
def admin(tidemill: Run) -> str:
    made = tidemill("tokens", "create", "ann", "--role", "admin")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture
def url(admin: str, environment: dict[str, str]) -> Iterator[str]:
    """Give the URL of a server that listens on every address."""
    process = subprocess.Popen(
        [*TIDEMILL, *LISTEN], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        pytest.fail(f"the server did not start: {process.communicate()[1]}")
    yield json.loads(line)["url"]
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)
    assert process.returncode == 0


def test_it_does_not_start_before_an_admin_token_exists(tidemill):
    refused = tidemill(*LISTEN)

    assert (refused.returncode, refused.stdout) == (3, "")
    assert "tokens_needed" in refused.stderr
    assert "tidemill tokens create --role admin NAME" in refused.stderr


def test_it_asks_for_a_token_and_works_with_one(tidemill, url, admin, tmp_path):
    refused = tidemill("runs", "list")
    assert (refused.returncode, "login_needed" in refused.stderr) == (3, True)
    led = httpx.get(f"{url}/", headers={"Accept": "text/html"})
    assert (led.status_code, led.headers["Location"]) == (303, "/login?next=%2F")

    for words in (["runs", "create"], ["fsck"], ["backup", tmp_path / "b.tar"], ["tokens", "whoami"]):
        done = tidemill(*words, TIDEMILL_TOKEN=admin)
        assert done.returncode == 0, done.stderr

    assert tidemill("restore", tmp_path / "b.tar", "--home", tmp_path / "again").returncode == 0
    assert tidemill("fsck", "--home", tmp_path / "again").returncode == 0
    assert tidemill("restore", tmp_path / "b.tar", "--force").returncode == 3  # the server works in the folder


def test_a_viewer_may_look_and_no_more(tidemill, url, admin):
    viewer = tidemill("tokens", "create", "eve", TIDEMILL_TOKEN=admin).stdout.strip()

    assert tidemill("runs", "list", TIDEMILL_TOKEN=viewer).returncode == 0
    for words in (["runs", "create"], ["fsck"], ["backup", "x.tar"], ["tokens", "list"]):
        refused = tidemill(*words, TIDEMILL_TOKEN=viewer)
        assert (refused.returncode, "permission_missing" in refused.stderr) == (3, True), words
