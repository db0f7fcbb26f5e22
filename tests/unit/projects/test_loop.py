"""A project file is carried out: to an endpoint, refused where the gate says no, failed where data is broken."""

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.app import Workspace
from tidemill.cli.starting import start_project
from tidemill.core.access import OWNER, Actor, Role
from tidemill.core.errors import InvalidInput
from tidemill.core.settings import Settings
from tidemill.projects.records import Delivery, DeliveryState
from tidemill.projects.rules import GateAbsent
from tidemill.workflows.errors import WorkflowStoreUnavailable

_DEADLINE_S = 100.0
_MOVING = frozenset({DeliveryState.RUNNING})


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
    return settled(workspace, started.id)


def settled(workspace: Workspace, delivery: str, *, moving: frozenset[DeliveryState] = _MOVING) -> Delivery:
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        found = workspace.projects.get_delivery(OWNER, id=delivery)
        if found.state not in moving:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def ended(workspace: Workspace, delivery: str) -> Delivery:
    return settled(workspace, delivery, moving=_MOVING | {DeliveryState.WAITING})


def asking(project: Path, rules: str = "  - approval: reviewers\n") -> str:
    return (project / "tidemill.yaml").read_text().replace("gate:\n", f"gate:\n{rules}")


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


def test_suites_run_over_what_is_ingested_and_a_failed_one_ends_the_delivery(
    workspace: Workspace, project: Path
) -> None:
    text = (project / "tidemill.yaml").read_text()
    dataset = re.search(r"^datasets:\n  (\w+):\n", text, flags=re.MULTILINE)
    assert dataset
    strict = "    checks: [{integrity: {settings: {class_balance: {at_least: 0.9999, severity: fail}}}}]\n"
    found = delivered(workspace, project, text.replace(dataset[0], dataset[0] + strict))
    assert found.state is DeliveryState.FAILED
    assert "failed class_balance of the suite integrity" in found.reason
    assert "checks" in [event.act for event in found.events]
    (report,) = workspace.checks.list_reports(OWNER)
    assert report.label == "left"
    mild = delivered(workspace, project, text.replace(dataset[0], dataset[0] + "    checks: [integrity]\n"))
    assert mild.state is DeliveryState.DEPLOYED


@pytest.mark.parametrize(
    ("checks", "says"),
    [
        ("[integrty]", "integrity"),
        ("[train-test]", "against"),
        ("[{integrity: {settings: {outlier: false}}}]", "outliers"),
    ],
)
def test_suites_that_do_not_exist_are_refused(workspace: Workspace, project: Path, checks: str, says: str) -> None:
    text = re.sub(
        r"^(datasets:\n  \w+:\n)",
        rf"\1    checks: {checks}\n",
        (project / "tidemill.yaml").read_text(),
        flags=re.MULTILINE,
    )
    with pytest.raises(InvalidInput, match=says):
        workspace.projects.apply(OWNER, text=text, folder=str(project))


def test_a_param_that_the_pipeline_does_not_have_fails_the_delivery_before_data_is_read(
    workspace: Workspace, project: Path
) -> None:
    workspace.projects.apply(OWNER, text=(project / "tidemill.yaml").read_text(), folder=str(project))
    started = workspace.projects.deliver(OWNER, project="churn", params={"nothing": 3})
    found = settled(workspace, started.id)
    assert (found.state, "nothing" in found.reason) == (DeliveryState.FAILED, True)
    assert workspace.data.list(OWNER) == []


def test_a_cause_of_retraining_that_does_not_exist_is_refused(workspace: Workspace, project: Path) -> None:
    text = (project / "tidemill.yaml").read_text().replace("on: [drift, performance]", "on: [drifts]")
    with pytest.raises(InvalidInput, match="drifts"):
        workspace.projects.apply(OWNER, text=text, folder=str(project))


def without(text: str, *keys: str) -> str:
    """Return a project file without some of its keys."""
    parts = re.split(r"(?m)^(?=\w)", text)
    return "".join(part for part in parts if part.partition(":")[0] not in keys)


def test_a_project_that_deploys_without_a_gate_is_refused_and_changes_nothing(
    workspace: Workspace, project: Path
) -> None:
    text = without((project / "tidemill.yaml").read_text(), "gate")
    with pytest.raises(GateAbsent):
        workspace.projects.plan(OWNER, text=text, folder=str(project))
    with pytest.raises(GateAbsent):
        workspace.projects.apply(OWNER, text=text, folder=str(project))
    assert workspace.projects.list(OWNER) == []


def test_a_project_that_deploys_nothing_registers_its_versions_without_a_gate(
    workspace: Workspace, project: Path
) -> None:
    text = without((project / "tidemill.yaml").read_text(), "gate", "deploy", "monitor", "retrain")
    found = delivered(workspace, project, text)
    assert (found.state, found.model) == (DeliveryState.DONE, "left@1"), found.reason
    assert "names no gate" in found.reason
    assert workspace.delivery.list_gate_reports(OWNER) == []


def test_a_yes_wakes_the_delivery_that_waits_for_it(workspace: Workspace, project: Path) -> None:
    found = delivered(workspace, project, asking(project))
    assert (found.state, found.reason) == (DeliveryState.WAITING, "left@1 waits for approval")
    workspace.delivery.approve(OWNER, id=str(found.gate_report))
    assert ended(workspace, found.id).state is DeliveryState.DEPLOYED


def test_a_no_wakes_it_too_and_says_who_said_it(workspace: Workspace, project: Path) -> None:
    found = delivered(workspace, project, asking(project))
    workspace.delivery.reject(OWNER, id=str(found.gate_report), comment="not today")
    found = ended(workspace, found.id)
    assert (found.state, found.reason) == (DeliveryState.REFUSED, "owner said no: not today")


def test_the_first_of_two_yeses_wakes_nothing_and_resuming_by_hand_asks_for_the_second(
    workspace: Workspace, project: Path
) -> None:
    found = delivered(workspace, project, asking(project, "  - approval: data\n  - approval: product\n"))
    report = str(found.gate_report)
    workspace.delivery.approve(Actor("ann", Role.APPROVER), id=report)
    workspace.projects.resume_delivery(OWNER, id=found.id)
    looked = f"delivery-{found.id}"
    settled_by = time.monotonic() + _DEADLINE_S
    while workspace.workflows().steps(looked)[-1].name != "decided":  # the look that resuming asked for
        assert time.monotonic() < settled_by
        time.sleep(0.01)
    assert workspace.projects.get_delivery(OWNER, id=found.id).state is DeliveryState.WAITING
    workspace.delivery.approve(Actor("bob", Role.APPROVER), id=report)
    assert ended(workspace, found.id).state is DeliveryState.DEPLOYED


def test_a_yes_whose_message_was_lost_wakes_the_delivery_at_the_next_start(workspace: Workspace, project: Path) -> None:
    found = delivered(workspace, project, asking(project))
    workspace.delivery.on_decision = None  # as when the process dies after the commit
    workspace.delivery.approve(OWNER, id=str(found.gate_report))
    workspace.close()
    with Workspace(workspace.settings) as again:
        again.workflows()
        assert ended(again, found.id).state is DeliveryState.DEPLOYED


def test_a_yes_stands_when_the_delivery_cannot_be_woken(
    workspace: Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = delivered(workspace, project, asking(project))

    def broken(*_given: object, **_more: object) -> None:
        raise WorkflowStoreUnavailable("The disk is gone", hint="Wait.")

    with monkeypatch.context() as patch:
        patch.setattr(type(workspace.workflows()), "send", broken)
        assert workspace.delivery.approve(OWNER, id=str(found.gate_report)).status == "open"
    workspace.projects.take_up(workspace.workflows())
    assert ended(workspace, found.id).state is DeliveryState.DEPLOYED


def test_a_delivery_whose_workflow_could_not_start_begins_at_the_next_look(
    workspace: Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.projects.apply(OWNER, text=(project / "tidemill.yaml").read_text(), folder=str(project))

    def broken(*_given: object, **_more: object) -> None:
        raise WorkflowStoreUnavailable("The disk is full", hint="Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(type(workspace.workflows()), "start", broken)
        with pytest.raises(WorkflowStoreUnavailable):
            workspace.projects.deliver(OWNER, project="churn")
    (found,) = workspace.projects.list_deliveries(OWNER)
    assert found.state is DeliveryState.RUNNING
    workspace.projects.look()
    assert ended(workspace, found.id).state is DeliveryState.DEPLOYED
