"""What monitoring knows: segments, predictions, feedback, windows, alerts, triggers."""

from tidemill.monitoring.records.alerts import (
    Alert,
    AlertKind,
    AlertState,
    Notification,
    Trigger,
    TriggerState,
)
from tidemill.monitoring.records.captured import (
    FeedbackReceipt,
    FeedbackReport,
    FeedbackRow,
    Prediction,
    Segment,
    Truth,
)
from tidemill.monitoring.records.status import (
    Monitor,
    Problem,
    Status,
    Tick,
)
from tidemill.monitoring.records.windows import (
    Baseline,
    ColumnDrift,
    Drift,
    GateValue,
    Latency,
    MonitorReferenceInfo,
    Performance,
    VersionTraffic,
    Window,
    WindowState,
)

__all__ = [
    "Alert",
    "AlertKind",
    "AlertState",
    "Baseline",
    "ColumnDrift",
    "Drift",
    "FeedbackReceipt",
    "FeedbackReport",
    "FeedbackRow",
    "GateValue",
    "Latency",
    "Monitor",
    "MonitorReferenceInfo",
    "Notification",
    "Performance",
    "Prediction",
    "Problem",
    "Segment",
    "Status",
    "Tick",
    "Trigger",
    "TriggerState",
    "Truth",
    "VersionTraffic",
    "Window",
    "WindowState",
]
