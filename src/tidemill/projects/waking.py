"""Deliveries that wait for a person go on by themselves when the person has spoken.

The word is committed to the ledger first, and the workflow gets a message after. A process that dies in between leaves
a decided report and a delivery that waits, which is what `wake_decided` looks for at every start and now and then.
"""

import logging

from tidemill.core.errors import TidemillError
from tidemill.delivery.records import GateReport, GateStatus
from tidemill.delivery.store import find_gate_report
from tidemill.ledger import Ledger
from tidemill.projects import store
from tidemill.projects.records import DeliveryState
from tidemill.workflows.errors import WorkflowEnded, WorkflowNotFound
from tidemill.workflows.ports import Workflows

APPROVAL = "approval"
_LOG = logging.getLogger("tidemill.projects")


def workflow_id(delivery: str) -> str:
    """Return the id of the workflow that carries a delivery out."""
    return f"delivery-{delivery}"


class Waking:
    """Wakes deliveries whose gate reports are decided.

    Args:
        ledger: Where deliveries and reports are.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._told: set[str] = set()

    def waits_for(self, report: GateReport) -> list[str]:
        """Return the ids of the deliveries that a report's decision sets going; none while it waits for another yes."""
        if report.status is GateStatus.WAITING:
            return []
        with self._ledger.read() as connection:
            return store.open_deliveries_of(connection, report.id)

    def wake(self, workflows: Workflows, delivery: str) -> None:
        """Leave the message that lets a delivery look at its report again; leaving it twice leaves it once."""
        workflows.send(workflow_id(delivery), APPROVAL, "decided", key=f"{delivery}/decided")
        self._told.add(delivery)

    def wake_decided(self, workflows: Workflows) -> None:
        """Wake every delivery that waits though its report is decided."""
        with self._ledger.read() as connection:
            waiting = store.deliveries_in(connection, DeliveryState.WAITING)
            reports = [(each, find_gate_report(connection, report)) for each, report in waiting]
        for delivery, report in reports:
            if report is None or report.status is GateStatus.WAITING or delivery in self._told:
                continue
            try:
                self.wake(workflows, delivery)
            except (WorkflowNotFound, WorkflowEnded) as error:
                self._told.add(delivery)  # nothing will change that, and this comes by every half minute
                _LOG.warning("Delivery %s is decided, and nothing carries it out any more: %s", delivery, error)
            except TidemillError as error:
                _LOG.warning("Delivery %s is decided and cannot be woken now: %s", delivery, error)
