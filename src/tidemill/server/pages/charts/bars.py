"""Bars: histograms of columns, lists of values by size, and shares that make up a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from tidemill.core.moments import from_ms
from tidemill.server.pages import words
from tidemill.server.pages.charts.figure import Frame, Hover, across, down, figure, numbers_table
from tidemill.server.pages.charts.scales import nice, over_time


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows between two values."""

    low: float
    high: float
    rows: float


@dataclass(frozen=True, slots=True)
class Share:
    """Part of a whole."""

    name: str
    value: float
    tone: str
    href: str = ""


def histogram(bins: Sequence[Bin], label: str, *, most: int = 28) -> Markup:
    """Return the shape of a column: bins of equal width, made from bins of any width.

    Args:
        bins: Bins of any width, in order; a bin without width is a single value.
        label: What is shown, for who does not see it.
        most: How many bars.
    """
    known = [each for each in bins if each.rows > 0]
    if not known:
        return Markup('<p class="quiet">no values</p>')
    heights, low, high = even_bins(known, most)
    top = max(heights)
    width = 1000 / len(heights)
    gap = min(width * 0.12, 6)
    rects = Markup("").join(
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            at * width + gap / 2, 1000 - max(rows / top * 1000, 12), width - gap, max(rows / top * 1000, 12)
        )
        for at, rows in enumerate(heights)
        if rows > 0
    )
    return Markup(
        '<svg class="histogram" role="img" aria-label="{}: from {} to {}" viewBox="0 0 1000 1000" '
        'preserveAspectRatio="none">{}</svg>'
    ).format(words.visible(label), words.number(low), words.number(high), rects)


def even_bins(bins: Sequence[Bin], most: int) -> tuple[list[float], float, float]:
    """Return rows in bars of equal width over the middle of the values, so that one far value does not flatten all."""
    exact = _one_bar_a_value(bins)
    if exact:
        return exact, bins[0].low, bins[-1].high
    low, high = _middle(bins)
    if high <= low:
        return [sum(each.rows for each in bins)], low, high
    return rows_in(bins, low, high, most), low, high


def rows_in(bins: Sequence[Bin], low: float, high: float, most: int) -> list[float]:
    """Return rows in bars of equal width between two values; what lies outside goes to the outer bars."""
    bars = [0.0] * most
    width = (high - low) / most
    for each in bins:
        if each.high <= each.low:
            bars[_bar(each.low, low, width, most)] += each.rows
            continue
        first, last = _bar(each.low, low, width, most), _bar(each.high, low, width, most)
        for at in range(first, last + 1):
            start = each.low if at == 0 else max(each.low, low + at * width)
            end = each.high if at == most - 1 else min(each.high, low + (at + 1) * width)
            bars[at] += each.rows * max(end - start, 0.0) / (each.high - each.low)
    return bars


def _one_bar_a_value(bins: Sequence[Bin], most: int = 60) -> list[float]:
    """Return a bar for each step between few single values, such as hours; nothing when that would be too many."""
    if len(bins) < 2 or any(each.high > each.low for each in bins):
        return []
    step = min(after.low - before.low for before, after in pairwise(bins))
    span = bins[-1].low - bins[0].low
    if step * most <= span:
        return []
    bars = [0.0] * (round(span / step) + 1)
    for each in bins:
        bars[min(round((each.low - bins[0].low) / step), len(bars) - 1)] += each.rows
    return bars


def _bar(value: float, low: float, width: float, most: int) -> int:
    return min(max(int((value - low) / width), 0), most - 1)


def _middle(bins: Sequence[Bin]) -> tuple[float, float]:
    total = sum(each.rows for each in bins)
    low, high, seen = bins[0].low, bins[-1].high, 0.0
    for each in bins:
        seen += each.rows
        if seen >= total * 0.002:
            low = each.low
            break
    seen = 0.0
    for each in reversed(bins):
        seen += each.rows
        if seen >= total * 0.002:
            high = each.high
            break
    return low, high


def value_bars(values: Sequence[tuple[str, float]], total: float, *, unit: str = "rows") -> Markup:
    """Return values by size, each with its bar, its count and its share of a total."""
    largest = max((size for _, size in values), default=0) or 1
    rows = Markup("").join(
        Markup(
            '<li><span class="name" title="{0}"><bdi>{0}</bdi></span>'
            '<span class="bar"><i style="width:{1:.1f}%"></i></span><span class="num" title="{2} {3}">{4}</span></li>'
        ).format(
            words.visible(name) or "(empty)",
            size / largest * 100,
            words.number(size),
            unit,
            words.percent(size / total if total else 0),
        )
        for name, size in values
    )
    return Markup('<ul class="bars">{}</ul>').format(rows)


def share_bar(shares: Sequence[Share], label: str) -> Markup:
    """Return one bar, divided."""
    total = sum(share.value for share in shares) or 1
    parts = Markup("").join(
        Markup('<span class="tone-{}" style="flex-grow:{:.4f}" title="{}: {}"></span>').format(
            share.tone, share.value / total, words.visible(share.name), words.percent(share.value / total)
        )
        for share in shares
        if share.value > 0
    )
    return Markup('<div class="share" role="img" aria-label="{}">{}</div>').format(words.visible(label), parts)


def stacked_shares(
    frame: Frame, starts: Sequence[float], series: Sequence[tuple[str, str, Sequence[float]]], *, unit: str = ""
) -> Markup:
    """Return bars over time, each divided by series.

    Args:
        frame: The figure's words.
        starts: When each bar begins, in milliseconds since the epoch, in order.
        series: The name, tone and values of each series.
        unit: Of the values.
    """
    if not starts:
        return Markup('<p class="quiet">Nothing to draw yet: {}.</p>').format(frame.title)
    totals = [sum(values[at] for _, _, values in series) for at in range(len(starts))]
    step = min((b - a for a, b in pairwise(starts)), default=86_400_000.0)
    x_scale, x_marks = over_time(starts[0], starts[-1] + step)
    y_scale, y_marks = nice(0, max(totals) or 1, 4)
    width = x_scale.at(starts[0] + step) - x_scale.at(starts[0])
    drawing, base = [], [0.0] * len(starts)
    for _, tone, values in series:
        for at, value in enumerate(values):
            if value > 0:
                top, bottom = y_scale.at(base[at] + value), y_scale.at(base[at])
                drawing.append(_block(tone, x_scale.at(starts[at]), width, top, bottom))
                base[at] += value
    hovers = [
        Hover(
            x_scale.at(start + step / 2),
            words.day_or_minute(from_ms(int(start)), max(starts[-1] - starts[0], step) / 1000),
            tuple(
                (words.visible(name), tone, f"{words.number(values[at])}{unit}")
                for name, tone, values in series
                if values[at]
            ),
        )
        for at, start in enumerate(starts)
    ]
    table = numbers_table(
        ["from", *(name for name, _, _ in series)],
        [
            [from_ms(int(start)).strftime("%Y-%m-%d %H:%M UTC"), *(words.number(values[at]) for _, _, values in series)]
            for at, start in enumerate(starts)
        ],
    )
    return figure(
        frame,
        drawing,
        x_ticks=across(x_scale, x_marks),
        y_ticks=down(y_scale, y_marks),
        legend=[(tone, name) for name, tone, _ in series],
        hovers=hovers,
        table=table,
    )


def _block(tone: str, left: float, width: float, top: float, bottom: float) -> Markup:
    gap = min(width * 0.1, 3)
    return Markup('<rect class="block tone-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        tone, left + gap / 2, 1000 - top, max(width - gap, 1), max(top - bottom, 1)
    )
