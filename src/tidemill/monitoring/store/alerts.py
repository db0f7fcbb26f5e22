"""SQL on alerts, their notifications, and triggers."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.ledger.rows import record
from tidemill.ledger.transaction import Transaction
from tidemill.monitoring.records import Alert, AlertKind, AlertState, Notification, Trigger, TriggerState
from tidemill.monitoring.store.tables import alerts, notifications, triggers

_ALERT = [alerts.c[name] for name in Alert.__struct_fields__]
_TRIGGER = [triggers.c[name] for name in Trigger.__struct_fields__]
_NOTIFICATION = [notifications.c[name] for name in Notification.__struct_fields__]


def open_key(endpoint: str, kind: AlertKind) -> str:
    """Return what only the open alert of a kind holds."""
    return f"{kind.value}:{endpoint}"


def open_alert(connection: sa.Connection, endpoint: str, kind: AlertKind) -> Alert | None:
    """Return the open alert of a kind."""
    return _alert(connection, alerts.c.open_key == open_key(endpoint, kind))


def alert_of_episode(connection: sa.Connection, endpoint: str, kind: AlertKind, first: Moment) -> Alert | None:
    """Return the alert whose first bad window starts at a moment."""
    table = alerts.c
    return _alert(connection, table.endpoint == endpoint, table.kind == kind.value, table.first_window == first)


def find_alert(connection: sa.Connection, identifier: str) -> Alert | None:
    """Return an alert."""
    return _alert(connection, alerts.c.id == identifier)


def _alert(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> Alert | None:
    row = connection.execute(sa.select(*_ALERT).where(*conditions)).first()
    return msgspec.convert(record(row), Alert) if row else None


def list_alerts(
    connection: sa.Connection, *, endpoint: str = "", state: AlertState | None = None, limit: int = 100
) -> list[Alert]:
    """Return alerts, newest first."""
    query = sa.select(*_ALERT).order_by(alerts.c.opened_at.desc(), alerts.c.id.desc()).limit(limit)
    if endpoint:
        query = query.where(alerts.c.endpoint == endpoint)
    if state is not None:
        query = query.where(alerts.c.state == state.value)
    return [msgspec.convert(record(row), Alert) for row in connection.execute(query)]


def write_alert(tx: Transaction, alert: Alert) -> None:
    """Insert an alert or change it."""
    is_open = alert.state is AlertState.OPEN
    row = {**msgspec.structs.asdict(alert), "open_key": open_key(alert.endpoint, alert.kind) if is_open else None}
    tx.upsert(alerts, {**row, "kind": alert.kind.value, "state": alert.state.value})


def add_notification(tx: Transaction, notification: Notification, options: dict[str, str], body: str) -> None:
    """Put a message into the outbox."""
    tx.execute(sa.insert(notifications), {**msgspec.structs.asdict(notification), "options": options, "body": body})


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is to be delivered, with what its notifier needs."""

    notification: Notification
    options: dict[str, str]
    body: str


def due_notifications(connection: sa.Connection, now: Moment, *, limit: int) -> list[Outgoing]:
    """Return the messages that are to be delivered now, oldest first."""
    table = notifications.c
    columns = [*_NOTIFICATION, table.options, table.body]
    query = sa.select(*columns).where(table.state == "pending", table.next_at <= now)
    found = []
    for row in connection.execute(query.order_by(table.next_at, table.id).limit(limit)):
        fields = record(row)
        options, body = fields.pop("options"), fields.pop("body")
        found.append(Outgoing(notification=msgspec.convert(fields, Notification), options=options, body=body))
    return found


def list_notifications(connection: sa.Connection, *, alert: str = "", limit: int = 100) -> list[Notification]:
    """Return messages, newest first."""
    query = sa.select(*_NOTIFICATION).order_by(notifications.c.created_at.desc()).limit(limit)
    if alert:
        query = query.where(notifications.c.alert == alert)
    return [msgspec.convert(record(row), Notification) for row in connection.execute(query)]


def change_notification(tx: Transaction, identifier: str, **change: object) -> None:
    """Change a message."""
    tx.execute(sa.update(notifications).where(notifications.c.id == identifier).values(**change))


def find_trigger(connection: sa.Connection, *, identifier: str = "", key: str = "") -> Trigger | None:
    """Return a trigger by its id or its key."""
    condition = triggers.c.key == key if key else triggers.c.id == identifier
    row = connection.execute(sa.select(*_TRIGGER).where(condition)).one_or_none()
    return msgspec.convert(record(row), Trigger) if row else None


def add_trigger(tx: Transaction, trigger: Trigger, key: str) -> bool:
    """Insert a trigger; return whether none of that key was there."""
    row = {**msgspec.structs.asdict(trigger), "state": trigger.state.value, "key": key or None}
    return bool(tx.insert_new(triggers, row))


def list_triggers(
    connection: sa.Connection, *, endpoint: str = "", states: Sequence[TriggerState] = (), limit: int = 100
) -> list[Trigger]:
    """Return triggers, newest first."""
    query = sa.select(*_TRIGGER).order_by(triggers.c.created_at.desc(), triggers.c.id.desc()).limit(limit)
    if endpoint:
        query = query.where(triggers.c.endpoint == endpoint)
    if states:
        query = query.where(triggers.c.state.in_([state.value for state in states]))
    return [msgspec.convert(record(row), Trigger) for row in connection.execute(query)]


def change_trigger(tx: Transaction, identifier: str, **change: object) -> None:
    """Change a trigger."""
    tx.execute(sa.update(triggers).where(triggers.c.id == identifier).values(**change))
