"""The tables of delivery, and the SQL on them."""

from typing import Any

import msgspec
import sqlalchemy as sa

from tidemill.core.moments import to_ms
from tidemill.delivery.records import (
    Approval,
    Deployment,
    Endpoint,
    EndpointToken,
    GateReport,
    Passes,
    Rollout,
    RolloutEvent,
    RolloutPlan,
    RolloutState,
    RuleResult,
)
from tidemill.ledger.rows import record
from tidemill.ledger.schema import JsonColumn, MomentColumn, metadata
from tidemill.ledger.transaction import Transaction

gate_reports = sa.Table(
    "gate_reports",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("champion", sa.Integer),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("results", JsonColumn, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("holdout", sa.Text, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Index("ix_gate_reports_model", "model", "version", "created_at"),
)
approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("gate_report", sa.Text, sa.ForeignKey("gate_reports.id"), nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("approved", sa.Boolean, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("own_work", sa.Boolean, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Index("ix_approvals_gate_report", "gate_report"),
)
endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("time", sa.Text),
    sa.Column("passthrough", JsonColumn, nullable=False),
    sa.Column("sticky", sa.Text),
    sa.Column("targets", JsonColumn, nullable=False),
    sa.Column("stable", sa.Text),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("served_revision", sa.BigInteger, nullable=False),
    sa.Column("served", sa.Text),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
)
deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("endpoint", sa.Text, sa.ForeignKey("endpoints.name"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("model_version_id", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("gate_report", sa.Text, sa.ForeignKey("gate_reports.id")),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.UniqueConstraint("endpoint", "number"),
)
endpoint_tokens = sa.Table(
    "endpoint_tokens",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("endpoint", sa.Text, sa.ForeignKey("endpoints.name"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", MomentColumn),
    sa.Column("revoked_at", MomentColumn),
    sa.Index("ix_endpoint_tokens_endpoint", "endpoint"),
)
rollouts = sa.Table(
    "rollouts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("endpoint", sa.Text, sa.ForeignKey("endpoints.name"), nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text, sa.ForeignKey("deployments.id"), nullable=False),
    sa.Column("plan", JsonColumn, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("share", sa.Float(53), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("started_at", MomentColumn, nullable=False),
    sa.Column("ended_at", MomentColumn),
    sa.Index("ix_rollouts_endpoint", "endpoint", "started_at"),
)
rollout_events = sa.Table(
    "rollout_events",
    metadata,
    sa.Column("rollout", sa.Text, sa.ForeignKey("rollouts.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", MomentColumn, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("facts", JsonColumn, nullable=False),
    sa.UniqueConstraint("rollout", "key"),
)


def role_of_version(connection: sa.Connection, version_id: str, model: str, number: int, digest: str) -> str:
    """Return what delivery did with a model version, for which it must stay; nothing when it did nothing."""
    deployed, judged = deployments.c, gate_reports.c
    # A model may have been renamed since, so the files count too.
    of_it = sa.or_(sa.and_(judged.model == model, judged.version == number), judged.digest == digest)
    if connection.execute(sa.select(deployed.id).where(deployed.model_version_id == version_id).limit(1)).scalar():
        return "it was deployed"
    return "a gate judged it" if connection.execute(sa.select(judged.id).where(of_it).limit(1)).scalar() else ""


def find_endpoint(connection: sa.Connection, name: str, *, hold: bool = False) -> Endpoint | None:
    """Return an endpoint by its name, held until the end of the transaction if asked for."""
    query = sa.select(endpoints).where(endpoints.c.name == name)
    row = connection.execute(query.with_for_update() if hold else query).one_or_none()
    return _endpoint(row) if row else None


def list_endpoints(connection: sa.Connection) -> list[Endpoint]:
    """Return the endpoints by name."""
    return [_endpoint(row) for row in connection.execute(sa.select(endpoints).order_by(endpoints.c.name))]


def _endpoint(row: sa.Row[Any]) -> Endpoint:
    return msgspec.convert(record(row), Endpoint)


def change_endpoint(tx: Transaction, endpoint: Endpoint, **values: object) -> None:
    """Change an endpoint, as a new revision of it."""
    change = sa.update(endpoints).where(endpoints.c.name == endpoint.name)
    tx.execute(change.values(revision=endpoint.revision + 1, **values))


def note_served(tx: Transaction, endpoint: Endpoint, **values: object) -> bool:
    """Record what the data plane made of a revision; return False when there is a newer one by now."""
    table = endpoints.c
    same = sa.and_(table.name == endpoint.name, table.revision == endpoint.revision)
    return tx.execute(sa.update(endpoints).where(same).values(**values)).rowcount > 0


def list_endpoint_tokens(connection: sa.Connection, endpoint: str) -> list[EndpointToken]:
    """Return an endpoint's tokens, newest first, without their hashes."""
    query = sa.select(endpoint_tokens).where(endpoint_tokens.c.endpoint == endpoint)
    return [_endpoint_token(row) for row in connection.execute(query.order_by(endpoint_tokens.c.id.desc()))]


def need_endpoint_token(connection: sa.Connection, identifier: str) -> EndpointToken:
    """Return a token that is there."""
    query = sa.select(endpoint_tokens).where(endpoint_tokens.c.id == identifier)
    return _endpoint_token(connection.execute(query).one())


def _endpoint_token(row: sa.Row[Any]) -> EndpointToken:
    return msgspec.convert({name: value for name, value in record(row).items() if name != "hash"}, EndpointToken)


def list_passes(connection: sa.Connection) -> dict[str, Passes]:
    """Return what lets callers in, by endpoint; those that never had a token are left out, as they ask for none."""
    found: dict[str, Passes] = {}
    for row in connection.execute(sa.select(endpoint_tokens).order_by(endpoint_tokens.c.id)):
        passes = found.setdefault(row.endpoint, Passes())
        if row.revoked_at is None:
            passes.hashes.append(row.hash)
            if row.expires_at is not None:
                passes.expires_ms[row.hash] = to_ms(row.expires_at)
    return found


def find_deployment(connection: sa.Connection, identifier: str) -> Deployment | None:
    """Return a deployment by its id."""
    row = connection.execute(sa.select(deployments).where(deployments.c.id == identifier)).one_or_none()
    return msgspec.convert(record(row), Deployment) if row else None


def list_deployments(connection: sa.Connection, endpoint: str, *, limit: int = 100) -> list[Deployment]:
    """Return an endpoint's deployments, newest first."""
    query = sa.select(deployments).where(deployments.c.endpoint == endpoint)
    rows = connection.execute(query.order_by(deployments.c.number.desc()).limit(limit))
    return [msgspec.convert(record(row), Deployment) for row in rows]


def endpoint_serving(connection: sa.Connection, model: str, version: int) -> str:
    """Return an endpoint that answers with a version of a model, or that it stands on; empty if there is none."""
    for endpoint in list_endpoints(connection):
        named = {*(target.deployment for target in endpoint.targets), endpoint.stable, endpoint.served}
        table = deployments.c
        query = sa.select(table.id).where(table.id.in_(named - {None}), table.model == model, table.version == version)
        if connection.execute(query.limit(1)).scalar():
            return endpoint.name
    return ""


def needed_bundles(connection: sa.Connection, newest: int) -> set[str]:
    """Return the digests of the models that endpoints serve, move to, or may go back to.

    Those are of each endpoint: its targets, what stands, what the data plane has confirmed, both ends of a rollout
    that runs and of the one that led to what stands, and the newest deployments.

    Args:
        connection: The ledger.
        newest: How many of those.
    """
    ids: set[str | None] = set()
    for endpoint in list_endpoints(connection):
        ids |= {endpoint.stable, endpoint.served, *(target.deployment for target in endpoint.targets)}
        ids |= {each.id for each in list_deployments(connection, endpoint.name, limit=newest)}
        led = rollout_to(connection, endpoint.stable) if endpoint.stable else None
        ids |= {led.before} if led else set()
    running = sa.select(rollouts.c.before, rollouts.c.after).where(rollouts.c.state == RolloutState.RUNNING.value)
    for before, after in connection.execute(running):
        ids |= {before, after}
    wanted = sa.select(deployments.c.digest).where(deployments.c.id.in_([each for each in ids if each]))
    return set(connection.execute(wanted).scalars())


def next_number(connection: sa.Connection, endpoint: str) -> int:
    """Return the number of an endpoint's next deployment."""
    query = sa.select(sa.func.coalesce(sa.func.max(deployments.c.number), 0)).where(deployments.c.endpoint == endpoint)
    return int(connection.execute(query).scalar_one()) + 1


def find_gate_report(connection: sa.Connection, identifier: str) -> GateReport | None:
    """Return a gate report with its approvals."""
    row = connection.execute(sa.select(gate_reports).where(gate_reports.c.id == identifier)).one_or_none()
    return _gate_report(connection, row) if row else None


def list_gate_reports(
    connection: sa.Connection, *, model: str = "", version: int | None = None, limit: int = 100
) -> list[GateReport]:
    """Return gate reports, newest first."""
    query = sa.select(gate_reports).order_by(gate_reports.c.created_at.desc(), gate_reports.c.id.desc()).limit(limit)
    if model:
        query = query.where(gate_reports.c.model == model)
    if version is not None:
        query = query.where(gate_reports.c.version == version)
    return [_gate_report(connection, row) for row in connection.execute(query).all()]


def _gate_report(connection: sa.Connection, row: sa.Row[Any]) -> GateReport:
    query = sa.select(approvals).where(approvals.c.gate_report == row.id).order_by(approvals.c.created_at)
    said = [msgspec.convert(record(each), Approval) for each in connection.execute(query)]
    fields = {**record(row), "approvals": said}
    fields["results"] = msgspec.convert(fields["results"], list[RuleResult])
    return msgspec.convert(fields, GateReport)


def find_rollout(connection: sa.Connection, identifier: str) -> Rollout | None:
    """Return a rollout with its events."""
    row = connection.execute(sa.select(rollouts).where(rollouts.c.id == identifier)).one_or_none()
    return _rollout(connection, row) if row else None


def rollout_to(connection: sa.Connection, deployment: str) -> Rollout | None:
    """Return the rollout that moved an endpoint to a deployment; each deployment has one."""
    query = sa.select(rollouts).where(rollouts.c.after == deployment)
    row = connection.execute(query.order_by(rollouts.c.started_at, rollouts.c.id)).first()
    return _rollout(connection, row) if row else None


def list_running(connection: sa.Connection) -> list[str]:
    """Return the ids of the rollouts that have not ended."""
    query = sa.select(rollouts.c.id).where(rollouts.c.state == RolloutState.RUNNING.value)
    return list(connection.execute(query).scalars())


def list_rollouts(connection: sa.Connection, endpoint: str = "", *, limit: int = 100) -> list[Rollout]:
    """Return rollouts, newest first."""
    query = sa.select(rollouts).order_by(rollouts.c.started_at.desc(), rollouts.c.id.desc()).limit(limit)
    if endpoint:
        query = query.where(rollouts.c.endpoint == endpoint)
    return [_rollout(connection, row) for row in connection.execute(query).all()]


def _rollout(connection: sa.Connection, row: sa.Row[Any]) -> Rollout:
    table = rollout_events.c
    query = sa.select(rollout_events)
    found = connection.execute(query.where(table.rollout == row.id).order_by(table.seq))
    events = [msgspec.convert(record(each), RolloutEvent) for each in found]
    fields = {**record(row), "events": events}
    fields["plan"] = msgspec.convert(fields["plan"], RolloutPlan)
    return msgspec.convert(fields, Rollout)


def add_event(
    tx: Transaction, rollout: str, key: str, kind: str, message: str, facts: dict[str, object] | None = None
) -> bool:
    """Add an event to a rollout and return True; one whose key is there already is not added again."""
    table = rollout_events.c
    query = sa.select(sa.func.count()).where(table.rollout == rollout, table.key == key)
    if tx.connection.execute(query).scalar_one():
        return False
    highest = sa.select(sa.func.coalesce(sa.func.max(table.seq), 0)).where(table.rollout == rollout)
    row = {
        "rollout": rollout,
        "seq": int(tx.connection.execute(highest).scalar_one()) + 1,
        "at": tx.now,
        "key": key,
        "kind": kind,
        "message": message,
        "facts": facts or {},
    }
    tx.execute(sa.insert(rollout_events), row)
    return True
