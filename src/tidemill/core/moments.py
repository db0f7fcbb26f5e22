"""Moments are aware and in UTC; durations are written as people say them."""

import re
from datetime import UTC, datetime, timedelta

from tidemill.core.errors import InvalidInput

Moment = datetime

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidDuration(InvalidInput):
    """A text is not a duration."""

    code = "invalid_duration"


class NaiveMoment(InvalidInput):
    """A moment came without its time zone."""

    code = "naive_moment"


def utc_now() -> Moment:
    """Return the present moment."""
    return datetime.now(UTC)


def to_ms(moment: Moment) -> int:
    """Return whole milliseconds since the epoch.

    Raises:
        NaiveMoment: If the moment has no time zone.
    """
    return to_us(moment) // 1000


def to_us(moment: Moment) -> int:
    """Return microseconds since the epoch, exactly.

    Raises:
        NaiveMoment: If the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise NaiveMoment(f"{moment.isoformat()} has no time zone", hint="Give an aware moment, such as one in UTC.")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_ms(value: int) -> Moment:
    """Return the moment that many milliseconds after the epoch."""
    return _EPOCH + timedelta(milliseconds=value)


def from_us(value: int) -> Moment:
    """Return the moment that many microseconds after the epoch."""
    return _EPOCH + timedelta(microseconds=value)


def parse_duration(text: str) -> timedelta:
    """Return the duration that a text such as `90s`, `12h` or `1d 6h` names.

    Raises:
        InvalidDuration: If the text is anything else.
    """
    position, seconds = 0, 0.0
    while match := _DURATION.match(text, position):
        seconds += float(match[1]) * _SECONDS[match[2]]
        position = match.end()
    if position == 0 or position != len(text):
        raise InvalidDuration(
            f"{text!r} is not a duration", hint="Write a number and a unit: ms, s, m, h, d or w, such as '12h'."
        )
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise InvalidDuration(f"{text!r} is too long a duration", hint="Stay below a million days.") from None


def format_duration(duration: timedelta) -> str:
    """Return a duration as a person says it, in its two largest units."""
    seconds = duration.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    parts = []
    for unit in ("w", "d", "h", "m", "s"):
        whole = int(seconds // _SECONDS[unit])
        if whole:
            parts.append(f"{whole}{unit}")
            seconds -= whole * _SECONDS[unit]
    return " ".join(parts[:2])
