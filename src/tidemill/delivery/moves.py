"""Moves an endpoint's traffic: deploy, promote, roll back. The ledger first, then the data plane, then the workflow."""

import logging
from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from tidemill.core.access import SYSTEM, Actor, Permission, require
from tidemill.core.errors import TidemillError
from tidemill.core.ids import new_id
from tidemill.core.names import check_name, shown
from tidemill.core.refs import Ref
from tidemill.delivery import endpoints, reports, rules, store
from tidemill.delivery.records import Endpoint, Rollout, RolloutPlan, RolloutState
from tidemill.delivery.rollouts import OPERATOR, ROLLOUT, workflow_id
from tidemill.delivery.routing import Routing
from tidemill.delivery.traffic import TargetRefused, Traffic
from tidemill.ledger import Ledger, Transaction
from tidemill.models.records import ModelVersion
from tidemill.models.service import ModelService
from tidemill.workflows.errors import WorkflowEnded, WorkflowNotFound
from tidemill.workflows.ports import Workflows

_LOG = logging.getLogger("tidemill.delivery")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be deployed where and how; see `DeliveryService.deploy`."""

    endpoint: str
    model: str
    gate_report: str | None = None
    plan: RolloutPlan | None = None
    force: bool = False
    supersede: bool = False
    key: str = ""


class Moves:
    """Moves traffic.

    Args:
        ledger: Where endpoints and rollouts are.
        models: The registry.
        routing: The files through which the data plane is told what to serve.
        traffic: Brings ledger and data plane together.
        workflows: Gives the durable workflows, starting them when they are first needed.
    """

    def __init__(
        self,
        ledger: Ledger,
        models: ModelService,
        routing: Routing,
        traffic: Traffic,
        workflows: Callable[[], Workflows],
    ) -> None:
        self._ledger = ledger
        self._models = models
        self._routing = routing
        self._traffic = traffic
        self._workflows = workflows

    def deploy(self, actor: Actor, order: Order) -> Rollout:
        """Move an endpoint to a model version; see `DeliveryService.deploy`."""
        if order.force:
            require(actor, Permission.ADMIN)
        plan = rules.check_plan(order.plan or RolloutPlan())
        identifier = check_name(order.key, "key") if order.key else new_id()
        with self._ledger.read() as connection:
            endpoints.need(connection, order.endpoint)
        version = self._models.prepare(actor, ref=order.model)
        self._routing.export(version.bundle)
        rollout = self._ledger.write(actor, lambda tx: _begin(tx, order, plan, version, identifier))
        if rollout.state is RolloutState.RUNNING:
            if order.supersede:
                self._traffic.apply()
            self._workflows().start(ROLLOUT, id=workflow_id(rollout.id), input=rollout.id)
        elif rollout.state is RolloutState.PROMOTED:
            self._traffic.apply()
            rollout = self._read(rollout.id)
            if rollout.state is not RolloutState.PROMOTED:
                raise _refused(order.endpoint, rollout.reason)
        return rollout

    def promote(self, actor: Actor, endpoint: str, reason: str) -> Endpoint:
        """Give all traffic to the deployment that a running rollout tries; see `DeliveryService.promote`."""

        def work(tx: Transaction) -> Rollout:
            endpoints.need(tx.connection, endpoint, hold=True)
            running = endpoints.running_rollout(tx.connection, endpoint)
            if running is None:
                raise rules.NothingToPromote(
                    f"Endpoint {shown(endpoint)} is not in the middle of a rollout", hint="Deploy a version first."
                )
            endpoints.promote(tx, running, reason or f"promoted by {actor.name}")
            return running

        rollout = self._ledger.write(actor, work)
        return self._settle(endpoint, rollout.after, rollout)

    def rollback(self, actor: Actor, endpoint: str, to: str | None, reason: str) -> Endpoint:
        """Move all traffic back; see `DeliveryService.rollback`."""
        why = reason or f"rolled back by {actor.name}"

        def work(tx: Transaction) -> tuple[str, Rollout | None]:
            found = endpoints.need(tx.connection, endpoint, hold=True)
            running = endpoints.running_rollout(tx.connection, endpoint)
            if to is not None:
                target = endpoints.need_deployment(tx.connection, to, endpoint)
            elif running is not None and found.stable is not None:
                target = endpoints.need_deployment(tx.connection, found.stable)
            else:
                target = endpoints.before_that_stands(tx.connection, found)
            if running is not None:
                endpoints.roll_back(tx, running, why)
                found = endpoints.need(tx.connection, endpoint)
            endpoints.stand(tx, found, target)
            tx.audit("endpoint.rollback", Ref("endpoint", endpoint), to=target.id, reason=why)
            return target.id, running

        target, running = self._ledger.write(actor, work)
        return self._settle(endpoint, target, running)

    def take_up(self, workflows: Workflows) -> None:
        """Take up rollouts whose start or end was cut off, by a death or by a fault of the workflows."""
        with self._ledger.read() as connection:
            running = store.list_running(connection)
        for rollout in running:
            try:
                workflows.start(ROLLOUT, id=workflow_id(rollout), input=rollout)
                if workflows.status(workflow_id(rollout)).state.is_ended:
                    self._give_up(rollout)
            except TidemillError as error:
                _LOG.warning("Rollout %s cannot be taken up now: %s", rollout, error)

    def _settle(self, endpoint: str, wanted: str, rollout: Rollout | None) -> Endpoint:
        """Bring a change to the data plane, wake the rollout that it ended, and see that it holds."""
        refused = self._traffic.apply()
        if rollout is not None:
            self._wake(rollout.id)
        with self._ledger.read() as connection:
            found = endpoints.need(connection, endpoint)
        if endpoint in refused and found.stable != wanted:
            raise _refused(endpoint, refused[endpoint])
        return found

    def _wake(self, rollout: str) -> None:
        """Let a rollout's workflow look now; without this it sees at its next look that it has ended."""
        try:
            self._workflows().send(workflow_id(rollout), OPERATOR, "ended", key=f"{rollout}-ended")
        except (WorkflowEnded, WorkflowNotFound):
            return

    def _give_up(self, rollout: str) -> None:
        """Roll back a rollout whose workflow has ended without ending it, which only a fault can do."""
        reason = "the workflow that carried it out failed"
        self._ledger.write(SYSTEM, lambda tx: endpoints.roll_back(tx, endpoints.hold_rollout(tx, rollout), reason))
        self._traffic.apply(wait=False)

    def _read(self, rollout: str) -> Rollout:
        with self._ledger.read() as connection:
            return endpoints.need_rollout(connection, rollout)


def _begin(tx: Transaction, order: Order, plan: RolloutPlan, version: ModelVersion, identifier: str) -> Rollout:
    """Record a deployment and its rollout, which ends here where all traffic moves at once."""
    held = endpoints.need(tx.connection, order.endpoint, hold=True)
    there = _same_request(tx.connection, identifier, order.endpoint, version)
    if there is not None:
        return there
    report = None if order.force else reports.need_open(tx.connection, version, order.gate_report)
    running = endpoints.running_rollout(tx.connection, order.endpoint)
    if running is not None and order.supersede:
        endpoints.roll_back(tx, running, f"superseded by {version.ref}", superseded=True)
    deployment = endpoints.add_deployment(
        tx, endpoint=order.endpoint, version=version, gate_report=report, identifier=identifier
    )
    if order.force:
        tx.audit("deployment.force", Ref("deployment", identifier), endpoint=order.endpoint)
    rollout = endpoints.start_rollout(tx, deployment=deployment, plan=plan)
    if held.stable is None or not plan.shares:
        endpoints.promote(tx, rollout, "all traffic at once" if held.stable else "nothing stood before it")
    return endpoints.need_rollout(tx.connection, rollout.id)


def _same_request(connection: sa.Connection, key: str, endpoint: str, version: ModelVersion) -> Rollout | None:
    """Return the rollout that a key has started before.

    Raises:
        KeyReused: If it was of another endpoint or version.
    """
    there = store.find_deployment(connection, key)
    if there is None:
        return None
    rollout = store.rollout_to(connection, there.id)
    if rollout is None or (there.endpoint, there.model_version_id) != (endpoint, version.id):
        raise rules.KeyReused(
            f"The key {shown(key)} deployed {there.model}@{there.version} on {shown(there.endpoint)}",
            hint="Give another key, or none.",
        )
    return rollout


def _refused(endpoint: str, said: str) -> TargetRefused:
    return TargetRefused(
        f"The data plane cannot serve this on {shown(endpoint)}: {said}",
        hint="What it served before stays in force, and the ledger says so. Look at the model's files.",
    )
