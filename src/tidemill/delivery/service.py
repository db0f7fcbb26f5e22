"""What one can do about delivery: judge, approve, deploy, promote, roll back."""

from collections.abc import Callable

import sqlalchemy as sa

from tidemill.core.access import OWNER, Actor
from tidemill.core.ids import new_id
from tidemill.core.names import check_name, check_text, shown
from tidemill.core.refs import Ref
from tidemill.delivery import endpoints, rules, store
from tidemill.delivery.gates import GateInput, Judge
from tidemill.delivery.records import (
    Deployment,
    Endpoint,
    GateReport,
    GateStatus,
    Rollout,
    RolloutPlan,
    RolloutState,
)
from tidemill.delivery.rollouts import OPERATOR, ROLLOUT, workflow_id
from tidemill.delivery.routing import Routing
from tidemill.ledger import Ledger, Transaction
from tidemill.models.records import ModelVersion
from tidemill.models.service import ModelService
from tidemill.workflows.ports import Workflows

LONGEST_COMMENT = 4000
CHAMPION = "champion"


class DeliveryService:
    """The verbs of delivery.

    Args:
        ledger: Where the rows are.
        models: The registry.
        judge: Judges a model version by the rules of a gate.
        routing: Tells the data plane what to serve.
        workflows: Gives the durable workflows, starting them when they are first needed.
    """

    local = frozenset({"reconcile"})

    def __init__(
        self,
        ledger: Ledger,
        models: ModelService,
        judge: Judge,
        routing: Routing,
        workflows: Callable[[], Workflows],
    ) -> None:
        self._ledger = ledger
        self._models = models
        self._judge = judge
        self._routing = routing
        self._workflows = workflows

    # Gates

    def evaluate_gate(
        self,
        actor: Actor,
        *,
        model: str,
        rules: list[dict[str, object]],  # noqa: A002 - the word of the project file
        holdout: str,
        training: str = "",
        label: str = "",
        positive: str | int | float | bool | None = None,
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
            positive: Which value of it is the positive class; True or 1 when left out.
            score: Which output of the model is its score; found by itself when left out.
            time: The column by whose day rows are grouped, because rows of one day are alike.
            key: Judging again with the same key returns the same report.
        """
        version = self._models.get(actor, ref=model)
        champion = self._champion(actor, version)
        identifier = key or new_id()
        with self._ledger.read() as connection:
            there = store.find_gate_report(connection, identifier)
        if there is not None:
            return there
        given = GateInput(
            holdout=holdout, training=training, label=label, positive=positive, score=score, time=time
        )
        status, results, rows = self._judge.judge(version, champion, rules, given)

        def work(tx: Transaction) -> GateReport:
            row = {
                "id": identifier,
                "model": version.model,
                "version": version.number,
                "digest": version.digest,
                "champion": champion.number if champion else None,
                "status": status.value,
                "results": results,
                "rows": rows,
                "holdout": holdout,
                "created_at": tx.now,
                "created_by": actor.name,
            }
            subject = Ref("gate_report", identifier)
            if tx.insert_new(store.gate_reports, row):
                tx.link(Ref("model_version", version.id), "judged_in", subject)
                tx.link(Ref.parse(holdout), "judged_on", subject)
                tx.audit("gate.evaluate", subject, model=version.model, version=version.number, status=status.value)
            return _need_report(tx.connection, identifier)

        return self._ledger.write(actor, work)

    def get_gate_report(self, actor: Actor, *, id: str) -> GateReport:  # noqa: A002 - the word of the API
        """Return a gate report with what persons said to it.

        Raises:
            GateReportNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            return _need_report(connection, id)

    def list_gate_reports(
        self, actor: Actor, *, model: str = "", version: int | None = None, limit: int = 100
    ) -> list[GateReport]:
        """Return gate reports, newest first."""
        del actor
        with self._ledger.read() as connection:
            return store.list_gate_reports(connection, model=model, version=version, limit=min(max(limit, 1), 1000))

    def approve(
        self,
        actor: Actor,
        *,
        id: str,  # noqa: A002 - the word of the API
        approved: bool = True,
        comment: str = "",
    ) -> GateReport:
        """Say yes or no to a model version whose gate waits for a person; bound to the version's digest.

        Raises:
            OwnWork: If the actor registered the version; only the owner of an embedded workspace may, on record.
        """
        check_text(comment, "the comment", LONGEST_COMMENT, lines=True)
        report = self.get_gate_report(actor, id=id)
        version = self._models.get(actor, ref=f"{report.model}@{report.version}")
        own_work = version.created_by == actor.name
        if own_work and actor != OWNER:
            raise rules.OwnWork(
                f"{actor.name} registered {report.model}@{report.version}", hint="Let somebody else approve it."
            )

        def work(tx: Transaction) -> GateReport:
            identifier = new_id()
            row = {
                "id": identifier,
                "gate_report": id,
                "digest": report.digest,
                "actor": actor.name,
                "approved": approved,
                "comment": comment,
                "own_work": own_work,
                "created_at": tx.now,
            }
            tx.execute(sa.insert(store.approvals), row)
            found = _need_report(tx.connection, id)
            status = GateStatus.SHUT if not approved else found.status
            if approved and found.status == GateStatus.WAITING:
                status = GateStatus.OPEN
            change = sa.update(store.gate_reports).where(store.gate_reports.c.id == id)
            tx.execute(change.values(status=status.value))
            tx.link(Ref("approval", identifier), "approves" if approved else "refuses", Ref("gate_report", id))
            tx.audit("gate.approve" if approved else "gate.reject", Ref("gate_report", id), own_work=own_work)
            return _need_report(tx.connection, id)

        return self._ledger.write(actor, work)

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
        """Make an endpoint, or return the one that is there if it is the same."""
        check_name(name, "endpoint")
        columns = passthrough or []
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
        """Give an endpoint other settings; its traffic stays as it is."""
        columns = passthrough or []
        found = self._ledger.write(
            actor, lambda tx: endpoints.configure(tx, name=name, time=time, passthrough=columns, sticky=sticky)
        )
        self.reconcile()
        return found

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
        """Return an endpoint's deployments, newest first."""
        del actor
        with self._ledger.read() as connection:
            endpoints.need(connection, endpoint)
            return store.list_deployments(connection, endpoint, limit=min(max(limit, 1), 1000))

    def get_deployment(self, actor: Actor, *, id: str) -> Deployment:  # noqa: A002 - the word of the API
        """Return a deployment.

        Raises:
            DeploymentNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            return endpoints.need_deployment(connection, id)

    # Deploying

    def deploy(
        self,
        actor: Actor,
        *,
        endpoint: str,
        model: str,
        gate_report: str | None = None,
        plan: RolloutPlan | None = None,
        force: bool = False,
        key: str = "",
    ) -> Rollout:
        """Begin to move an endpoint to a model version, by the stages of a plan.

        Args:
            actor: Who deploys.
            endpoint: The endpoint's name.
            model: The version, such as `delay@3`.
            gate_report: The open report that lets it pass; the latest of the version when left out.
            plan: The stages; straight to all traffic when left out, or when nothing stands yet.
            force: Deploy without an open gate; the audit says so.
            key: Deploying again with the same key returns the same rollout.

        Raises:
            GateMissing: If the version has no report.
            GateShut: If its latest report is not open.
            RolloutUnderway: If the endpoint is moving already.
        """
        chosen = rules.check_plan(plan or RolloutPlan())
        version = self._models.get(actor, ref=model)
        self._routing.export(version.digest)
        identifier = key or new_id()

        def work(tx: Transaction) -> Rollout:
            endpoints.need(tx.connection, endpoint)
            there = store.find_deployment(tx.connection, identifier)
            if there is not None:
                return _rollout_of(tx.connection, there)
            report = None if force else _open_report(tx.connection, version, gate_report)
            deployment = endpoints.add_deployment(
                tx, endpoint=endpoint, version=version, gate_report=report, identifier=identifier
            )
            if force:
                tx.audit("deployment.force", Ref("deployment", identifier), endpoint=endpoint)
            return endpoints.start_rollout(tx, deployment=deployment, plan=chosen)

        rollout = self._ledger.write(actor, work)
        self._workflows().start(ROLLOUT, id=workflow_id(rollout.id), input=rollout.id)
        return rollout

    def get_rollout(self, actor: Actor, *, id: str) -> Rollout:  # noqa: A002 - the word of the API
        """Return a rollout with all that happened in it.

        Raises:
            RolloutNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            return _need_rollout(connection, id)

    def list_rollouts(self, actor: Actor, *, endpoint: str = "", limit: int = 100) -> list[Rollout]:
        """Return rollouts, newest first."""
        del actor
        with self._ledger.read() as connection:
            return store.list_rollouts(connection, endpoint, limit=min(max(limit, 1), 1000))

    def promote(self, actor: Actor, *, endpoint: str, reason: str = "") -> Endpoint:
        """End the rollout that an endpoint is in the middle of by giving the new deployment all traffic.

        Raises:
            NothingToPromote: If it is in the middle of none.
        """
        check_text(reason, "the reason", LONGEST_COMMENT)

        def work(tx: Transaction) -> Rollout:
            rollout = _running(tx.connection, endpoint)
            endpoints.stand(tx, endpoint, rollout.after)
            endpoints.end_rollout(tx, rollout, RolloutState.PROMOTED, reason or f"promoted by {actor.name}")
            return rollout

        rollout = self._ledger.write(actor, work)
        self.reconcile()
        self._move_champion(actor, rollout.after)
        self._workflows().send(workflow_id(rollout.id), OPERATOR, "ended", key=f"{rollout.id}-ended")
        return self.get_endpoint(actor, name=endpoint)

    def rollback(self, actor: Actor, *, endpoint: str, to: str | None = None, reason: str = "") -> Endpoint:
        """Move all of an endpoint's traffic back, at once: a change of a pointer.

        In the middle of a rollout it goes back to the deployment that stands; otherwise to the one before it.

        Args:
            actor: Who rolls back.
            endpoint: The endpoint's name.
            to: The deployment to go to, in place of the one before.
            reason: Why, for the record.

        Raises:
            NothingToRollBack: If there is nothing before.
        """
        check_text(reason, "the reason", LONGEST_COMMENT)
        why = reason or f"rolled back by {actor.name}"

        def work(tx: Transaction) -> tuple[str, Rollout | None]:
            found = endpoints.need(tx.connection, endpoint)
            running = endpoints.running_rollout(tx.connection, endpoint)
            if to is not None:
                target = endpoints.need_deployment(tx.connection, to).id
            elif running is not None and found.stable is not None:
                target = found.stable
            else:
                target = endpoints.before_that_stands(tx.connection, found).id
            if running is not None:
                endpoints.end_rollout(tx, running, RolloutState.ROLLED_BACK, why)
            endpoints.stand(tx, endpoint, target)
            tx.audit("endpoint.rollback", Ref("endpoint", endpoint), to=target, reason=why)
            return target, running

        target, running = self._ledger.write(actor, work)
        self.reconcile()
        self._move_champion(actor, target)
        if running is not None:
            self._workflows().send(workflow_id(running.id), OPERATOR, "ended", key=f"{running.id}-ended")
        return self.get_endpoint(actor, name=endpoint)

    def reconcile(self, *, wait: bool = True) -> None:
        """Make the data plane serve what the ledger says, and wait until it does or none runs."""
        with self._ledger.read() as connection:
            found = store.list_endpoints(connection)
            wanted = {target.deployment for endpoint in found for target in endpoint.targets}
            deployments = {each: endpoints.need_deployment(connection, each) for each in wanted}
        revision = sum(endpoint.revision for endpoint in found)
        self._routing.write(revision, found, deployments.__getitem__)
        if wait:
            self._routing.wait(revision)

    def _champion(self, actor: Actor, version: ModelVersion) -> ModelVersion | None:
        try:
            found = self._models.get(actor, ref=f"{version.model}@{CHAMPION}")
        except rules.NotFound:
            return None
        return None if found.number == version.number else found

    def _move_champion(self, actor: Actor, deployment: str) -> None:
        found = self.get_deployment(actor, id=deployment)
        self._models.set_alias(actor, name=found.model, alias=CHAMPION, version=found.version)


def _need_report(connection: sa.Connection, identifier: str) -> GateReport:
    found = store.find_gate_report(connection, identifier)
    if found is None:
        raise rules.GateReportNotFound(
            f"There is no gate report {shown(identifier)}", hint="List them with `tidemill gates list`."
        )
    return found


def _need_rollout(connection: sa.Connection, identifier: str) -> Rollout:
    found = store.find_rollout(connection, identifier)
    if found is None:
        raise rules.RolloutNotFound(
            f"There is no rollout {shown(identifier)}", hint="List them with `tidemill rollouts list`."
        )
    return found


def _rollout_of(connection: sa.Connection, deployment: Deployment) -> Rollout:
    for rollout in store.list_rollouts(connection, deployment.endpoint):
        if rollout.after == deployment.id:
            return rollout
    raise rules.RolloutNotFound(f"Deployment {deployment.id} has no rollout", hint="Deploy it again.")


def _running(connection: sa.Connection, endpoint: str) -> Rollout:
    endpoints.need(connection, endpoint)
    found = endpoints.running_rollout(connection, endpoint)
    if found is None:
        raise rules.NothingToPromote(
            f"Endpoint {shown(endpoint)} is not in the middle of a rollout", hint="Deploy a version first."
        )
    return found


def _open_report(connection: sa.Connection, version: ModelVersion, identifier: str | None) -> str:
    """Return the id of the open gate report for exactly these bytes."""
    named = f"{version.model}@{version.number}"
    if identifier:
        report = _need_report(connection, identifier)
    else:
        found = store.list_gate_reports(connection, model=version.model, version=version.number, limit=1)
        if not found:
            raise rules.GateMissing(f"{named} has not been through a gate", hint="Judge it with `tidemill gates evaluate`.")
        report = found[0]
    if report.digest != version.digest:
        raise rules.ReportOutdated(f"Report {report.id} is about other bytes than {named}", hint="Judge it again.")
    if report.status == GateStatus.WAITING:
        raise rules.GateShut(
            f"The gate of {named} waits for approval", hint=f"Approve it with `tidemill gates approve {report.id}`."
        )
    if report.status != GateStatus.OPEN:
        reasons = "; ".join(each.reason for each in report.results if each.verdict in {"fail", "inconclusive"})
        raise rules.GateShut(f"The gate of {named} is shut: {reasons}", hint="Improve the model, or deploy with force.")
    return report.id
