"""The real MLflow client with `tidemill+http`: what it logs while the network is away arrives, once."""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.faults.network import Network
from tests.mlflow.conftest import CLIENT
from tests.mlflow.environments import NEWEST, OLDEST, ROOT, environment
from tests.mlflow.servers import our_server

pytestmark = [pytest.mark.mlflow, pytest.mark.xdist_group("mlflow-plugin")]
SCRIPTS = Path(__file__).with_name("scripts")


class Training:
    """A training in a real client's environment, which stops at words and goes on when it is told."""

    def __init__(self, version: str, url: str, folder: Path, program: str = "training.py", *given: str) -> None:
        plugin = installed(folder)
        clean = {
            key: text for key, text in os.environ.items() if not key.startswith(("MLFLOW_", "TIDEMILL_", "PYTHON"))
        }
        variables = {
            "MLFLOW_TRACKING_URI": f"tidemill+{url}",
            "TIDEMILL_SPOOL": str(folder / "spool"),
            "PYTHONPATH": f"{plugin}:{ROOT / 'src'}",
            "PYTHONWARNINGS": "ignore",
        }
        self.process = subprocess.Popen(
            [str(environment(version) / "python"), str(SCRIPTS / program), *given],
            env=clean | CLIENT | variables,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def until(self, word: str) -> dict[str, Any]:
        """Read on to a word, and return what is said with it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(f"@@{word} "):
                return dict(json.loads(line.partition(" ")[2]))
        pytest.fail(f"the training ended before {word}")

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


def installed(folder: Path) -> Path:
    """Make Tidemill look installed where its source is on the path: entry points, and the library that it sends with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    about = folder / "plugin" / "tidemill-0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tidemill\nVersion: 0\n")
    groups = {name: points for name, points in project["entry-points"].items() if name.startswith("mlflow.")}
    lines = [
        f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in each.items()) for name, each in groups.items()
    ]
    (about / "entry_points.txt").write_text("\n".join(lines))
    ours = sysconfig.get_paths()["purelib"]
    (about.parent / "sitecustomize.py").write_text(f"import sys\nsys.path.append({ours!r})\n")
    return about.parent


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with our_server(tmp_path_factory.mktemp("server")) as url, Network(httpx.URL(url).port or 0) as made:
        yield made


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("state", ["refuse", "hole"])
def test_a_training_goes_on_without_its_server(network, tmp_path, version, state):
    network.set("up")
    training = Training(version, network.url, tmp_path)
    started = training.until("started")
    network.set(state)
    training.go_on()
    without = training.until("without")
    network.set("up")
    training.go_on()
    after = training.until("after")
    training.process.wait(60)

    doors = ["tidemill.core", "tidemill.core.doors"]  # of a few lines, and the standard library
    assert started["imported"] == ["tidemill", "tidemill.client", "tidemill.client.mlflow", *doors]
    assert without["longest"] < 5
    assert without["status"] == "FINISHED"
    assert without["metrics"] == {"loss": 1 / 200}
    assert without["unanswered"] == "TEMPORARILY_UNAVAILABLE"
    assert after["runs"] == {"offline": ["FINISHED", {"depth": "4"}], "online": ["FINISHED", {}]}
    assert after["points"] == [[step, 1 / (step + 1)] for step in range(200)]
    assert after["text"] == "what was found"
    assert after["tags"] == {"kept": "yes"}
    assert training.process.returncode == 0
    assert list((tmp_path / "spool").glob("0*")) == []


# What cannot be known without the server is said at once.
UNANSWERED = {"registered", "list", "load", "search", "names"}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("state", ["refuse", "hole"])
def test_models_and_files_wait_for_a_server_that_died(tmp_path, state):
    home = tmp_path / "server"
    home.mkdir()
    with Network(0) as network:
        with our_server(home) as url:
            network.target = httpx.URL(url).port or 0
            network.set("up")
            training = Training(NEWEST, network.url, tmp_path, "modelling.py")
            training.until("started")
            network.set(state)
        training.go_on()
        without = training.until("without")
        assert training.process.wait(60) == 0
        assert {name: said[0] for name, said in without["raised"].items()} == dict.fromkeys(
            UNANSWERED, "TEMPORARILY_UNAVAILABLE"
        )
        assert "register_model" in without["raised"]["registered"][1]
        assert max(without["took"].values()) < 15, without["took"]

        with our_server(home) as url:
            network.target = httpx.URL(url).port or 0
            network.set("up")
            for _ in range(2):  # the second time there is nothing to send
                pushed(tmp_path / "spool")
            assert list((tmp_path / "spool").glob("0*")) == []
            given = (without["run"], without["kept"], without["apart"])
            after = Training(NEWEST, network.url, tmp_path, "modelling.py", *given).until("after")

    assert after == {
        "status": "FINISHED",
        "outputs": 4,
        "models": dict.fromkeys(["early", "kept", "late", "sold"], "READY"),
        "count": 4,
        "model": [without["run"], {"depth": "4"}, {"a": "b", "c": "d"}],
        "metrics": [["loss", 1.0]],
        "late": [["loss", 1 / 3]],
        "loaded": [True, True, True],
        "elsewhere": "kept models elsewhere",
        "files": ["tree/deep", "tree/notes.txt"],
        "read": [{"a": [1]}, "found"],
        "points": [[0, 1.0], [1, 0.5], [2, 1 / 3]],
        "refused": "INVALID_PARAMETER_VALUE",
        "names": [],
    }


def pushed(spool: Path) -> None:
    """Send what waits, as a person would."""
    clean = {key: text for key, text in os.environ.items() if not key.startswith(("MLFLOW_", "TIDEMILL_"))}
    done = subprocess.run(
        [sys.executable, "-m", "tidemill.cli.main", "spool", "push"],
        env=clean | {"TIDEMILL_SPOOL": str(spool)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plug_in_costs_little_to_import(tmp_path):
    plugin = installed(tmp_path)
    program = (
        "import sys, time; began = time.process_time(); import tidemill.client.mlflow;"
        "print(time.process_time() - began, len([name for name in sys.modules if name.startswith('httpx')]))"
    )
    done = subprocess.run(
        [str(environment(NEWEST) / "python"), "-c", program],
        env={"PYTHONPATH": f"{plugin}:{ROOT / 'src'}"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, modules = done.stdout.split()

    assert float(seconds) < 0.1
    assert modules == "0"
