"""kill -9 between the ledger and the workflow of a delivery: what was ordered or decided goes on at the next start."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tidemill.app import Workspace
from tidemill.cli.starting import start_project
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.delivery.records import GateReport
from tidemill.projects.records import Delivery, DeliveryState

_DEADLINE_S = 100.0
_MOVES = frozenset({DeliveryState.RUNNING})
_OPEN = _MOVES | {DeliveryState.WAITING}


def after(workspace: Workspace, states: frozenset[DeliveryState]) -> Delivery:
    """Return the only delivery when it has left some states."""
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        (found,) = workspace.projects.list_deliveries(OWNER)
        if found.state not in states:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def until_the_yes(place: Path) -> None:
    """Deliver until a person is waited for, say yes, and die right after the commit."""

    def die(report: GateReport) -> None:
        assert report.status == "open"
        os.kill(os.getpid(), signal.SIGKILL)

    folder = start_project(place / "churn", place / "customers.csv", label="left", time=None, key=None).folder
    text = (folder / "tidemill.yaml").read_text().replace("gate:\n", "gate:\n  - approval: reviewers\n")
    with Workspace(Settings(home=place / "home")) as workspace:
        workspace.projects.apply(OWNER, text=text, folder=str(folder))
        workspace.projects.deliver(OWNER, project="churn")
        found = after(workspace, _MOVES)
        assert found.state is DeliveryState.WAITING, found
        workspace.delivery.on_decision = die
        workspace.delivery.approve(OWNER, id=str(found.gate_report))


def until_the_order(place: Path) -> None:
    """Order a delivery, and die right after the commit."""

    def die(*_given: object, **_more: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    folder = start_project(place / "churn", place / "customers.csv", label="left", time=None, key=None).folder
    with Workspace(Settings(home=place / "home")) as workspace:
        workspace.projects.apply(OWNER, text=(folder / "tidemill.yaml").read_text(), folder=str(folder))
        workspace.workflows().start = die  # type: ignore[method-assign]  # the line after the commit
        workspace.projects.deliver(OWNER, project="churn")


DEATHS = {"yes": until_the_yes, "order": until_the_order}


def die_at(name: str, place: Path) -> None:
    """Run one of the deaths in a process of its own that shares no thread with this one, as a fork would."""
    generator = random.Random(4)
    lines = ["id,tenure,left"]
    for number in range(1000):
        tenure = generator.randint(0, 70)
        lines.append(f"{number},{tenure},{'yes' if generator.random() < (0.8 if tenure < 20 else 0.2) else 'no'}")
    (place / "customers.csv").write_text("\n".join(lines) + "\n")
    dead = subprocess.run([sys.executable, __file__, name, str(place)], check=False, timeout=_DEADLINE_S)
    assert dead.returncode == -signal.SIGKILL


def test_a_death_between_a_yes_and_its_message_holds_nothing_up(tmp_path: Path) -> None:
    die_at("yes", tmp_path)
    with Workspace(Settings(home=tmp_path / "home"), lock_wait_s=10.0) as workspace:
        (found,) = workspace.projects.list_deliveries(OWNER)
        assert found.state is DeliveryState.WAITING
        assert workspace.delivery.get_gate_report(OWNER, id=str(found.gate_report)).status == "open"
        workspace.start("")
        assert after(workspace, _OPEN).state is DeliveryState.DEPLOYED
        assert len(workspace.delivery.list_rollouts(OWNER)) == 1


def test_a_death_between_an_order_and_its_workflow_loses_no_delivery(tmp_path: Path) -> None:
    die_at("order", tmp_path)
    with Workspace(Settings(home=tmp_path / "home"), lock_wait_s=10.0) as workspace:
        (found,) = workspace.projects.list_deliveries(OWNER)
        assert (found.state, found.run_id) == (DeliveryState.RUNNING, None)
        workspace.start("")
        assert after(workspace, _OPEN).state is DeliveryState.DEPLOYED
        assert len(workspace.delivery.list_rollouts(OWNER)) == 1


if __name__ == "__main__":
    DEATHS[sys.argv[1]](Path(sys.argv[2]))
