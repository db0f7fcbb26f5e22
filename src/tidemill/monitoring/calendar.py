"""Windows of event time: of one length from the epoch on, or calendar months, in UTC."""

import re
from datetime import UTC, datetime, timedelta

import msgspec

from tidemill.core.errors import InvalidInput
from tidemill.core.moments import InvalidDuration, Moment, parse_duration

_MONTHS = re.compile(r"\s*(\d+)\s*mo\s*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST = timedelta(seconds=1)
_MEAN_MONTH = timedelta(days=365.2425 / 12)


class InvalidWindow(InvalidInput):
    """A text is not the length of a window."""

    code = "invalid_window"


class Calendar(msgspec.Struct, frozen=True):
    """How time is cut into windows.

    Args:
        months: The number of calendar months of each; 0 for windows of one length.
        length: That length; for months their mean length.
    """

    months: int
    length: timedelta

    def start_of(self, moment: Moment) -> Moment:
        """Return the first moment of the window that holds a moment."""
        if not self.months:
            return _EPOCH + (moment - _EPOCH) // self.length * self.length
        at = moment.astimezone(UTC)
        return _month((at.year * 12 + at.month - 1) // self.months * self.months)

    def end_of(self, start: Moment) -> Moment:
        """Return the moment after the last one of the window that starts there."""
        if not self.months:
            return start + self.length
        return _month(start.year * 12 + start.month - 1 + self.months)

    def starts_between(self, first: Moment, last: Moment) -> list[Moment]:
        """Return the starts of the windows that hold a moment of a stretch, both ends included."""
        start, starts = self.start_of(first), []
        while start <= last:
            starts.append(start)
            start = self.end_of(start)
        return starts


def _month(number: int) -> Moment:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def parse_window(text: str) -> Calendar:
    """Return the calendar that a text such as `1d`, `12h` or `1mo` names.

    Windows of one length begin at multiples of it since 1 January 1970, a Thursday.

    Raises:
        InvalidWindow: If the text is anything else, or under a second.
    """
    hint = "Write a duration such as '1d' or '12h', or calendar months such as '1mo'."
    if match := _MONTHS.fullmatch(text):
        months = int(match[1])
        if not 1 <= months <= 120:
            raise InvalidWindow(f"A window of {months} months is not possible", hint=hint)
        return Calendar(months=months, length=months * _MEAN_MONTH)
    try:
        length = parse_duration(text)
    except InvalidDuration as error:
        raise InvalidWindow(f"{text!r} is not the length of a window", hint=hint) from error
    if length < _SHORTEST:
        raise InvalidWindow(f"A window of {text} is too short", hint="Use a second or more.")
    return Calendar(months=0, length=length)
