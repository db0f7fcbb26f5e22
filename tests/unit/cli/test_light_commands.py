"""A command loads what it uses: how fast it starts is what it imports."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tidemill.client import connect
from tidemill.core.settings import Settings

SERVERS = {"alembic", "dbos", "jinja2", "starlette", "uvicorn"}
TABLES = {"numpy", "polars", "pyarrow"}
WRITING = {"tidemill.checks.quality.rule_book", "tidemill.data.prepare", "tidemill.data.profile.build"}
"""What reads, judges and measures rows on their way into a version."""
TOLD = """
import atexit, sys
def tell():
    there = {name for name, module in sys.modules.items() if module}
    told = {name if name.startswith("tidemill.") else name.partition(".")[0] for name in there}
    print("LOADED", *told, file=sys.stderr)
atexit.register(tell)
from tidemill.cli.main import main
main()
"""


def loaded_by(*words: str, **environment: str) -> set[str]:
    """Run a command; return the packages, and our own modules, that it had loaded when it ended."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
    ended = subprocess.run(
        [sys.executable, "-c", TOLD, *words],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    said = ended.stderr.rpartition("LOADED ")
    assert said[1], ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode in {0, 1, 3}, ended.stderr
    return set(said[2].split())


class Elsewhere(BaseHTTPRequestHandler):
    """A server that has nothing."""

    def do_GET(self) -> None:
        body = json.dumps({"error": {"code": "nothing_here", "message": "Nothing is here"}}).encode()
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    do_DELETE = do_GET  # noqa: N815 - the name that the server calls

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url():
    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("light")
    (folder / "d").mkdir()
    for number in range(3):
        (folder / "d" / f"{number}.txt").write_text("text")
    with connect(Settings(home=folder / "home")) as api:
        api.post("/api/v1/datasets/d/versions", object, {"source": str(folder / "d")})
    return folder / "home"


@pytest.mark.parametrize(
    "command",
    [
        "data status d",
        "data add d pyproject.toml",
        "data list",
        "data push d",
        "data check d@1",
        "data profile d@1",
        "data personal d@1",
        "checks list",
        "endpoints list",
        "models list",
        "monitor show d",
        "runs list",
        "tokens list",
        "trace d@1",
        "trackers list",
        "trash list",
        "gc --dry-run",
        "fsck",
        "backup nowhere.tar",
        "data labels list",
        "data delete d@1",
        "data remote list",
    ],
)
def test_asking_a_server_loads_no_part_of_one(url, command):
    loaded = loaded_by(*command.split(), TIDEMILL_URL=url)

    assert "httpx" in loaded
    assert loaded & {*SERVERS, *TABLES, "sqlalchemy", "ruamel", "rich", "pygments"} == set()


@pytest.mark.parametrize("command", ["data status d", "data add d {d}", "data list", "data verify d@1", "data log d"])
def test_a_command_on_files_that_are_the_same_loads_no_server_and_no_tables(home: Path, command):
    words = command.format(d=home.parent / "d").split()

    loaded = loaded_by(*words, TIDEMILL_HOME=str(home))

    assert "sqlalchemy" in loaded
    assert loaded & {*SERVERS, *TABLES} == set()


@pytest.mark.parametrize("command", ["data list", "data log d", "data show d@1", "data status d", "data tag d@1 gold"])
def test_looking_at_versions_loads_nothing_that_makes_one(home: Path, command):
    assert loaded_by(*command.split(), TIDEMILL_HOME=str(home)) & WRITING == set()


def test_help_loads_neither_the_client_nor_what_is_behind_it():
    assert loaded_by("--help") & {*SERVERS, *TABLES, "sqlalchemy", "httpx", "msgspec"} == set()
