"""What is allowed and what follows: alerts with hysteresis, triggers within their budget."""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import Enum, auto

import msgspec

from tidemill.checks.multiplicity import parse_alarm_budget
from tidemill.checks.performance.catalogue import find_metric
from tidemill.core.errors import Conflict, InvalidInput, NotFound
from tidemill.core.moments import Moment, format_duration, parse_duration
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.monitoring.calendar import parse_window
from tidemill.monitoring.records import Trigger, TriggerState
from tidemill.monitoring.settings import HysteresisSettings, MonitorSettings, RetrainSettings
from tidemill.workflows.cadence import parse_cron

CAUSES = ("drift", "performance", "new_data", "schedule", "manual")
CRON = "cron:"
MOST_FEEDBACK = 1_000_000
LONGEST_ID = 200
LONGEST_TRUTH = 1000
_BUDGET = re.compile(r"\s*(\d+)\s+runs?\s+per\s+(.+?)\s*")


class InvalidMonitor(InvalidInput):
    """A monitor's settings cannot be meant."""

    code = "invalid_monitor"


class InvalidFeedback(InvalidInput):
    """A truth cannot be taken."""

    code = "invalid_feedback"


class PredictionNotFound(NotFound):
    """No captured prediction has that id."""

    code = "prediction_not_found"


class AlertNotFound(NotFound):
    """There is no such alert."""

    code = "alert_not_found"


class TriggerNotFound(NotFound):
    """There is no such trigger."""

    code = "trigger_not_found"


class TriggerSettled(Conflict):
    """The outcome of a trigger was told already, and differently."""

    code = "trigger_settled"


class InvalidReferenceSource(InvalidInput):
    """A text names no rows that a reference can be made from."""

    code = "invalid_reference_source"


class MonitorReferenceMissing(NotFound):
    """A model version has no reference."""

    code = "monitor_reference_missing"


def check_settings(settings: MonitorSettings) -> MonitorSettings:
    """Return the settings of a monitor if they can be meant.

    Raises:
        InvalidInput: If a value of them cannot.
    """
    parse_window(settings.window)
    parse_duration(settings.lateness)
    if settings.drift:
        parse_alarm_budget(settings.drift.false_alarms)
        if settings.drift.reference != "training":
            raise InvalidMonitor(f"The reference is {settings.drift.reference!r}", hint="Only 'training' is possible.")
        if not 0 < settings.drift.tolerance < 1:
            raise InvalidMonitor(f"The tolerance is {settings.drift.tolerance:g}", hint="Give a distance in 0 to 1.")
    if settings.performance:
        find_metric(settings.performance.metric)
        parse_duration(settings.performance.label_delay)
        if not 0 < settings.performance.confidence < 1:
            raise InvalidMonitor(
                f"The confidence is {settings.performance.confidence:g}", hint="Give a share in 0 to 1, such as 0.9."
            )
        if settings.performance.scale <= 0:
            raise InvalidMonitor(f"The scale is {settings.performance.scale:g}", hint="Give a number above 0.")
    if min(settings.hysteresis.open_after, settings.hysteresis.close_after) < 1:
        raise InvalidMonitor("An alert opens and closes after at least one window", hint="Give 1 or more.")
    if settings.retrain:
        _check_retrain(settings.retrain)
    return settings


def _check_retrain(settings: RetrainSettings) -> None:
    parse_duration(settings.cooldown)
    parse_budget(settings.budget)
    for cause in settings.on:
        check_cause(cause)


def check_cause(text: str) -> None:
    """Let a text pass that may stand among the causes of a retraining.

    Raises:
        InvalidMonitor: If it is none.
        InvalidSchedule: If it is a cron line that cannot be kept.
    """
    if text.startswith(CRON):
        parse_cron(text.removeprefix(CRON))
    elif text not in CAUSES:
        hint = did_you_mean(text, [*CAUSES, f"{CRON} 0 3 * * *"])
        raise InvalidMonitor(f"{shown(text)} is not a cause of retraining", hint=hint)


def crons_of(settings: RetrainSettings | None) -> list[str]:
    """Return the cron lines among the causes of a retraining, each once."""
    causes = settings.on if settings else []
    return list(dict.fromkeys(parse_cron(each.removeprefix(CRON)) for each in causes if each.startswith(CRON)))


def parse_budget(text: str) -> tuple[int, timedelta] | None:
    """Return the number of runs and the time that a text such as `20 runs per 30d` names; None for no limit.

    Raises:
        InvalidMonitor: If the text is anything else.
    """
    if not text.strip():
        return None
    match = _BUDGET.fullmatch(text)
    if not match:
        raise InvalidMonitor(f"{text!r} is not a budget", hint="Write one such as '20 runs per 30d'.")
    return int(match[1]), parse_duration(match[2])


class Mood(Enum):
    """What a judged window says to an alert; one that is neither good nor bad leaves it as it is."""

    GOOD = auto()
    NEUTRAL = auto()
    BAD = auto()


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """A run of bad windows.

    Args:
        first: Start of the first bad one.
        last: Start of the last bad one.
        bad: How many there were.
        is_open: Whether it goes on.
    """

    first: Moment
    last: Moment
    bad: int
    is_open: bool


def latest_episode(moods: Iterable[tuple[Moment, Mood]], settings: HysteresisSettings) -> Episode | None:
    """Return the latest run of bad windows that opened an alert; None when none did.

    Args:
        moods: Each judged window's start and what it says, oldest first.
        settings: How many windows open and close.
    """
    found: Episode | None = None
    run: list[Moment] = []
    good = 0
    for start, mood in moods:
        if found is not None and found.is_open:
            if mood is Mood.BAD:
                found, good = msgspec.structs.replace(found, last=start, bad=found.bad + 1), 0
            elif mood is Mood.GOOD:
                good += 1
                if good >= settings.close_after:
                    found, run = msgspec.structs.replace(found, is_open=False), []
            continue
        if mood is Mood.GOOD:
            run = []
        elif mood is Mood.BAD:
            run.append(start)
            if len(run) >= settings.open_after:
                found, good = Episode(first=run[0], last=start, bad=len(run), is_open=True), 0
    return found


def why_suppressed(
    cause: str,
    moment: Moment,
    history: Sequence[Trigger],
    settings: RetrainSettings,
    *,
    clock: Moment | None = None,
) -> str:
    """Return why a trigger is not to be followed; an empty text when it is.

    Args:
        cause: What fires it; one fired by hand waits for nothing but a retraining that is under way.
        moment: The time of the data.
        history: The endpoint's triggers, newest first.
        settings: Cool-down, budget, and when to stop.
        clock: The present. Time has passed when the data says so or the clock does: a replay's data runs ahead of the
            clock, and where nobody asks the model for a week, the data stands still.
    """

    def since(trigger: Trigger) -> timedelta:
        by_data = moment - trigger.moment
        return by_data if clock is None else max(by_data, clock - trigger.created_at)

    followed = [trigger for trigger in history if trigger.state is not TriggerState.SUPPRESSED]
    underway = [trigger for trigger in followed if trigger.state in {TriggerState.PENDING, TriggerState.STARTED}]
    if underway:
        return f"a retraining is under way (trigger {underway[0].id})"
    if cause == "manual":
        return ""
    cooldown = parse_duration(settings.cooldown)
    if followed and since(followed[0]) < cooldown:
        ago = format_duration(max(timedelta(0), since(followed[0])))
        return f"the last one was {ago or 'less than a second'} ago and the cool-down is {settings.cooldown}"
    budget = parse_budget(settings.budget)
    if budget is not None:
        used = sum(since(trigger) < budget[1] for trigger in followed)
        if used >= budget[0]:
            return f"the budget of {settings.budget} is used up"
    last = [trigger for trigger in followed if trigger.state is not TriggerState.FAILED][: settings.stop_after]
    is_idle = len(last) == settings.stop_after and all(trigger.state is TriggerState.NO_HELP for trigger in last)
    if settings.stop_after and is_idle:
        return f"the last {settings.stop_after} retrainings did not help; fire one by hand to go on"
    return ""
