"""Alerts, their notifications, and the triggers of retrainings."""

from enum import StrEnum

import msgspec

from tidemill.core.moments import Moment


class AlertKind(StrEnum):
    """What an alert is about."""

    DRIFT = "drift"
    PERFORMANCE = "performance"


class AlertState(StrEnum):
    """Whether what an alert tells of goes on."""

    OPEN = "open"
    CLOSED = "closed"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person should know.

    Args:
        id: Its id.
        endpoint: Where.
        kind: What it is about.
        state: Whether it goes on.
        reason: What is wrong, in a sentence with numbers.
        columns: The columns that drifted.
        facts: Numbers behind it.
        first_window: Start of the first bad window.
        last_window: Start of the last bad window.
        bad_windows: How many bad windows there were.
        opened_at: When it was opened.
        updated_at: When it last changed.
        closed_at: When it was closed.
        acknowledged_by: Who has seen it.
        acknowledged_at: When.
    """

    id: str
    endpoint: str
    kind: AlertKind
    state: AlertState
    reason: str
    columns: list[str]
    facts: dict[str, object]
    first_window: Moment
    last_window: Moment
    bad_windows: int
    opened_at: Moment
    updated_at: Moment
    closed_at: Moment | None = None
    acknowledged_by: str | None = None
    acknowledged_at: Moment | None = None


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way to a notifier.

    Args:
        id: Its id; receivers may drop a second one with the same id.
        alert: The alert that it tells of.
        notifier: Who carries it.
        address: Where to.
        event: `opened`, `changed` or `closed`.
        state: `pending`, `sent` or `failed`.
        attempts: How often it was tried.
        next_at: When it is tried next.
        error: Why the last try failed.
        created_at: When it was written.
        sent_at: When it was delivered.
    """

    id: str
    alert: str
    notifier: str
    address: str
    event: str
    state: str
    attempts: int
    next_at: Moment
    error: str
    created_at: Moment
    sent_at: Moment | None = None


class TriggerState(StrEnum):
    """What became of a trigger: pending ones wait for the stage that retrains."""

    PENDING = "pending"
    STARTED = "started"
    SUPPRESSED = "suppressed"
    HELPED = "helped"
    NO_HELP = "no_help"
    FAILED = "failed"


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """What asks for a retraining.

    Args:
        id: Its id.
        endpoint: Of which endpoint.
        cause: `drift`, `performance`, `new_data`, `schedule` or `manual`.
        state: What became of it.
        reason: Why it was fired, and for a suppressed one why it was not followed.
        alert: The alert behind it.
        moment: The time of the data: the endpoint's watermark, or the present.
        created_at: When it was fired.
        settled_at: When its outcome was told.
        outcome: The outcome in words.
    """

    id: str
    endpoint: str
    cause: str
    state: TriggerState
    reason: str
    moment: Moment
    created_at: Moment
    alert: str | None = None
    settled_at: Moment | None = None
    outcome: str = ""
