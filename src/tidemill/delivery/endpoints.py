"""Endpoints, their deployments and the traffic between them: what changes in the ledger, and in what order."""

import sqlalchemy as sa

from tidemill.core.ids import new_id
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.delivery import rules, store
from tidemill.delivery.records import Deployment, Endpoint, Rollout, RolloutPlan, RolloutState, Target
from tidemill.ledger import Transaction
from tidemill.models.records import ModelVersion

STABLE, CANARY = "stable", "canary"


def need(connection: sa.Connection, name: str) -> Endpoint:
    """Return an endpoint.

    Raises:
        EndpointNotFound: If there is none of that name.
    """
    found = store.find_endpoint(connection, name)
    if found is None:
        known = ", ".join(each.name for each in store.list_endpoints(connection)) or "none yet"
        raise rules.EndpointNotFound(
            f"There is no endpoint {shown(name)}", hint=f"Endpoints: {known}. Make one with `tidemill endpoints create`."
        )
    return found


def need_deployment(connection: sa.Connection, identifier: str) -> Deployment:
    """Return a deployment.

    Raises:
        DeploymentNotFound: If there is none of that id.
    """
    found = store.find_deployment(connection, identifier)
    if found is None:
        raise rules.DeploymentNotFound(
            f"There is no deployment {shown(identifier)}", hint="List them with `tidemill endpoints deployments NAME`."
        )
    return found


def create(
    tx: Transaction, *, name: str, time: str | None, passthrough: list[str], sticky: str | None
) -> Endpoint:
    """Make an endpoint, or return the one that is there if it is the same.

    Raises:
        EndpointExists: If one of that name has other settings.
    """
    there = store.find_endpoint(tx.connection, name)
    if there is not None:
        if (there.time, there.passthrough, there.sticky) == (time, passthrough, sticky):
            return there
        raise rules.EndpointExists(
            f"Endpoint {shown(name)} exists with other settings", hint="Change it with `tidemill endpoints configure`."
        )
    row = {
        "name": name,
        "time": time,
        "passthrough": passthrough,
        "sticky": sticky,
        "targets": [],
        "stable": None,
        "revision": 0,
        "created_at": tx.now,
    }
    tx.execute(sa.insert(store.endpoints), row)
    tx.audit("endpoint.create", Ref("endpoint", name))
    return need(tx.connection, name)


def configure(
    tx: Transaction, *, name: str, time: str | None, passthrough: list[str], sticky: str | None
) -> Endpoint:
    """Give an endpoint other settings."""
    found = need(tx.connection, name)
    change = sa.update(store.endpoints).where(store.endpoints.c.name == name)
    tx.execute(change.values(time=time, passthrough=passthrough, sticky=sticky, revision=found.revision + 1))
    tx.audit("endpoint.configure", Ref("endpoint", name), time=time, passthrough=passthrough, sticky=sticky)
    return need(tx.connection, name)


def add_deployment(
    tx: Transaction, *, endpoint: str, version: ModelVersion, gate_report: str | None, identifier: str
) -> Deployment:
    """Record a new deployment; it gets no traffic by this."""
    there = store.find_deployment(tx.connection, identifier)
    if there is not None:
        return there
    row = {
        "id": identifier,
        "endpoint": endpoint,
        "number": store.next_number(tx.connection, endpoint),
        "model": version.model,
        "version": version.number,
        "model_version_id": version.id,
        "digest": version.digest,
        "gate_report": gate_report,
        "created_at": tx.now,
        "created_by": tx.actor.name,
    }
    tx.execute(sa.insert(store.deployments), row)
    subject = Ref("deployment", identifier)
    tx.link(Ref("model_version", version.id), "deployed_as", subject)
    tx.link(subject, "serves", Ref("endpoint", endpoint))
    if gate_report:
        tx.link(Ref("gate_report", gate_report), "lets_pass", subject)
    tx.audit("deployment.create", subject, endpoint=endpoint, model=version.model, version=version.number)
    return need_deployment(tx.connection, identifier)


def start_rollout(tx: Transaction, *, deployment: Deployment, plan: RolloutPlan) -> Rollout:
    """Record that an endpoint begins to move to a deployment.

    Raises:
        RolloutUnderway: If it is moving already.
    """
    endpoint = need(tx.connection, deployment.endpoint)
    running = running_rollout(tx.connection, endpoint.name)
    if running is not None:
        raise rules.RolloutUnderway(
            f"Endpoint {shown(endpoint.name)} is in the middle of rollout {running.id}",
            hint="Promote it or roll it back first.",
        )
    identifier = new_id()
    row = {
        "id": identifier,
        "endpoint": endpoint.name,
        "before": endpoint.stable,
        "after": deployment.id,
        "plan": plan,
        "state": RolloutState.RUNNING.value,
        "share": 0.0,
        "reason": "",
        "started_at": tx.now,
    }
    tx.execute(sa.insert(store.rollouts), row)
    tx.link(Ref("deployment", deployment.id), "rolled_out_by", Ref("rollout", identifier))
    tx.audit("rollout.start", Ref("rollout", identifier), endpoint=endpoint.name, before=endpoint.stable)
    found = store.find_rollout(tx.connection, identifier)
    assert found is not None  # noqa: S101 - inserted just above
    return found


def running_rollout(connection: sa.Connection, endpoint: str) -> Rollout | None:
    """Return the rollout that an endpoint is in the middle of."""
    table = store.rollouts.c
    query = sa.select(table.id).where(table.endpoint == endpoint, table.state == RolloutState.RUNNING.value)
    identifier = connection.execute(query).scalars().first()
    return store.find_rollout(connection, identifier) if identifier else None


def set_share(tx: Transaction, rollout: Rollout, share: float) -> None:
    """Give a rollout's new deployment a share of the traffic, the rest to the one that stands."""
    endpoint = need(tx.connection, rollout.endpoint)
    if endpoint.stable is None:
        targets = [Target(deployment=rollout.after, share=1.0, route=CANARY)]
    else:
        targets = [
            Target(deployment=endpoint.stable, share=1.0 - share, route=STABLE),
            Target(deployment=rollout.after, share=share, route=CANARY),
        ]
    store.set_targets(tx, endpoint.name, [each for each in targets if each.share > 0], endpoint.stable)
    tx.execute(sa.update(store.rollouts).where(store.rollouts.c.id == rollout.id).values(share=share))


def stand(tx: Transaction, endpoint: str, deployment: str) -> None:
    """Give all of an endpoint's traffic to one deployment, which stands from now on."""
    store.set_targets(tx, endpoint, [Target(deployment=deployment, share=1.0, route=STABLE)], deployment)


def end_rollout(tx: Transaction, rollout: Rollout, state: RolloutState, reason: str) -> None:
    """Record how a rollout ended, once."""
    table = store.rollouts.c
    running = sa.and_(table.id == rollout.id, table.state == RolloutState.RUNNING.value)
    share = 1.0 if state == RolloutState.PROMOTED else 0.0
    change = sa.update(store.rollouts).where(running)
    result = tx.execute(change.values(state=state.value, reason=reason, share=share, ended_at=tx.now))
    if result.rowcount:
        tx.audit(f"rollout.{state.value}", Ref("rollout", rollout.id), reason=reason)


def before_that_stands(connection: sa.Connection, endpoint: Endpoint) -> Deployment:
    """Return the deployment that stood before the one that stands now.

    Raises:
        NothingToRollBack: If there is none.
    """
    table = store.rollouts.c
    query = (
        sa.select(table.before)
        .where(table.endpoint == endpoint.name, table.after == endpoint.stable, table.before.is_not(None))
        .order_by(table.started_at.desc(), table.id.desc())
    )
    before = connection.execute(query).scalars().first()
    if before is None:
        raise rules.NothingToRollBack(
            f"Endpoint {shown(endpoint.name)} has no deployment before the one that stands",
            hint="Deploy another version instead.",
        )
    return need_deployment(connection, before)
