"""A server that is sent nonsense, and something of everything in it to send nonsense about."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tidemill.app import Workspace
from tidemill.client.embedded import EmbeddedTransport
from tidemill.core.settings import Settings
from tidemill.server.app import build

from .asked import API, PROXY, Asking, T, said


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Give a workspace that all tests of this module send nonsense to."""
    with Workspace(Settings(home=tmp_path_factory.mktemp("bad") / "home")) as opened:
        yield opened


@pytest.fixture(scope="module")
def http(workspace: Workspace) -> Iterator[httpx.Client]:
    """Give a client of the server of that workspace."""
    with httpx.Client(transport=EmbeddedTransport(build(workspace)), base_url="http://localhost") as client:
        yield client


@pytest.fixture(scope="module")
def known(http: httpx.Client) -> dict[str, str]:
    """Give ids of things that are there: so nonsense comes further than to the first check."""

    def made(path: str, body: dict[str, object]) -> Any:
        return http.post(API + path, json=body).raise_for_status().json()

    experiment = made("/experiments/create", {"name": "there"})["experiment_id"]
    run = made("/runs/create", {"experiment_id": experiment, "start_time": T})["run"]["info"]["run_id"]
    model = made("/logged-models", {"experiment_id": experiment, "name": "m"})["model"]["info"]["model_id"]
    made("/registered-models/create", {"name": "reg"})
    http.put(f"{PROXY}/{experiment}/{run}/artifacts/model/MLmodel", content=b"flavors: {}\n").raise_for_status()
    made("/model-versions/create", {"name": "reg", "source": f"runs:/{run}/model"})
    return {"experiment": experiment, "run": run, "model": model, "files": f"{PROXY}/{experiment}/{run}/artifacts"}


@pytest.fixture
def asking(http: httpx.Client, known: dict[str, str]) -> Asking:
    """Give a function that sends a request and tells how it was answered."""

    def asked(method: str, path: str, body: object = None, **more: Any) -> tuple[int, str]:
        path = path if path.startswith(("/api", "/get", "/model-versions/get-artifact")) else API + path
        body = json.loads(json.dumps(body).replace("$run", known["run"]).replace("$exp", known["experiment"]))
        if body is not None:
            more |= {"params": body} if method == "GET" else {"content": json.dumps(body)}  # all of it ASCII
        return said(http.request(method, path, **more))

    return asked
