"""What an endpoint's monitor is told."""

from collections.abc import Mapping

import msgspec

Scalar = str | int | float | bool | None


class DriftSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a change of the inputs is worth a word.

    Args:
        reference: What is compared with; `training` is the only one.
        false_alarms: How many false alarms are acceptable in how much time, over all columns.
        tolerance: A Jensen-Shannon distance that is always fine; a column that varies by more between the time
            blocks of its training data has a wider one of its own.
        columns: Which columns; all of the reference when left out.
    """

    reference: str = "training"
    false_alarms: str = "1 per 90d"
    tolerance: float = 0.1
    columns: list[str] = []


class PerformanceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a change of the model's performance is worth a word.

    Args:
        metric: `roc_auc`, `log_loss`, `brier`, `accuracy`, `precision`, `recall`, `mae` or `rmse`.
        label_delay: How long after a window's end its truths are expected to be there.
        worse_than_reference: By how much it may be worse than the baseline.
        baseline: What to compare with; the gate's value on the hold-out when left out.
        confidence: Of the two-sided interval of a window.
        fewest_labels: The share of rows with a truth below which a window says nothing.
        scale: The absolute error that counts as a loss of 1 in a rollout.
    """

    metric: str = "roc_auc"
    label_delay: str = "0s"
    worse_than_reference: float = 0.02
    baseline: float | None = None
    confidence: float = 0.9
    fewest_labels: float = 0.2
    scale: float = 1.0


class HysteresisSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many bad windows in a row open an alert, and how many good ones close it."""

    open_after: int = 1
    close_after: int = 2


class RetrainSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What starts a retraining and how often it may.

    Args:
        on: The causes: `drift`, `performance`, `new_data`, `schedule` for what others fire, `cron: 0 3 * * *` for ticks
            in UTC; by hand always works.
        cooldown: The shortest time between two, by the time of the data or by the clock, whichever has gone further.
        budget: The most in a time, such as `20 runs per 30d`; empty for no limit.
        stop_after: Stop when so many in a row did not help; 0 for never.
        again_after: An alert that stays open asks again after so many further bad windows; 0 for never.
    """

    on: list[str] = msgspec.field(default_factory=lambda: ["drift", "performance"])
    cooldown: str = "0s"
    budget: str = ""
    stop_after: int = 3
    again_after: int = 1


class Recipient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where alerts go.

    Args:
        notifier: Who carries them, such as `webhook` or `email`.
        address: Where to: a URL, an email address.
        options: What that notifier takes besides; secrets are given as `env:NAME`.
    """

    notifier: str
    address: str
    options: dict[str, str] = {}


def recipient_of(entry: Mapping[str, str]) -> Recipient:
    """Return the recipient that an entry of a project file names: a notifier with its address first, then options."""
    notifier, *options = entry
    return Recipient(notifier=notifier, address=entry[notifier], options={name: entry[name] for name in options})


class MonitorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is watched at an endpoint.

    Args:
        window: The length of a window of event time: a duration such as `1d`, or calendar months such as `1mo`.
        lateness: How long after its end a window stays open for rows that come late.
        label: What the truth is called, for people.
        positive: Which truth is the positive class; true or 1 when left out.
        score: Which output of the model is its score; found by itself when left out.
        drift: When to tell of drift; None for never.
        performance: When to tell of performance; None for never.
        hysteresis: How alerts open and close.
        retrain: What starts a retraining; None for nothing.
        notify: Where alerts go.
    """

    window: str = "1d"
    lateness: str = "0s"
    label: str = ""
    positive: Scalar = None
    score: str = ""
    drift: DriftSettings | None = None
    performance: PerformanceSettings | None = None
    hysteresis: HysteresisSettings = HysteresisSettings()
    retrain: RetrainSettings | None = None
    notify: list[Recipient] = []
