"""What one can do about delivery: judge, approve, deploy, promote, roll back."""

from collections.abc import Callable

from tidemill.core.access import Actor
from tidemill.core.names import check_text
from tidemill.delivery import endpoints, store
from tidemill.delivery.gates import Judge
from tidemill.delivery.moves import Moves, Order
from tidemill.delivery.ports import Observer, OnDecision
from tidemill.delivery.records import Endpoint, Rollout, RolloutPlan
from tidemill.delivery.rollouts import ROLLOUT, Rollouts
from tidemill.delivery.routing import Routing
from tidemill.delivery.service.endpoint_verbs import EndpointVerbs
from tidemill.delivery.service.gate_verbs import GateVerbs
from tidemill.delivery.service.place import LONGEST_COMMENT, most
from tidemill.delivery.traffic import Traffic
from tidemill.ledger import Ledger
from tidemill.models.service import ModelService
from tidemill.workflows.ports import Flow, Workflows

CONFIRM = "delivery.confirm"
_CONFIRM_EVERY_S = 60.0


class DeliveryService(GateVerbs, EndpointVerbs):
    """The verbs of delivery.

    Args:
        ledger: Where the rows are.
        models: The registry.
        judge: Judges a model version by the rules of a gate.
        routing: The files through which the data plane is told what to serve.
        workflows: Gives the durable workflows, starting them when they are first needed.
        observer: Says how the deployments of a rollout do.
        on_decision: Hears of each person's yes or no; nobody does when left out.
    """

    local = frozenset({"define", "take_up", "start", "reconcile", "serving"})

    def __init__(
        self,
        ledger: Ledger,
        models: ModelService,
        judge: Judge,
        routing: Routing,
        workflows: Callable[[], Workflows],
        observer: Observer,
        on_decision: OnDecision | None = None,
    ) -> None:
        self._ledger = ledger
        self._models = models
        self._judge = judge
        self._traffic = Traffic(ledger, routing)
        self._workflows = workflows
        self._rollouts = Rollouts(ledger, self._traffic, observer)
        self._moves = Moves(ledger, models, routing, self._traffic, workflows)
        self.on_decision = on_decision

    # Its own life

    def define(self, workflows: Workflows) -> None:
        """Name the workflows of delivery, before they are launched."""
        workflows.define(ROLLOUT, self._rollouts.run)
        workflows.define(CONFIRM, self._confirm)
        workflows.schedule(CONFIRM, every_s=_CONFIRM_EVERY_S)

    def start(self) -> None:
        """Make the data plane serve what the ledger says, and take up rollouts whose start or end was cut off."""
        self._traffic.apply()
        self.take_up(self._workflows())

    def take_up(self, workflows: Workflows) -> None:
        """Take up rollouts whose start or end was cut off; after the workflows are launched."""
        self._moves.take_up(workflows)

    def reconcile(self) -> None:
        """Make the data plane serve what the ledger says, wait until it does, and record what became of it."""
        self._traffic.apply()

    def _confirm(self, flow: Flow) -> None:
        """Record what a data plane that was late or down has taken meanwhile, and see that rollouts go on."""
        flow.step("confirm", self._traffic.confirm)
        flow.step("take up", self._take_up)

    def _take_up(self) -> None:
        self.take_up(self._workflows())

    # Rollouts

    def deploy(
        self,
        actor: Actor,
        *,
        endpoint: str,
        model: str,
        gate_report: str | None = None,
        plan: RolloutPlan | None = None,
        force: bool = False,
        supersede: bool = False,
        key: str = "",
    ) -> Rollout:
        """Move an endpoint to a model version: at once, or by the stages of a plan.

        Args:
            actor: Who deploys.
            endpoint: The endpoint's name.
            model: The version, such as `delay@3`.
            gate_report: The open report that lets it pass; the newest of the version when left out.
            plan: The stages; all traffic at once when left out, or when nothing stands yet.
            force: Deploy without an open gate; only an admin may, and the audit says so.
            supersede: End the rollout that the endpoint is in the middle of, if it is in one.
            key: Deploying again with the same key returns the same rollout.

        Raises:
            GateMissing: If the version has no report.
            GateShut: If its newest report is not open.
            ReportOutdated: If the report does not hold any more.
            RolloutUnderway: If the endpoint is moving already.
            TargetRefused: If the data plane cannot load the model; what it served before stays in force.
        """
        order = Order(
            endpoint=endpoint,
            model=model,
            gate_report=gate_report,
            plan=plan,
            force=force,
            supersede=supersede,
            key=key,
        )
        return self._moves.deploy(actor, order)

    def get_rollout(self, actor: Actor, *, id: str) -> Rollout:  # noqa: A002 - the word of the API
        """Return a rollout with all that happened in it.

        Raises:
            RolloutNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            return endpoints.need_rollout(connection, id)

    def list_rollouts(self, actor: Actor, *, endpoint: str = "", limit: int = 100) -> list[Rollout]:
        """Return rollouts, newest first."""
        del actor
        with self._ledger.read() as connection:
            return store.list_rollouts(connection, endpoint, limit=most(limit))

    def promote(self, actor: Actor, *, endpoint: str, reason: str = "") -> Endpoint:
        """End the rollout that an endpoint is in the middle of by giving the new deployment all traffic.

        Raises:
            NothingToPromote: If it is in the middle of none.
            TargetRefused: If the data plane cannot serve it.
        """
        check_text(reason, "the reason", LONGEST_COMMENT)
        return self._moves.promote(actor, endpoint, reason)

    def rollback(self, actor: Actor, *, endpoint: str, to: str | None = None, reason: str = "") -> Endpoint:
        """Move all of an endpoint's traffic back, at once: a change of a pointer.

        In the middle of a rollout it goes back to the deployment that stands; otherwise to the one before it.

        Args:
            actor: Who rolls back.
            endpoint: The endpoint's name.
            to: The deployment of this endpoint to go to, in place of the one before.
            reason: Why, for the record.

        Raises:
            NothingToRollBack: If there is nothing before.
            TargetRefused: If the data plane cannot serve it; what it serves stays in force.
        """
        check_text(reason, "the reason", LONGEST_COMMENT)
        return self._moves.rollback(actor, endpoint, to, reason)
