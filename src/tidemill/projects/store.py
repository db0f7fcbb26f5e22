"""The tables of projects and deliveries, and the SQL on them."""

from typing import Any

import msgspec
import sqlalchemy as sa

from tidemill.ledger import Transaction
from tidemill.ledger.rows import record
from tidemill.ledger.schema import JsonColumn, MomentColumn, metadata
from tidemill.projects.records import Delivery, DeliveryEvent, DeliveryState, Project

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
    sa.Column("started_by", sa.Text, nullable=False),
    sa.Column("role", sa.Integer, nullable=False),
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
sightings = sa.Table(
    "project_sightings",
    metadata,
    sa.Column("project", sa.Text, sa.ForeignKey("projects.name"), primary_key=True),
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("seen_at", MomentColumn, nullable=False),
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


def open_deliveries_of(connection: sa.Connection, report: str) -> list[str]:
    """Return the ids of deliveries that have not ended and were judged by a gate report.

    A report that a delivery asks for carries the delivery's id, and is there a moment before the delivery names it.
    """
    table = deliveries.c
    judged = sa.or_(table.gate_report == report, table.id == report)
    return list(connection.execute(sa.select(table.id).where(judged, table.ended_at.is_(None))).scalars())


def deliveries_in(connection: sa.Connection, state: DeliveryState) -> list[tuple[str, str]]:
    """Return the deliveries in a state: each one's id, and the id of its gate report or an empty text."""
    table = deliveries.c
    query = sa.select(table.id, table.gate_report).where(table.state == state.value).order_by(table.started_at)
    return [(row.id, row.gate_report or "") for row in connection.execute(query)]


def open_deliveries(connection: sa.Connection) -> list[tuple[str, str, int]]:
    """Return the deliveries that have not ended, oldest first: each one's id, and by whom in which role it began."""
    table = deliveries.c
    query = sa.select(table.id, table.started_by, table.role).where(table.ended_at.is_(None)).order_by(table.started_at)
    return [(row.id, row.started_by, row.role) for row in connection.execute(query)]


def runs_underway(connection: sa.Connection) -> set[str]:
    """Return the runs of deliveries that have not ended."""
    table = deliveries.c
    return set(connection.execute(sa.select(table.run_id).where(table.ended_at.is_(None))).scalars()) - {None, ""}


def projects_underway(connection: sa.Connection) -> set[str]:
    """Return the names of projects that are in the middle of a delivery."""
    table = deliveries.c
    return set(connection.execute(sa.select(table.project).where(table.ended_at.is_(None))).scalars())


def seen(connection: sa.Connection, project: str) -> dict[str, str]:
    """Return what the sources of a project were like when they were ingested last, by dataset."""
    table = sightings.c
    rows = connection.execute(sa.select(table.dataset, table.state).where(table.project == project))
    return {row.dataset: row.state for row in rows}


def see(tx: Transaction, project: str, dataset: str, state: str) -> None:
    """Keep what a source was like."""
    tx.upsert(sightings, {"project": project, "dataset": dataset, "state": state, "seen_at": tx.now})


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
