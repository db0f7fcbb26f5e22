"""How values are written on pages: numbers with their unit, moments, identifiers, and text of any origin."""

import math
import re
from datetime import datetime, timedelta

from markupsafe import Markup

from tidemill.core.moments import Moment, format_duration, utc_now

NOTHING = "\u2013"
MINUS = "\u2212"
_NOTHING = Markup("\u2013")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_PLAIN_WORD = re.compile(r"[a-z]+([ ,.;:]|$)")
_LONG_HEX = re.compile(r"\b([0-9a-f]{32}|[0-9a-f]{64})\b")
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
_SHORT_ID = 8


def visible(text: str) -> str:
    """Return a text in which control characters, direction marks and half surrogates are seen and do nothing."""
    return _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def clip(value: object, longest: int = 200) -> str:
    """Return a text, cut at a length."""
    text = NOTHING if value is None else str(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def count(value: float | None) -> str:
    """Return a whole number with its thousands apart, as sentences and the command line write it."""
    return NOTHING if value is None else f"{value:,.0f}"


def number(value: object, digits: int = 4) -> str:
    """Return a number as a person reads it: four significant digits, whole ones in full; other values as text."""
    if value is None:
        return NOTHING
    if isinstance(value, bool) or not isinstance(value, int | float):
        return visible(str(value))
    return _finite(float(value), digits).replace("-", MINUS) if math.isfinite(value) else _not_finite(value)


def shortest(value: float) -> str:
    """Return a number that stands by itself: as `number` does, without zeros that only fill up."""
    text = number(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _finite(value: float, digits: int) -> str:
    size = abs(value)
    if size >= 1e15:
        return f"{value:.3e}"
    if size >= 10_000 or value == int(value):
        return count(value)
    if size < 1e-4:
        return f"{value:.2e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    return f"{value:.{min(decimals, digits + 2)}f}"


def _not_finite(value: float) -> str:
    return "not a number" if math.isnan(value) else f"{'+' if value > 0 else MINUS}∞"


def fixed(value: float | None, decimals: int = 3) -> str:
    """Return a number with as many decimals as its neighbours, so that a column lines up."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.{decimals}f}".replace("-", MINUS)


def percent(value: float | None, decimals: int | None = None) -> str:
    """Return a share as a percentage."""
    if value is None or not math.isfinite(value):
        return NOTHING
    hundred = value * 100
    if 0 < hundred < 0.01:
        return "< 0.01\u202f%"
    if decimals is None:
        decimals = 0 if hundred in {0.0, 100.0} or abs(hundred) >= 10 else 1 if abs(hundred) >= 1 else 2
    return f"{hundred:.{decimals}f}\u202f%"


def size(value: float | None) -> str:
    """Return bytes in the unit that suits them."""
    if value is None:
        return NOTHING
    left, at = float(value), 0
    while left >= 1024 and at < len(_SIZES) - 1:
        left, at = left / 1024, at + 1
    return f"{left:.0f}\u202f{_SIZES[at]}" if at == 0 or left >= 100 else f"{left:.1f}\u202f{_SIZES[at]}"


def millis(value: float | None) -> str:
    """Return milliseconds."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.2f}\u202fms" if value < 10 else f"{value:.0f}\u202fms"


def seconds(value: float | None) -> str:
    """Return a time span in its two largest units."""
    if value is None:
        return NOTHING
    if value < 1:
        return f"{value * 1000:.0f}\u202fms"
    if value < 10:
        return f"{value:.1f}\u202fs"
    return format_duration(timedelta(seconds=value))


def between(start: Moment | None, end: Moment | None) -> str:
    """Return how long something took, until now if it goes on."""
    return NOTHING if start is None else seconds(((end or utc_now()) - start).total_seconds())


def moment(value: Moment | None, style: str = "full") -> Markup:
    """Return a moment for the reader's clock: UTC in the title and without scripts, local time with them.

    Args:
        value: When.
        style: `full`, `day`, or `ago` for a distance to now.
    """
    if value is None:
        return _NOTHING
    stamp = value.isoformat().replace("+00:00", "Z")
    title = value.strftime("%Y-%m-%d %H:%M:%S UTC")
    text = value.strftime("%Y-%m-%d") if style == "day" else value.strftime("%Y-%m-%d %H:%M UTC")
    if style == "ago":
        text = ago(value)
    return Markup('<time datetime="{}" title="{}" data-style="{}">{}</time>').format(stamp, title, style, text)


def ago(value: Moment, now: Moment | None = None) -> str:
    """Return how long ago a moment was, in its largest unit."""
    apart = ((now or utc_now()) - value).total_seconds()
    if -1 < apart < 5:
        return "just now"
    text = format_duration(timedelta(seconds=round(abs(apart)))).partition(" ")[0]
    return f"{text} ago" if apart > 0 else f"in {text}"


def ident(value: str | None) -> Markup:
    """Return an identifier or digest: short, the whole of it in the title, with a button that copies it."""
    if not value:
        return _NOTHING
    whole = visible(value)
    short = whole if len(whole) <= _SHORT_ID + 2 else f"{whole[:4]}…{whole[-_SHORT_ID + 2 :]}"
    return Markup(
        '<span class="ident"><code title="{0}">{1}</code><button type="button" class="copy" data-copy="{0}" '
        'aria-label="Copy {0}" hidden></button></span>'
    ).format(whole, short)


def day_or_minute(value: datetime, span_s: float) -> str:
    """Return a label of an axis of time, as fine as its span asks for."""
    if span_s > 3 * 365 * 86400:
        return value.strftime("%Y")
    if span_s > 120 * 86400:
        return value.strftime("%b %Y")
    if span_s > 2 * 86400:
        return value.strftime("%d %b")
    return value.strftime("%H:%M") if span_s > 300 else value.strftime("%H:%M:%S")


def shown_text(value: object) -> Markup:
    """Return a text of any origin, isolated from its neighbours in direction and safe in HTML."""
    return Markup("<bdi>{}</bdi>").format(visible(str(value)))


def brief(value: object) -> Markup:
    """Return a text with its identifiers and digests short, the whole of each in its title."""
    parts = _LONG_HEX.split(visible(str(value)))
    return Markup("<bdi>{}</bdi>").format(Markup("").join(_short_hex(at, part) for at, part in enumerate(parts)))


def told(value: object) -> Markup:
    """Return a message as `brief` does, beginning as a sentence does."""
    text = str(value)
    return brief(text[:1].upper() + text[1:] if _PLAIN_WORD.match(text) else text)


def _short_hex(at: int, part: str) -> Markup:
    if at % 2 == 0:
        return Markup("{}").format(part)
    return Markup('<code title="{}">{}…{}</code>').format(part, part[:4], part[-6:])
