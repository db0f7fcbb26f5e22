"""Every open delivery has a workflow that carries it out.

A delivery is committed to the ledger first, and its workflow starts after. A process that dies in between leaves a
delivery that runs and that nothing carries out, which is looked for at every start and now and then. So does a
restored backup whose workflows are older than its ledger. The workflow's id is the delivery's own, so a delivery whose
workflow starts at this very moment has one all the same.
"""

import logging

from tidemill.core.errors import TidemillError
from tidemill.ledger import Ledger
from tidemill.projects import store
from tidemill.projects.loop import DELIVER, Loop, Order
from tidemill.projects.waking import workflow_id
from tidemill.workflows.errors import WorkflowNotFound
from tidemill.workflows.ports import Workflows

_LOG = logging.getLogger("tidemill.projects")


class Carrying:
    """Sees to it that open deliveries are carried out.

    Args:
        ledger: Where deliveries are.
        loop: Carries them out.
    """

    def __init__(self, ledger: Ledger, loop: Loop) -> None:
        self._ledger = ledger
        self._loop = loop

    def begin(self, workflows: Workflows, delivery: str) -> None:
        """Start the workflow of a delivery, as whoever ordered it; nothing happens if it has one or has ended.

        One that has ended is left alone because its workflow is forgotten in time, and must not start anew.
        """
        for order in self._open():
            if order.delivery == delivery:
                workflows.start(DELIVER, id=workflow_id(delivery), input=order)

    def take_up(self, workflows: Workflows) -> None:
        """Start the workflow of each open delivery that has none, and fail each whose workflow is over."""
        for order in self._open():
            try:
                self._take_up(workflows, order)
            except TidemillError as error:
                _LOG.warning("Delivery %s cannot be taken up now: %s", order.delivery, error)

    def _open(self) -> list[Order]:
        with self._ledger.read() as connection:
            found = store.open_deliveries(connection)
        return [Order(delivery=delivery, actor=actor, role=role) for delivery, actor, role in found]

    def _take_up(self, workflows: Workflows, order: Order) -> None:
        carrier = workflow_id(order.delivery)
        try:
            state = workflows.status(carrier).state
        except WorkflowNotFound:
            _LOG.warning("Delivery %s was never begun; it begins now", order.delivery)
            workflows.start(DELIVER, id=carrier, input=order)
            return
        if state.is_ended:  # without having ended the delivery, which only a fault or a person at the workflow can do
            self._loop.give_up(order.delivery, "the workflow that carried it out failed")
