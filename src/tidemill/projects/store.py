"""The tables of projects and deliveries, and the SQL on them."""

from typing import Any

import msgspec
import sqlalchemy as sa

from tidemill.ledger import Transaction
from tidemill.ledger.rows import record
from tidemill.ledger.schema import JsonColumn, MomentColumn, metadata
from tidemill.projects.records import Delivery, DeliveryEvent, Project

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("applied_at", MomentColumn, nullable=False),
    sa.Column("applied_by", sa.Text, nullable=False),
)
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("project", sa.Text, sa.ForeignKey("projects.name"), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("trigger", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("params", JsonColumn, nullable=False),
    sa.Column("run_id", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("gate_report", sa.Text),
    sa.Column("rollout", sa.Text),
    sa.Column("started_at", MomentColumn, nullable=False),
    sa.Column("ended_at", MomentColumn),
    sa.Index("ix_deliveries_project", "project", "started_at"),
)
delivery_events = sa.Table(
    "delivery_events",
    metadata,
    sa.Column("delivery", sa.Text, sa.ForeignKey("deliveries.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", MomentColumn, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("refs", JsonColumn, nullable=False),
    sa.UniqueConstraint("delivery", "key"),
)


def find_project(connection: sa.Connection, name: str) -> Project | None:
    """Return a project by its name."""
    row = connection.execute(sa.select(projects).where(projects.c.name == name)).one_or_none()
    return msgspec.convert(record(row), Project) if row else None


def list_projects(connection: sa.Connection) -> list[Project]:
    """Return the projects by name."""
    rows = connection.execute(sa.select(projects).order_by(projects.c.name))
    return [msgspec.convert(record(row), Project) for row in rows]


def find_delivery(connection: sa.Connection, identifier: str) -> Delivery | None:
    """Return a delivery with its events."""
    row = connection.execute(sa.select(deliveries).where(deliveries.c.id == identifier)).one_or_none()
    return _delivery(connection, row) if row else None


def list_deliveries(connection: sa.Connection, project: str = "", *, limit: int = 100) -> list[Delivery]:
    """Return deliveries, newest first."""
    query = sa.select(deliveries).order_by(deliveries.c.started_at.desc(), deliveries.c.id.desc()).limit(limit)
    if project:
        query = query.where(deliveries.c.project == project)
    return [_delivery(connection, row) for row in connection.execute(query).all()]


def _delivery(connection: sa.Connection, row: "sa.Row[*tuple[Any, ...]]") -> Delivery:
    table = delivery_events.c
    query = sa.select(table.seq, table.at, table.act, table.message, table.refs)
    found = connection.execute(query.where(table.delivery == row.id).order_by(table.seq))
    events = [msgspec.convert(record(each), DeliveryEvent) for each in found]
    return msgspec.convert({**record(row), "events": events}, Delivery)


def add_event(tx: Transaction, delivery: str, key: str, act: str, message: str, refs: list[str]) -> None:
    """Add an event to a delivery; one whose key is there already is not added again."""
    table = delivery_events.c
    there = sa.select(sa.func.count()).where(table.delivery == delivery, table.key == key)
    if tx.connection.execute(there).scalar_one():
        return
    highest = sa.select(sa.func.coalesce(sa.func.max(table.seq), 0)).where(table.delivery == delivery)
    row = {
        "delivery": delivery,
        "seq": int(tx.connection.execute(highest).scalar_one()) + 1,
        "at": tx.now,
        "key": key,
        "act": act,
        "message": message,
        "refs": refs,
    }
    tx.execute(sa.insert(delivery_events), row)
