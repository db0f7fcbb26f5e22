"""An endpoint at a glance, and what one pass of monitoring did."""

import msgspec

from tidemill.core.moments import Moment
from tidemill.monitoring.records.alerts import Alert, Trigger
from tidemill.monitoring.records.windows import MonitorReferenceInfo, Window
from tidemill.monitoring.settings import MonitorSettings


class Monitor(msgspec.Struct, frozen=True, kw_only=True):
    """The monitor of an endpoint."""

    endpoint: str
    settings: MonitorSettings
    updated_at: Moment | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a pass could not do, and will try again."""

    what: str
    code: str
    message: str


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass did.

    Args:
        segments: Sealed segments.
        rows: Answered rows in them.
        summarised: Segments that were added to windows.
        windows: Starts of the windows judged, by endpoint.
        alerts: Alerts opened, closed or changed.
        triggers: Triggers fired.
        notifications: Notifications delivered.
        problems: What could not be done.
    """

    segments: int = 0
    rows: int = 0
    summarised: int = 0
    windows: dict[str, list[Moment]] = {}
    alerts: list[Alert] = []
    triggers: list[Trigger] = []
    notifications: int = 0
    problems: list[Problem] = []


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint at a glance.

    Args:
        endpoint: The endpoint.
        settings: What its monitor is told.
        watermark: How far the time of the data has come; None before the first prediction.
        rows: Answered rows that are sealed.
        fresh_rows: Answered rows that are not sealed yet.
        failures: Requests that ended in an error, sealed.
        faults: Those of them that were a fault of ours; the others were refused for what their clients sent.
        windows: The latest windows, oldest first.
        alerts: The open alerts.
        triggers: The latest triggers, newest first.
        references: The model versions that have a reference.
    """

    endpoint: str
    settings: MonitorSettings
    watermark: Moment | None
    rows: int
    fresh_rows: int
    failures: int
    faults: int = 0
    windows: list[Window]
    alerts: list[Alert]
    triggers: list[Trigger]
    references: list[MonitorReferenceInfo]
