"""Endpoints, their deployments and the traffic between them: what changes together in the ledger."""

import msgspec
import sqlalchemy as sa

from tidemill.core.ids import new_id
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.delivery import champions, rules, store
from tidemill.delivery.records import Deployment, Endpoint, Rollout, RolloutPlan, RolloutState, Target
from tidemill.ledger import Transaction
from tidemill.models.records import ModelVersion

STABLE, CANARY = "stable", "canary"
SERVED = "served"
"""The key of the event that the data plane has confirmed a rollout's new deployment."""


def need(connection: sa.Connection, name: str, *, hold: bool = False) -> Endpoint:
    """Return an endpoint.

    Args:
        connection: The ledger.
        name: Its name.
        hold: Keep others from changing it until the end of the transaction.

    Raises:
        EndpointNotFound: If there is none of that name.
    """
    found = store.find_endpoint(connection, name, hold=hold)
    if found is None:
        known = ", ".join(each.name for each in store.list_endpoints(connection)) or "none yet"
        raise rules.EndpointNotFound(
            f"There is no endpoint {shown(name)}",
            hint=f"Endpoints: {known}. Make one with `tidemill endpoints create`.",
        )
    return found


def need_deployment(connection: sa.Connection, identifier: str, endpoint: str = "") -> Deployment:
    """Return a deployment, of a certain endpoint if one is named.

    Raises:
        DeploymentNotFound: If there is none of that id.
    """
    found = store.find_deployment(connection, identifier)
    if found is None or (endpoint and found.endpoint != endpoint):
        place = f"Endpoint {shown(endpoint)} has" if endpoint else "There is"
        raise rules.DeploymentNotFound(
            f"{place} no deployment {shown(identifier)}",
            hint=f"List them with `tidemill endpoints deployments {endpoint or 'NAME'}`.",
        )
    return found


def need_rollout(connection: sa.Connection, identifier: str) -> Rollout:
    """Return a rollout with its events.

    Raises:
        RolloutNotFound: If there is none of that id.
    """
    found = store.find_rollout(connection, identifier)
    if found is None:
        raise rules.RolloutNotFound(
            f"There is no rollout {shown(identifier)}", hint="List them with `tidemill rollouts list`."
        )
    return found


def hold_rollout(tx: Transaction, identifier: str) -> Rollout:
    """Return a rollout, and keep others from changing its endpoint until the end of the transaction."""
    need(tx.connection, need_rollout(tx.connection, identifier).endpoint, hold=True)
    return need_rollout(tx.connection, identifier)


def create(tx: Transaction, *, name: str, time: str | None, passthrough: list[str], sticky: str | None) -> Endpoint:
    """Make an endpoint, or return the one that is there if it is the same.

    Raises:
        EndpointExists: If one of that name has other settings.
    """
    row = {
        "name": name,
        "time": time,
        "passthrough": passthrough,
        "sticky": sticky,
        "targets": [],
        "stable": None,
        "revision": 0,
        "served_revision": 0,
        "served": None,
        "problem": "",
        "created_at": tx.now,
    }
    if tx.insert_new(store.endpoints, row):
        tx.audit("endpoint.create", Ref("endpoint", name))
    there = need(tx.connection, name)
    if (there.time, there.passthrough, there.sticky) != (time, passthrough, sticky):
        raise rules.EndpointExists(
            f"Endpoint {shown(name)} exists with other settings",
            hint=f"Change it with `tidemill endpoints configure {name}`.",
        )
    return there


def configure(tx: Transaction, *, name: str, time: str | None, passthrough: list[str], sticky: str | None) -> Endpoint:
    """Give an endpoint other settings."""
    found = need(tx.connection, name, hold=True)
    if (found.time, found.passthrough, found.sticky) != (time, passthrough, sticky):
        store.change_endpoint(tx, found, time=time, passthrough=passthrough, sticky=sticky)
        tx.audit("endpoint.configure", Ref("endpoint", name), time=time, passthrough=passthrough, sticky=sticky)
    return need(tx.connection, name)


def add_deployment(
    tx: Transaction, *, endpoint: str, version: ModelVersion, gate_report: str | None, identifier: str
) -> Deployment:
    """Record a new deployment; it gets no traffic by this."""
    row = {
        "id": identifier,
        "endpoint": endpoint,
        "number": store.next_number(tx.connection, endpoint),
        "model": version.model,
        "version": version.number,
        "model_version_id": version.id,
        "digest": version.bundle,
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
    endpoint = need(tx.connection, deployment.endpoint, hold=True)
    running = running_rollout(tx.connection, endpoint.name)
    if running is not None:
        raise rules.RolloutUnderway(
            f"Endpoint {shown(endpoint.name)} is in the middle of rollout {running.id}",
            hint="Promote it, roll it back, or deploy with --supersede.",
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
    message = f"from deployment {endpoint.stable or 'none'} to {deployment.model}@{deployment.version}"
    store.add_event(tx, identifier, "start", "start", message)
    return need_rollout(tx.connection, identifier)


def running_rollout(connection: sa.Connection, endpoint: str) -> Rollout | None:
    """Return the rollout that an endpoint is in the middle of."""
    table = store.rollouts.c
    query = sa.select(table.id).where(table.endpoint == endpoint, table.state == RolloutState.RUNNING.value)
    identifier = connection.execute(query).scalars().first()
    return store.find_rollout(connection, identifier) if identifier else None


def set_share(tx: Transaction, rollout: Rollout, share: float) -> None:
    """Give a running rollout's new deployment a share of the traffic, the rest to the one that stands."""
    endpoint = need(tx.connection, rollout.endpoint, hold=True)
    assert endpoint.stable is not None  # noqa: S101 - a rollout with nothing before it has no stages
    targets = [
        Target(deployment=endpoint.stable, share=1.0 - share, route=STABLE),
        Target(deployment=rollout.after, share=share, route=CANARY),
    ]
    store.change_endpoint(tx, endpoint, targets=msgspec.to_builtins(targets))
    tx.execute(sa.update(store.rollouts).where(store.rollouts.c.id == rollout.id).values(share=share))


def stand(tx: Transaction, endpoint: Endpoint, deployment: Deployment | None) -> None:
    """Give all of an endpoint's traffic to one deployment, which stands from now on, or to none."""
    targets = [Target(deployment=deployment.id, share=1.0, route=STABLE)] if deployment else []
    stable = deployment.id if deployment else None
    if (endpoint.targets, endpoint.stable) != (targets, stable):
        store.change_endpoint(tx, endpoint, targets=msgspec.to_builtins(targets), stable=stable)
    if deployment:
        champions.move(tx, deployment)


def promote(tx: Transaction, rollout: Rollout, reason: str) -> bool:
    """Give all traffic to a running rollout's new deployment; return False when it has ended before."""
    if not _end(tx, rollout, RolloutState.PROMOTED, reason):
        return False
    endpoint = need(tx.connection, rollout.endpoint, hold=True)
    stand(tx, endpoint, need_deployment(tx.connection, rollout.after))
    return True


def roll_back(tx: Transaction, rollout: Rollout, reason: str, *, superseded: bool = False) -> bool:
    """Give all traffic back to what stood before a running rollout; return False when it has ended before."""
    state = RolloutState.SUPERSEDED if superseded else RolloutState.ROLLED_BACK
    if not _end(tx, rollout, state, reason):
        return False
    endpoint = need(tx.connection, rollout.endpoint, hold=True)
    stand(tx, endpoint, need_deployment(tx.connection, endpoint.stable) if endpoint.stable else None)
    return True


def undo(tx: Transaction, endpoint: Endpoint, problem: str) -> None:
    """Take back what the data plane refuses: the canary, or else what stands though it was never served."""
    reason = f"the data plane refused it: {problem}"
    running = running_rollout(tx.connection, endpoint.name)
    back = endpoint.stable
    if running is not None:
        _end(tx, running, RolloutState.ROLLED_BACK, reason)
    elif endpoint.stable is not None:
        rollout = store.rollout_to(tx.connection, endpoint.stable)
        back = endpoint.served or (rollout.before if rollout else None)
        if rollout is not None and not any(event.kind == SERVED for event in rollout.events):
            _end(tx, rollout, RolloutState.ROLLED_BACK, reason, was=RolloutState.PROMOTED)
        champions.leave(tx, need_deployment(tx.connection, endpoint.stable))
    stand(tx, endpoint, need_deployment(tx.connection, back) if back else None)
    tx.audit("endpoint.refused", Ref("endpoint", endpoint.name), back_to=back, problem=problem)


def before_that_stands(connection: sa.Connection, endpoint: Endpoint) -> Deployment:
    """Return the deployment that stood before the one that stands now.

    Raises:
        NothingToRollBack: If there is none.
    """
    rollout = store.rollout_to(connection, endpoint.stable) if endpoint.stable else None
    if rollout is None or rollout.before is None:
        raise rules.NothingToRollBack(
            f"Endpoint {shown(endpoint.name)} has no deployment before the one that stands",
            hint="Deploy another version instead.",
        )
    return need_deployment(connection, rollout.before)


def _end(
    tx: Transaction,
    rollout: Rollout,
    state: RolloutState,
    reason: str,
    *,
    was: RolloutState = RolloutState.RUNNING,
) -> bool:
    """Record how a rollout ended, once."""
    table = store.rollouts.c
    same = sa.and_(table.id == rollout.id, table.state == was.value)
    share = 1.0 if state is RolloutState.PROMOTED else 0.0
    change = sa.update(store.rollouts).where(same)
    if not tx.execute(change.values(state=state.value, reason=reason, share=share, ended_at=tx.now)).rowcount:
        return False
    tx.audit(f"rollout.{state.value}", Ref("rollout", rollout.id), reason=reason)
    store.add_event(tx, rollout.id, f"end-{state.value}", state.value, reason)
    return True
