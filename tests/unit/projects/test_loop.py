"""A project file is carried out: to an endpoint, refused where the gate says no, failed where data is broken."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.app import Workspace
from tidemill.cli.starting import start_project
from tidemill.core.access import OWNER
from tidemill.core.errors import InvalidInput
from tidemill.core.settings import Settings
from tidemill.projects.records import Delivery, DeliveryState

_DEADLINE_S = 100.0


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(Settings(home=tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    generator = random.Random(4)
    lines = ["id,tenure,plan,left"]
    for number in range(1200):
        tenure, plan = generator.randint(0, 70), generator.choice(["basic", "pro"])
        left = generator.random() < (0.8 if tenure < 20 else 0.2)
        lines.append(f"{number},{tenure},{plan},{'yes' if left else 'no'}")
    table = tmp_path / "customers.csv"
    table.write_text("\n".join(lines) + "\n")
    return start_project(tmp_path / "churn", table, label="left", time=None, key=None).folder


def delivered(workspace: Workspace, folder: Path, text: str) -> Delivery:
    workspace.projects.apply(OWNER, text=text, folder=str(folder))
    started = workspace.projects.deliver(OWNER, project="churn")
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        found = workspace.projects.get_delivery(OWNER, id=started.id)
        if found.state is not DeliveryState.RUNNING:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_a_project_is_delivered_once_and_a_model_that_serves_is_left_alone(workspace: Workspace, project: Path) -> None:
    text = (project / "tidemill.yaml").read_text()
    first = delivered(workspace, project, text)
    assert (first.state, first.model) == (DeliveryState.DEPLOYED, "left@1")
    assert [event.act for event in first.events] == ["data", "run", "model", "gate", "deployment", "deployed"]
    endpoint = workspace.delivery.get_endpoint(OWNER, name="left")
    assert [target.share for target in endpoint.targets] == [1.0]
    assert workspace.projects.plan(OWNER, text=text, folder=str(project)).changes == []
    again = delivered(workspace, project, text)
    assert (again.state, again.model) == (DeliveryState.DONE, None)
    assert "serves already" in again.reason


def test_a_gate_that_stays_shut_refuses_the_delivery_and_says_why(workspace: Workspace, project: Path) -> None:
    text = (project / "tidemill.yaml").read_text().replace("roc_auc >= 0.55", "roc_auc >= 0.999")
    found = delivered(workspace, project, text)
    assert found.state is DeliveryState.REFUSED
    assert "roc_auc" in found.reason
    assert workspace.delivery.get_endpoint(OWNER, name="left").targets == []


def test_broken_data_fails_the_delivery_with_its_place(workspace: Workspace, project: Path, tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("id,tenure\n")
    found = delivered(workspace, project, (project / "tidemill.yaml").read_text())
    assert found.state is DeliveryState.FAILED
    assert found.reason
    assert workspace.data.list(OWNER) == []


def test_a_cause_of_retraining_that_does_not_exist_is_refused(workspace: Workspace, project: Path) -> None:
    text = (project / "tidemill.yaml").read_text().replace("on: [drift, performance]", "on: [drifts]")
    with pytest.raises(InvalidInput, match="drifts"):
        workspace.projects.apply(OWNER, text=text, folder=str(project))
