"""When schedules tick."""

from datetime import datetime, timedelta
from typing import Protocol, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment, utc_now
from tidemill.workflows.errors import InvalidSchedule

croniter = lazy("croniter")

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_FIELDS = 5


def parse_cadence(cron: str, every_s: float, zone: str) -> str:
    """Return the six cron fields, seconds first, of a cadence given in either way.

    Raises:
        InvalidSchedule: If neither or both are given, or one cannot be kept.
    """
    if bool(cron) == bool(every_s):
        raise InvalidSchedule("A schedule needs either cron fields or a period", hint="Give `cron` or `every_s`.")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidSchedule(f"{zone!r} is not a time zone", hint="Use an IANA name such as Europe/Vienna.") from None
    if every_s:
        return _cron_of(every_s)
    fields = cron.split()
    six = " ".join(["0", *fields] if len(fields) == 5 else fields)
    if len(fields) not in (5, 6) or not croniter.croniter.is_valid(six, second_at_beginning=True):
        raise InvalidSchedule(
            f"{cron!r} is not a cron line", hint="Five fields: minute hour day month weekday, such as '0 3 * * *'."
        )
    try:
        due_after(six, zone, utc_now())
    except croniter.CroniterBadDateError:
        raise InvalidSchedule(f"{cron!r} never comes", hint="No month has that day: look at the third field.") from None
    return six


def parse_cron(text: str) -> str:
    """Return five cron fields if they name moments that come, in UTC.

    Raises:
        InvalidSchedule: If they do not.
    """
    if len(text.split()) != _FIELDS:
        raise InvalidSchedule(
            f"{text!r} is not a cron line", hint="Five fields: minute hour day month weekday, such as '0 3 * * *'."
        )
    parse_cadence(text, 0.0, "UTC")
    return " ".join(text.split())


def _cron_of(every_s: float) -> str:
    whole = int(every_s)
    if whole == every_s and whole > 0:
        if whole < _MINUTE and _MINUTE % whole == 0:
            return f"*/{whole} * * * * *"
        if whole < _HOUR and whole % _MINUTE == 0 and _HOUR % whole == 0:
            return f"0 */{whole // _MINUTE} * * * *"
        if whole <= _DAY and whole % _HOUR == 0 and _DAY % whole == 0:
            return "0 0 0 * * *" if whole == _DAY else f"0 0 */{whole // _HOUR} * * *"
    raise InvalidSchedule(
        f"A tick every {every_s:g} s cannot be kept on the clock",
        hint="Use whole seconds that divide a minute, an hour or a day evenly (5, 30, 300, 3600), or a cron line.",
    )


def due_after(cron: str, zone: str, moment: Moment) -> Moment:
    """Return the first tick after a moment."""
    return _walk(cron, zone, moment).get_next(datetime)


def due_before(cron: str, zone: str, moment: Moment) -> Moment:
    """Return the last tick at or before a moment."""
    return _walk(cron, zone, moment + timedelta(microseconds=1)).get_prev(datetime)


class _Walk(Protocol):
    def get_next(self, kind: type[datetime]) -> datetime: ...

    def get_prev(self, kind: type[datetime]) -> datetime: ...


def _walk(cron: str, zone: str, moment: Moment) -> _Walk:
    walk = croniter.croniter(cron, moment.astimezone(ZoneInfo(zone)), second_at_beginning=True)
    return cast("_Walk", walk)
