"""From values to places on an axis, and which values are worth a tick."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from tidemill.core.moments import from_ms
from tidemill.server.pages import words

_STEPS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)


@dataclass(frozen=True, slots=True)
class Tick:
    """A marked value of an axis."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values between two ends to thousandths of the drawing.

    Args:
        low: The value at the start.
        high: The value at the end.
        is_log: Whether equal distances are equal factors; the ends are above 0 then.
    """

    low: float
    high: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Return the place of a value; outside of the ends it stays at the nearer one."""
        if self.high == self.low:
            return 500.0
        low, high = self.low, self.high
        if self.is_log:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(value, low))
        return round(min(max((value - low) / (high - low), 0.0), 1.0) * 1000, 2)


def nice(low: float, high: float, most: int = 6) -> tuple[Scale, list[Tick]]:
    """Return a scale whose ends are round numbers around two values, with its ticks."""
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    if high - low <= abs(high) * 1e-9:
        pad = abs(high) * 0.1 or 1.0
        low, high = low - pad, high + pad
    step = _nice_step((high - low) / max(most - 1, 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    values = [float(f"{at * step:.12g}") for at in range(first, last + 1)]
    decimals = next((at for at in range(7) if abs(round(step, at) - step) < step * 1e-6), 7)
    return Scale(values[0], values[-1]), [Tick(value, _label(value, decimals)) for value in values]


def _nice_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1, 2, 2.5, 5, 10):
        if factor * power >= rough * (1 - 1e-9):
            return factor * power
    return 10 * power


def _label(value: float, decimals: int) -> str:
    size = abs(value)
    if size >= 1e6 and decimals == 0:
        return f"{value / 1e6:g}M"
    if size >= 1e4 and decimals == 0:
        return f"{value / 1e3:g}k"
    if decimals > 6:
        return f"{value:.1e}"
    return f"{value:.{decimals}f}".replace("-", words.MINUS)


def decades(low: float, high: float, most: int = 6) -> tuple[Scale, list[Tick]]:
    """Return a scale of powers of ten around two values above 0, with its ticks."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    step = -(-(last - first) // max(most - 1, 1))
    ticks = [Tick(10.0**power, _power(power)) for power in range(first, last + 1, step)]
    return Scale(10.0**first, 10.0**last, is_log=True), ticks


def _power(power: int) -> str:
    return f"{10.0**power:g}" if -4 <= power <= 4 else f"1e{power}".replace("-", words.MINUS)


def over_time(low_ms: float, high_ms: float, most: int = 6) -> tuple[Scale, list[Tick]]:
    """Return a scale of milliseconds since the epoch, with ticks at round moments in UTC."""
    if high_ms <= low_ms:
        low_ms, high_ms = low_ms - 1000, high_ms + 1000
    span_s = (high_ms - low_ms) / 1000
    step = next((each for each in _STEPS_S if span_s / each <= most), None)
    start, end = from_ms(int(low_ms)), from_ms(int(high_ms))
    moments = _by_months(start, end, most) if step is None else _by_seconds(start, end, step)
    ticks = [Tick(each.timestamp() * 1000, words.day_or_minute(each, span_s)) for each in moments]
    return Scale(low_ms, high_ms), ticks


def _by_seconds(start: datetime, end: datetime, step: int) -> list[datetime]:
    first = math.ceil(start.timestamp() / step) * step
    return [datetime.fromtimestamp(at, UTC) for at in range(first, int(end.timestamp()) + 1, step)]


def _by_months(start: datetime, end: datetime, most: int) -> list[datetime]:
    spanned = (end.year - start.year) * 12 + end.month - start.month + 1
    step = next((each for each in _MONTHS if spanned / each <= most), 240)
    first = start.year * 12 + start.month - 1
    months = range(-(-first // step) * step, end.year * 12 + end.month, step)
    found = [datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in months]
    return [each for each in found if start <= each <= end] or [start]
