"""An open delivery has a workflow, whatever died or failed between the ledger and the workflows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tidemill.core.access import OWNER, Actor, Role
from tidemill.core.errors import InvalidInput
from tidemill.ledger import Ledger, Transaction
from tidemill.projects import store
from tidemill.projects.carrying import Carrying
from tidemill.projects.loop import DELIVER, Loop, Order
from tidemill.projects.records import DeliveryState
from tidemill.projects.service import ProjectService
from tidemill.workflows.errors import WorkflowEnded
from tidemill.workflows.inline import InlineWorkflows
from tidemill.workflows.ports import Flow

ANN = Actor("ann", Role.EDITOR)


class Crew:
    """Carries deliveries out by noting them, and remembers which it had to give up."""

    def __init__(self) -> None:
        self.begun: list[Order] = []
        self.given_up: list[tuple[str, str]] = []
        self.breaks = False

    def run(self, flow: Flow, order: Order) -> str:
        self.begun.append(order)
        if self.breaks:
            raise InvalidInput("a fault of ours", hint="none")
        return "running"

    def give_up(self, delivery: str, reason: str) -> None:
        self.given_up.append((delivery, reason))


class House:
    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.crew, self.workflows = ledger, Crew(), InlineWorkflows()
        self.workflows.define(DELIVER, self.crew.run)
        self.carrying = Carrying(ledger, self.crew)  # type: ignore[arg-type]  # of a loop it needs just this

    def order(self, delivery: str, state: DeliveryState = DeliveryState.RUNNING, *, ended: bool = False) -> None:
        """Record a delivery, as far as a process comes that dies right after."""

        def work(tx: Transaction) -> None:
            project = {"revision": 1, "text": "", "source": "", "folder": "", "applied_at": tx.now, "applied_by": "ann"}
            tx.upsert(store.projects, {"name": "churn", **project})
            row = {"project": "churn", "revision": 1, "cause": "hand", "state": state.value, "reason": "", "params": {}}
            more = {"started_by": ANN.name, "role": int(ANN.role), "started_at": tx.now}
            over = {"ended_at": tx.now} if ended else {}
            tx.execute(sa.insert(store.deliveries), {"id": delivery, **row, **more, **over})

        self.ledger.write(ANN, work)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    yield House(ledger)
    ledger.close()


@pytest.mark.parametrize("state", [DeliveryState.RUNNING, DeliveryState.WAITING])
def test_a_delivery_without_a_workflow_is_begun_once_as_whoever_ordered_it(house: House, state: DeliveryState) -> None:
    house.order("one", state)
    house.carrying.take_up(house.workflows)
    assert house.crew.begun == [Order(delivery="one", actor="ann", role=int(Role.EDITOR))]
    house.carrying.begin(house.workflows, "one")  # the process that ordered it comes to it late
    assert len(house.crew.begun) == 1


def test_a_delivery_whose_workflow_broke_is_failed_and_says_so(house: House) -> None:
    house.crew.breaks = True
    house.order("one")
    house.carrying.begin(house.workflows, "one")
    house.carrying.take_up(house.workflows)
    assert house.crew.given_up == [("one", "the workflow that carried it out failed")]


def test_what_has_ended_is_left_alone(house: House) -> None:
    house.order("one", DeliveryState.DEPLOYED, ended=True)
    house.carrying.take_up(house.workflows)
    house.carrying.begin(house.workflows, "one")
    assert (house.crew.begun, house.crew.given_up) == ([], [])


def test_one_that_cannot_be_taken_up_holds_no_other_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.order("one")
    house.order("two")
    start = house.workflows.start

    def broken(name: str, *, id: str, input: object) -> None:  # noqa: A002 - the words of the port
        if id == "delivery-one":
            raise InvalidInput("no room", hint="none")
        start(name, id=id, input=input)

    monkeypatch.setattr(house.workflows, "start", broken)
    house.carrying.take_up(house.workflows)
    assert [order.delivery for order in house.crew.begun] == ["two"]
    assert OWNER.name not in {order.actor for order in house.crew.begun}


def test_what_ended_as_it_was_given_up_tells_its_trigger_how_it_ended(house: House) -> None:
    """Between the list of open deliveries and the look at its workflow a delivery may end."""
    told: list[tuple[str, DeliveryState, str]] = []

    class Settling:
        def answer(self, trigger: str, state: DeliveryState, reason: str) -> None:
            told.append((trigger, state, reason))

    house.order("one", DeliveryState.DEPLOYED, ended=True)
    change = sa.update(store.deliveries).values(trigger="t", reason="it serves")
    house.ledger.write(ANN, lambda tx: tx.execute(change))
    nobody: Any = None
    loop = Loop(house.ledger, nobody, nobody, nobody, nobody, Settling(), nobody, checks=nobody)  # type: ignore[arg-type]
    loop.give_up("one", "the workflow that carried it out failed")

    assert told == [("t", DeliveryState.DEPLOYED, "it serves")]


def test_a_delivery_that_went_on_as_it_was_resumed_is_shown_as_it_is(house: House) -> None:
    house.order("one", DeliveryState.WAITING)
    ended = sa.update(store.deliveries).values(state=DeliveryState.DEPLOYED.value)

    class Ended(InlineWorkflows):
        def send(self, *_: object, **__: object) -> None:
            house.ledger.write(ANN, lambda tx: tx.execute(ended))
            raise WorkflowEnded("it has ended", hint="none")

    nobody: Any = None
    projects = ProjectService(house.ledger, nobody, nobody, nobody, nobody, Ended)

    assert projects.resume_delivery(OWNER, id="one").state is DeliveryState.DEPLOYED
