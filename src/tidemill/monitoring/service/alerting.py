"""After each judgement: alerts open and close, notifications go into the outbox, triggers fire; one transaction."""

import msgspec
import sqlalchemy as sa

from tidemill.checks.outcome import Verdict
from tidemill.core.ids import new_id
from tidemill.core.moments import Moment
from tidemill.core.refs import Ref
from tidemill.ledger.transaction import Transaction
from tidemill.monitoring.records import (
    Alert,
    AlertKind,
    AlertState,
    Monitor,
    Notification,
    Trigger,
    TriggerState,
    Window,
)
from tidemill.monitoring.rules import CRON, Episode, Mood, latest_episode, why_suppressed
from tidemill.monitoring.settings import RetrainSettings
from tidemill.monitoring.store import alerts as store
from tidemill.monitoring.store import windows as window_store

_MOODS = {Verdict.FAIL.value: Mood.BAD, Verdict.PASS.value: Mood.GOOD}
_NAMED = 12


def follow(tx: Transaction, monitor: Monitor, now: Moment) -> tuple[list[Alert], list[Trigger]]:
    """Bring an endpoint's alerts in line with its judged windows; return what changed and what was fired.

    Args:
        tx: The transaction of the judgement.
        monitor: The endpoint's monitor.
        now: The time of the data.
    """
    told = window_store.verdicts(tx.connection, monitor.endpoint)
    alerts: list[Alert] = []
    triggers: list[Trigger] = []
    for place, kind in ((1, AlertKind.DRIFT), (2, AlertKind.PERFORMANCE)):
        moods = [(row[0], _MOODS.get(str(row[place]), Mood.NEUTRAL)) for row in told]
        episode = latest_episode(moods, monitor.settings.hysteresis)
        changed = _bring_in_line(tx, monitor, kind, episode)
        if changed is None:
            continue
        alerts.append(changed)
        fired = _fire_for(tx, monitor, changed, now)
        if fired is not None:
            triggers.append(fired)
    return alerts, triggers


def _bring_in_line(tx: Transaction, monitor: Monitor, kind: AlertKind, episode: Episode | None) -> Alert | None:
    there = store.open_alert(tx.connection, monitor.endpoint, kind)
    if episode is None or not episode.is_open:
        return None if there is None else _close(tx, monitor, there)
    if there is None:
        return _open(tx, monitor, kind, episode)
    if (there.last_window, there.bad_windows) == (episode.last, episode.bad):
        return None
    window = window_store.find_window(tx.connection, monitor.endpoint, episode.last)
    reason, columns, facts = _told(window, kind)
    changed = msgspec.structs.replace(
        there,
        reason=reason or there.reason,
        columns=columns or there.columns,
        facts=facts or there.facts,
        first_window=episode.first,
        last_window=episode.last,
        bad_windows=episode.bad,
        updated_at=tx.now,
    )
    store.write_alert(tx, changed)
    return changed


def _open(tx: Transaction, monitor: Monitor, kind: AlertKind, episode: Episode) -> Alert:
    window = window_store.find_window(tx.connection, monitor.endpoint, episode.last)
    reason, columns, facts = _told(window, kind)
    before = store.alert_of_episode(tx.connection, monitor.endpoint, kind, episode.first)
    alert = Alert(
        id=before.id if before else new_id(),
        endpoint=monitor.endpoint,
        kind=kind,
        state=AlertState.OPEN,
        reason=reason,
        columns=columns,
        facts=facts,
        first_window=episode.first,
        last_window=episode.last,
        bad_windows=episode.bad,
        opened_at=before.opened_at if before else tx.now,
        updated_at=tx.now,
    )
    store.write_alert(tx, alert)
    subject = Ref("alert", alert.id)
    tx.link(Ref("endpoint", monitor.endpoint), "raised", subject)
    for version in window.versions if window else []:
        if version.deployment:
            tx.link(Ref("deployment", version.deployment), "raised", subject)
    tx.audit("alert.open", subject, endpoint=monitor.endpoint, kind=kind.value, reason=reason)
    _notify(tx, monitor, alert, "opened")
    return alert


def _close(tx: Transaction, monitor: Monitor, there: Alert) -> Alert:
    closed = msgspec.structs.replace(there, state=AlertState.CLOSED, updated_at=tx.now, closed_at=tx.now)
    store.write_alert(tx, closed)
    tx.audit("alert.close", Ref("alert", there.id), endpoint=monitor.endpoint, kind=there.kind.value)
    _notify(tx, monitor, closed, "closed")
    return closed


def _told(window: Window | None, kind: AlertKind) -> tuple[str, list[str], dict[str, object]]:
    """Return the reason, the columns and the numbers of a bad window."""
    if window is None:
        return "", [], {}
    span = f"{window.start.date().isoformat()} to {window.end.date().isoformat()}"
    facts: dict[str, object] = {"window": [window.start.isoformat(), window.end.isoformat()], "rows": window.rows}
    if kind is AlertKind.DRIFT and window.drift is not None:
        drifted = [one for one in window.drift.columns if one.verdict == Verdict.FAIL.value]
        facts["columns"] = [
            {"column": one.column, "effect": one.effect, "tolerance": one.tolerance, "outside": one.outside}
            for one in drifted[:_NAMED]
        ]
        facts["version"] = window.drift.version
        return f"{span}: {window.drift.reason}", [one.column for one in drifted], facts
    if kind is AlertKind.PERFORMANCE and window.performance is not None:
        found = window.performance
        facts |= {"metric": found.metric, "value": found.value, "low": found.low, "high": found.high}
        facts |= {"baseline": found.baseline, "allowed": found.allowed, "labelled": found.labelled}
        facts |= {"difference": [found.difference, found.difference_low, found.difference_high]}
        facts["false_alarm_rate"] = found.false_alarm_rate
        return f"{span}: {found.reason}", [], facts
    return "", [], {}


def _notify(tx: Transaction, monitor: Monitor, alert: Alert, event: str) -> None:
    for recipient in monitor.settings.notify:
        notification = Notification(
            id=new_id(),
            alert=alert.id,
            notifier=recipient.notifier,
            address=recipient.address,
            event=event,
            state="pending",
            attempts=0,
            next_at=tx.now,
            error="",
            created_at=tx.now,
        )
        store.add_notification(tx, notification, recipient.options, cloud_event(notification, alert))


def cloud_event(notification: Notification, alert: Alert) -> str:
    """Return an alert as a CloudEvent in JSON.

    Source:
        CloudEvents 1.0.2, JSON event format.
    """
    event = {
        "specversion": "1.0",
        "id": notification.id,
        "source": f"/tidemill/endpoints/{alert.endpoint}",
        "type": f"tidemill.alert.{notification.event}",
        "subject": alert.id,
        "time": notification.created_at,
        "datacontenttype": "application/json",
        "data": alert,
    }
    return msgspec.json.encode(event).decode()


def _fire_for(tx: Transaction, monitor: Monitor, alert: Alert, now: Moment) -> Trigger | None:
    """Fire for an alert that opened, and for one that goes on through so many further windows."""
    settings = monitor.settings.retrain
    if settings is None or alert.state is not AlertState.OPEN or alert.kind.value not in settings.on:
        return None
    further = alert.bad_windows - monitor.settings.hysteresis.open_after
    if further > 0 and (settings.again_after == 0 or further % settings.again_after):
        return None
    key = f"alert/{alert.id}/{alert.last_window.isoformat()}"
    return fire(tx, monitor, alert.kind.value, alert.reason, now=now, key=key, alert=alert.id)


def fire(
    tx: Transaction, monitor: Monitor, cause: str, reason: str, *, now: Moment, key: str = "", alert: str | None = None
) -> Trigger | None:
    """Record a trigger, and why it is not followed if it is not; None when one of that key was fired before."""
    why = why_not(tx.connection, monitor, cause, now=now, clock=tx.now)
    trigger = Trigger(
        id=new_id(),
        endpoint=monitor.endpoint,
        cause=cause,
        state=TriggerState.SUPPRESSED if why else TriggerState.PENDING,
        reason=f"{reason} Not followed: {why}." if why else reason,
        moment=now,
        created_at=tx.now,
        alert=alert,
    )
    if not store.add_trigger(tx, trigger, key):
        return None
    subject = Ref("trigger", trigger.id)
    source = Ref("alert", alert) if alert else Ref("endpoint", monitor.endpoint)
    tx.link(source, "fired", subject)
    tx.audit("trigger.fire", subject, endpoint=monitor.endpoint, cause=cause, state=trigger.state.value)
    return trigger


def why_not(connection: sa.Connection, monitor: Monitor, cause: str, *, now: Moment, clock: Moment) -> str:
    """Return why a trigger would not be followed; an empty text when it would be."""
    settings = monitor.settings.retrain or RetrainSettings()
    wanted = {"schedule" if each.startswith(CRON) else each for each in settings.on} | {"manual"}
    if cause not in wanted:
        return f"this endpoint is not retrained on {cause}"
    followed = [state for state in TriggerState if state is not TriggerState.SUPPRESSED]
    history = store.list_triggers(connection, endpoint=monitor.endpoint, states=followed, limit=1000)
    return why_suppressed(cause, now, history, settings, clock=clock)
