"""What one can do about delivery: judge, approve, deploy, promote, roll back."""

import logging
from collections.abc import Callable

from tidemill.core.access import Actor
from tidemill.core.errors import TidemillError
from tidemill.core.ids import new_id
from tidemill.core.names import check_name, check_text
from tidemill.core.refs import Ref
from tidemill.delivery import champions, endpoints, reports, store, tokens
from tidemill.delivery.gate_rules import parse_gate
from tidemill.delivery.gates import GateInput, Judge
from tidemill.delivery.moves import Moves, Order
from tidemill.delivery.ports import Observer, OnDecision
from tidemill.delivery.records import (
    Deployment,
    Endpoint,
    EndpointToken,
    GateReport,
    NewEndpointToken,
    Rollout,
    RolloutPlan,
)
from tidemill.delivery.rollouts import ROLLOUT, Rollouts
from tidemill.delivery.routing import Routing
from tidemill.delivery.traffic import Traffic
from tidemill.ledger import Ledger
from tidemill.models.service import ModelService
from tidemill.workflows.ports import Flow, Workflows

log = logging.getLogger(__name__)

LONGEST_COMMENT = 4000
LONGEST_COLUMN = 500
MOST_LISTED = 1000
CONFIRM = "delivery.confirm"
_CONFIRM_EVERY_S = 60.0


class DeliveryService:
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

    local = frozenset({"define", "take_up", "start", "reconcile"})

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

    # Gates

    def evaluate_gate(  # noqa: PLR0913 - the words that a gate has in the project file
        self,
        actor: Actor,
        *,
        model: str,
        rules: list[dict[str, object]],
        holdout: str,
        training: str = "",
        label: str = "",
        positive: str | float | bool | None = None,
        score: str = "",
        time: str | None = None,
        key: str = "",
    ) -> GateReport:
        """Judge a model version by the rules of a gate, and record the report.

        Args:
            actor: Who asks.
            model: The version, such as `delay@3`.
            rules: The rules, as in the project file.
            holdout: The rows to judge on: `artifact:<digest>` of a Parquet file, or `dataset_version:<id>`.
            training: The rows that the candidate learned from, for rules that look at them.
            label: The column that holds the truth.
            positive: Which value of it is the positive class; the larger of its two values when left out.
            score: Which output of the model is its score; found by itself when left out.
            time: The column by whose day rows are judged as one group, because rows of one day are alike.
            key: Judging again with the same key returns the same report.

        Raises:
            InvalidGateRule: If a rule cannot be read.
            HoldoutUnfit: If the rows cannot judge this model.
        """
        parsed = parse_gate(rules)
        Ref.parse(holdout)
        version = self._models.prepare(actor, ref=model)
        identifier = check_name(key, "key") if key else new_id()
        with self._ledger.read() as connection:
            there = reports.same_request(connection, identifier, version)
            champion = champions.find(connection, version.model)
        if there is not None:
            return there
        if champion is not None and champion.number == version.number:
            champion = None
        given = GateInput(holdout=holdout, training=training, label=label, positive=positive, score=score, time=time)
        status, results, rows = self._judge.judge(version, champion, parsed, given)
        return self._ledger.write(
            actor,
            lambda tx: reports.add(
                tx,
                identifier,
                version=version,
                champion=champion,
                status=status,
                results=results,
                rows=rows,
                holdout=holdout,
            ),
        )

    def get_gate_report(self, actor: Actor, *, id: str) -> GateReport:  # noqa: A002 - the word of the API
        """Return a gate report with what persons said to it.

        Raises:
            GateReportNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            return reports.need(connection, id)

    def list_gate_reports(
        self, actor: Actor, *, model: str = "", version: int | None = None, limit: int = 100
    ) -> list[GateReport]:
        """Return gate reports, newest first."""
        del actor
        with self._ledger.read() as connection:
            return store.list_gate_reports(connection, model=model, version=version, limit=_most(limit))

    def approve(self, actor: Actor, *, id: str, comment: str = "") -> GateReport:  # noqa: A002 - the word of the API
        """Say yes to a model version whose gate waits for a person; bound to the version's digest.

        Raises:
            GateNotWaiting: If the gate waits for nobody.
            OwnWork: If the actor registered the version; only the owner of an embedded workspace may, on record.
        """
        return self._answer(actor, id, comment, approved=True)

    def reject(self, actor: Actor, *, id: str, comment: str = "") -> GateReport:  # noqa: A002 - the word of the API
        """Say no to a model version whose gate waits for a person, or is open: the gate shuts.

        Raises:
            GateNotWaiting: If the gate is shut.
            OwnWork: If the actor registered the version; only the owner of an embedded workspace may, on record.
        """
        return self._answer(actor, id, comment, approved=False)

    def _answer(self, actor: Actor, identifier: str, comment: str, *, approved: bool) -> GateReport:
        check_text(comment, "the comment", LONGEST_COMMENT, lines=True)
        report = self.get_gate_report(actor, id=identifier)
        version = self._models.get(actor, ref=f"{report.model}@{report.version}")
        answered = self._ledger.write(
            actor, lambda tx: reports.answer(tx, identifier, version, approved=approved, comment=comment)
        )
        if self.on_decision is not None:
            try:
                self.on_decision(answered)
            except TidemillError as error:  # the word is said and stands; whoever follows it looks again by itself
                log.warning("What was said to gate report %s was not followed yet: %s", identifier, error)
        return answered

    # Endpoints

    def create_endpoint(
        self,
        actor: Actor,
        *,
        name: str,
        time: str | None = None,
        passthrough: list[str] | None = None,
        sticky: str | None = None,
    ) -> Endpoint:
        """Make an endpoint, or return the one that is there if it is the same.

        Args:
            actor: Who does it.
            name: Its name, part of the URL.
            time: The column of a request that says when the event was; its arrival when left out.
            passthrough: Columns that are captured and not given to the model.
            sticky: The column by whose value a caller stays on one route.

        Raises:
            EndpointExists: If one of that name has other settings.
        """
        check_name(name, "endpoint")
        columns = _columns(time, passthrough or [], sticky)
        return self._ledger.write(
            actor, lambda tx: endpoints.create(tx, name=name, time=time, passthrough=columns, sticky=sticky)
        )

    def configure_endpoint(
        self,
        actor: Actor,
        *,
        name: str,
        time: str | None = None,
        passthrough: list[str] | None = None,
        sticky: str | None = None,
    ) -> Endpoint:
        """Give an endpoint other settings, all of them anew; its traffic stays as it is.

        Raises:
            EndpointNotFound: If there is none of that name.
        """
        columns = _columns(time, passthrough or [], sticky)
        self._ledger.write(
            actor, lambda tx: endpoints.configure(tx, name=name, time=time, passthrough=columns, sticky=sticky)
        )
        self.reconcile()
        return self.get_endpoint(actor, name=name)

    def get_endpoint(self, actor: Actor, *, name: str) -> Endpoint:
        """Return an endpoint.

        Raises:
            EndpointNotFound: If there is none of that name.
        """
        del actor
        with self._ledger.read() as connection:
            return endpoints.need(connection, name)

    def list_endpoints(self, actor: Actor) -> list[Endpoint]:
        """Return the endpoints by name."""
        del actor
        with self._ledger.read() as connection:
            return store.list_endpoints(connection)

    def list_deployments(self, actor: Actor, *, endpoint: str, limit: int = 100) -> list[Deployment]:
        """Return an endpoint's deployments, newest first.

        Raises:
            EndpointNotFound: If there is no such endpoint.
        """
        del actor
        with self._ledger.read() as connection:
            endpoints.need(connection, endpoint)
            return store.list_deployments(connection, endpoint, limit=_most(limit))

    def get_deployment(self, actor: Actor, *, id: str) -> Deployment:  # noqa: A002 - the word of the API
        """Return a deployment.

        Raises:
            DeploymentNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            return endpoints.need_deployment(connection, id)

    def create_endpoint_token(
        self, actor: Actor, *, endpoint: str, name: str, expires_in: str | None = None
    ) -> NewEndpointToken:
        """Make a token of an endpoint, which asks every caller for one from then on; its secret is not shown again.

        Args:
            actor: Who makes it.
            endpoint: The endpoint's name.
            name: Who calls with it, such as an application.
            expires_in: After what time it is worth nothing, such as `90d`; never when left out.

        Raises:
            EndpointNotFound: If there is no such endpoint.
            EndpointTokenExists: If a token of that name was not revoked yet.
            InvalidDuration: If the time is none.
        """
        made = tokens.create(self._ledger, actor, endpoint=endpoint, name=name, expires_in=expires_in)
        self.reconcile()
        return made

    def list_endpoint_tokens(self, actor: Actor, *, endpoint: str) -> list[EndpointToken]:
        """Return the tokens of an endpoint, newest first, the revoked ones too.

        Raises:
            EndpointNotFound: If there is no such endpoint.
        """
        del actor
        with self._ledger.read() as connection:
            endpoints.need(connection, endpoint)
            return store.list_endpoint_tokens(connection, endpoint)

    def revoke_endpoint_token(self, actor: Actor, *, endpoint: str, name: str) -> EndpointToken:
        """Take a token of an endpoint back; a data plane that runs refuses it from the return on.

        After the last one the endpoint answers nobody until it gets a new one: it does not fall open.

        Raises:
            EndpointNotFound: If there is no such endpoint.
            EndpointTokenNotFound: If none that is not revoked has that name or id.
        """
        revoked = tokens.revoke(self._ledger, actor, endpoint=endpoint, name=name)
        self.reconcile()
        return revoked

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
            return store.list_rollouts(connection, endpoint, limit=_most(limit))

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


def _columns(time: str | None, passthrough: list[str], sticky: str | None) -> list[str]:
    for name in [*passthrough, *([time] if time else []), *([sticky] if sticky else [])]:
        check_text(name, "the name of a column", LONGEST_COLUMN)
    return list(dict.fromkeys(passthrough))


def _most(limit: int) -> int:
    return min(max(limit, 1), MOST_LISTED)
