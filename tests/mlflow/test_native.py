"""What real clients log, as our own commands, API and endpoints know it."""

import json
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from click.testing import CliRunner
from tests.mlflow.conftest import chapters_of
from tests.mlflow.environments import MIDDLE, NEWEST, OLDEST
from tests.mlflow.servers import Planes, our_planes

from tidemill.cli.groups import build

pytestmark = [pytest.mark.mlflow, pytest.mark.timeout(300)]
CPU = "system/cpu_utilization_percentage"
SYSTEM = [
    CPU,
    "system/disk_available_megabytes",
    "system/disk_usage_megabytes",
    "system/disk_usage_percentage",
    "system/network_receive_megabytes",
    "system/network_transmit_megabytes",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
]


def chapter(version: str, name: str, url: str, folder: Path) -> dict[str, Any]:
    """Play a chapter and give what it saw."""
    found = chapters_of(version, (name,), url, folder, 200)[name]
    assert "failed" not in found, found["failed"]
    return dict(found["saw"])


def told(points: list[dict[str, Any]]) -> list[list[Any]]:
    """Give step and value of points; the first step is 0, which need not be said."""
    return [[point.get("step", 0), point["value"]] for point in points]


class Command:
    """The command line on the workspace of a server."""

    def __init__(self, planes: Planes) -> None:
        self._home = ["--home", str(planes.home), "--json"]

    def __call__(self, *words: str) -> Any:
        done = CliRunner().invoke(build(), [*words, *self._home])
        assert done.exit_code == 0, f"{words}: {done.output} {done.exception}"
        return json.loads(done.stdout)

    def refused(self, *words: str) -> BaseException:
        error = CliRunner().invoke(build(), [*words, *self._home], standalone_mode=False).exception
        assert error is not None, f"{words} was not refused"
        return error


@pytest.mark.parametrize(
    "version", [pytest.param(each, marks=pytest.mark.xdist_group(each)) for each in (OLDEST, NEWEST)]
)
def test_system_metrics_are_seen_by_both_apis(version: str, tmp_path: Path) -> None:
    with our_planes(tmp_path) as planes:
        saw = chapter(version, "system_metrics", planes.url, tmp_path)
        tidemill = Command(planes)
        run = tidemill("runs", "show", saw["run"])
        points = tidemill("runs", "metric", saw["run"], CPU)
        charted = httpx.get(f"{planes.url}/api/v1/metrics", params={"key": CPU, "run_ids": saw["run"]}, trust_env=False)
        found = tidemill("runs", "list", "--filter", f"metrics.`{CPU}` >= 0")
        keys = tidemill("runs", "keys")

    steps = [step for step, _ in saw["history"]]
    assert set(SYSTEM) <= set(saw["keys"])
    assert steps == list(range(len(steps)))
    assert len(steps) >= 2
    assert (saw["found"], saw["not_found"], saw["columns"]) == (["sampled"], 0, True)
    assert sorted(run["metrics"]) == saw["keys"]
    assert told(points) == saw["history"]
    assert told(charted.json()[0]["points"]) == saw["history"]
    assert [each["run_id"] for each in found] == [saw["run"]]
    assert set(SYSTEM) <= set(keys["metrics"])


BOOSTERS = ["lightgbm-booster", "xgboost-booster", "xgboost-regressor"]
SAFE = ["lightgbm-classifier", "sklearn-forest", "sklearn-pipeline", "xgboost-classifier"]
MODELS = {OLDEST: BOOSTERS, MIDDLE: sorted(BOOSTERS + SAFE), NEWEST: sorted(BOOSTERS + SAFE)}


@pytest.mark.parametrize("version", [pytest.param(each, marks=pytest.mark.xdist_group(each)) for each in MODELS])
def test_a_logged_model_answers_behind_its_gate_as_it_did_where_it_was_trained(version: str, tmp_path: Path) -> None:
    with our_planes(tmp_path) as planes:
        saw = chapter(version, "adopted", planes.url, tmp_path)
        assert saw["models"] == MODELS[version]
        tidemill = Command(planes)
        tidemill("data", "add", "flights", str(tmp_path / "holdout.parquet"))
        rows = f"dataset_version:{tidemill('data', 'show', 'flights@1')['id']}"
        expected = json.loads((tmp_path / "answers.json").read_text())
        answered = {name: deployed(name, rows, tidemill, planes, tmp_path) for name in expected}
        if version == OLDEST:
            assert "logged as a cloudpickle" in str(tidemill.refused("models", "prepare", "pickled@1"))

    assert answered == expected


def deployed(name: str, rows: str, tidemill: Command, planes: Planes, folder: Path) -> dict[str, list[Any]]:
    """Judge a version, deploy it, and ask it for the rows of the holdout over HTTP."""
    tidemill("endpoints", "create", name)
    assert "gate" in str(tidemill.refused("endpoints", "deploy", name, f"{name}@1"))
    rule, label = ("r2 >= 0.2", "minutes") if "regressor" in name else ("roc_auc >= 0.6", "late")
    report = tidemill("gates", "evaluate", f"{name}@1", "--metric", rule, "--holdout", rows, "--label", label)
    assert report["status"] == "open"
    tidemill("endpoints", "deploy", name, f"{name}@1")
    wanted = [field["name"] for field in tidemill("models", "show", f"{name}@1")["signature"]["inputs"]]
    records = pl.read_parquet(folder / "holdout.parquet").select(wanted).to_dicts()
    url = f"{planes.serving_url}/v1/endpoints/{name}/predict"
    answers = httpx.post(url, json={"records": records}, timeout=30, trust_env=False).json()["predictions"]
    return {field: [answer[field] for answer in answers] for field in answers[0]}
