"""Many looks and many columns: how often may all of them together be wrong."""

import re
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from tidemill.checks.errors import InvalidParam
from tidemill.core.moments import InvalidDuration, parse_duration
from tidemill.core.names import shown

_BUDGET = re.compile(r"\s*(\d+(?:\.\d+)?)\s+per\s+(.+?)\s*")
_HIGHEST_LEVEL = 0.5


class AlarmBudget(msgspec.Struct, frozen=True, kw_only=True):
    """How many false alarms are acceptable in how much time.

    Args:
        alarms: The mean number of windows with a false alarm.
        per: The time in which they may happen.
    """

    alarms: float
    per: timedelta


def parse_alarm_budget(text: str) -> AlarmBudget:
    """Return the budget that a text such as `1 per 90d` names.

    Raises:
        InvalidParam: If the text is anything else.
    """
    hint = "Write a number and a duration, such as '1 per 90d'."
    match = _BUDGET.fullmatch(text)
    if not match or float(match[1]) <= 0:
        raise InvalidParam(f"{shown(text)} is not a rate of false alarms", hint=hint)
    try:
        per = parse_duration(match[2])
    except InvalidDuration as error:
        raise InvalidParam(f"{shown(text)} is not a rate of false alarms: {error.message}", hint=hint) from error
    if per <= timedelta(0):
        raise InvalidParam(f"{shown(text)} has no time in it", hint=hint)
    return AlarmBudget(alarms=float(match[1]), per=per)


def level_per_window(budget: AlarmBudget | str, window: timedelta) -> float:
    """Return the chance of a false alarm that one window may have so that the budget holds.

    The mean number of false alarms in the budget's time is the number of windows times this chance, whether or
    not the windows overlap or depend on each other. It is never above one half: a coin is not a test.

    Args:
        budget: The budget, or its text such as `1 per 90d`.
        window: The time from one judgement to the next.

    Raises:
        InvalidParam: If the budget or the window is not positive.
    """
    allowed = parse_alarm_budget(budget) if isinstance(budget, str) else budget
    if window <= timedelta(0):
        raise InvalidParam("The window has no length", hint="Give the time from one judgement to the next.")
    return min(_HIGHEST_LEVEL, allowed.alarms * (window / allowed.per))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that the chance of any false alarm among them stays below the level.

    Source:
        Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
    """
    count = len(p_values)
    adjusted = [1.0] * count
    running = 0.0
    for rank, index in enumerate(sorted(range(count), key=p_values.__getitem__)):
        running = max(running, (count - rank) * p_values[index])
        adjusted[index] = min(1.0, running)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that the mean share of false ones among the alarms stays below the level.

    Source:
        Benjamini and Hochberg, Controlling the false discovery rate, JRSS B 57 (1995).
    """
    count = len(p_values)
    adjusted = [1.0] * count
    running = 1.0
    for rank, index in enumerate(sorted(range(count), key=p_values.__getitem__, reverse=True)):
        running = min(running, p_values[index] * count / (count - rank))
        adjusted[index] = running
    return adjusted
