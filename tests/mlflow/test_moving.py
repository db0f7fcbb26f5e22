"""Stores that the real clients wrote, taken over and given back, and read by the real client on both sides."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.mlflow.conftest import CLIENT, SCRIPTS
from tests.mlflow.environments import MIDDLE, NEWEST, environment
from tests.mlflow.servers import our_server, peer_server

pytestmark = [pytest.mark.mlflow, pytest.mark.timeout(400), pytest.mark.xdist_group("moving")]


def script(version: str, name: str, *words: str) -> dict[str, Any]:
    """Run a script with a version's client and return what it told."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "TIDEMILL_", "PYTHON"))}
    command = [str(environment(version) / "python"), str(SCRIPTS / name), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean | CLIENT, timeout=300)
    told = next((line[2:] for line in done.stdout.splitlines() if line.startswith("@@")), None)
    assert told, done.stderr[-3000:]
    return dict(json.loads(told))


def tidemill(*words: str, **variables: str) -> dict[str, Any]:
    """Run a command line and return its JSON."""
    command = [sys.executable, "-m", "tidemill.cli.main", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | variables, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    return dict(json.loads(done.stdout))


def same(told: dict[str, Any]) -> dict[str, Any]:
    """Return what two stores must agree on: not when the Default experiment was made, nor how nothing's size is said."""
    told["experiments"]["0"].pop("creation_time")
    for run in told["runs"].values():
        run["files"] = [[path, size or 0] for path, size in run["files"]]
    return told


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Give a real server that the real client filled once, and its folder."""
    folder = tmp_path_factory.mktemp("peer")
    with peer_server(folder) as url:
        script(NEWEST, "fill.py", url)
        yield url, folder


@pytest.mark.parametrize("way", ["rest", "database"])
def test_a_store_is_taken_over_both_ways_and_read_the_same(peer: tuple[str, Path], way: str, tmp_path: Path) -> None:
    url, folder = peer
    source = url if way == "rest" else f"sqlite:///{folder / 'mlflow.db'}"
    words = ["import", "mlflow", source, "--artifacts", "--home", str(tmp_path / "home")]
    words += [] if way == "rest" else ["--artifact-root", str(folder / "artifacts")]
    first = tidemill(*words)["report"]
    again = tidemill(*words)["report"]["counts"]

    assert (first["counts"]["runs"], first["counts"]["metric points"], first["counts"]["artifacts"]) == (6, 1517, 16)
    assert {name for name in again if "unchanged" not in name} == set()
    with our_server(tmp_path) as ours:
        assert same(script(NEWEST, "tell.py", ours)) == same(script(NEWEST, "tell.py", url))


@pytest.mark.parametrize("version", [MIDDLE, NEWEST])
def test_a_database_of_each_age_is_taken_and_given_back_whole(version: str, tmp_path: Path) -> None:
    there = f"sqlite:///{tmp_path / 'there.db'}"
    script(version, "fill.py", there, str(tmp_path / "files"))
    home = ["--artifacts", "--home", str(tmp_path / "home")]
    tidemill("import", "mlflow", there, *home)
    back = f"sqlite:///{tmp_path / 'back.db'}"
    tidemill("export", "mlflow", back, *home, PATH=f"{environment(version)}:{os.environ['PATH']}")

    assert same(script(version, "tell.py", back)) == same(script(version, "tell.py", there))


def test_a_server_takes_an_export_once_and_keeps_what_its_api_can(peer: tuple[str, Path], tmp_path: Path) -> None:
    url, _ = peer
    home = ["--artifacts", "--home", str(tmp_path / "home")]
    tidemill("import", "mlflow", url, *home)
    (tmp_path / "target").mkdir()
    with peer_server(tmp_path / "target") as target:
        tidemill("export", "mlflow", target, *home)
        again = tidemill("export", "mlflow", target, *home)["report"]
        told = script(NEWEST, "tell.py", target)
    before = script(NEWEST, "tell.py", url)

    assert "artifacts" not in again["counts"]
    runs = {run["tags"]["tidemill.run_id"]: run for run in told["runs"].values()}
    assert set(runs) == set(before["runs"])
    for run_id, run in before["runs"].items():
        for name in ("history", "params", "content", "start_time", "end_time", "status", "lifecycle_stage", "inputs"):
            assert runs[run_id][name] == run[name], name
    versions = told["models"]["delay"]["versions"]
    assert {number: each["current_stage"] for number, each in versions.items()} == {"1": "Production", "3": "Staging"}
    assert told["models"]["delay"]["aliases"] == {"champion": "1", "challenger": "3"}
