"""How the values of a column lie: bars with axes, and two versions of a column over one another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from markupsafe import Markup

from tidemill.server.pages import words
from tidemill.server.pages.charts.bars import Bin, even_bins, rows_in
from tidemill.server.pages.charts.figure import Frame, Hover, across, down, figure, numbers_table
from tidemill.server.pages.charts.scales import Scale, Tick, nice, over_time

_BARS = 48
_MOST_SINGLE = 60


@dataclass(frozen=True, slots=True)
class Shape:
    """The bins of a column in one table, in order."""

    name: str
    tone: str
    bins: Sequence[Bin]


def distribution(
    frame: Frame, shapes: Sequence[Shape], told: Callable[[float], str], *, is_time: bool = False
) -> Markup:
    """Return bars of equal width over the middle of the values; with several shapes shares, the later ones as lines.

    Args:
        frame: The figure's words.
        shapes: One table, or several to compare.
        told: How a value is written.
        is_time: Whether values are seconds since the epoch.
    """
    kept = [replace(each, bins=[bin_ for bin_ in each.bins if bin_.rows > 0]) for each in shapes]
    kept = [each for each in kept if each.bins]
    if not kept:
        return Markup('<p class="quiet">no values</p>')
    low, high, bars = span(kept)
    heights = [rows_in(each.bins, low, high, bars) for each in kept]
    if len(kept) > 1:
        heights = [[rows / sum(side) for rows in side] for side in heights]
    width = (high - low) / bars
    x_scale = Scale(low, high)
    y_scale, y_marks = nice(0, max(max(side) for side in heights), 4)
    drawing = [_blocks(kept[0].tone, [y_scale.at(rows) for rows in heights[0]])]
    drawing += [
        _outline(each.tone, [y_scale.at(rows) for rows in side])
        for each, side in zip(kept[1:], heights[1:], strict=True)
    ]
    write: Callable[[float], str] = words.percent if len(kept) > 1 else words.count
    labels = [f"{told(low + at * width)} to {told(low + (at + 1) * width)}" for at in range(bars)]
    hovers = [
        Hover(
            (at + 0.5) / bars * 1000,
            labels[at],
            tuple((each.name, each.tone, write(side[at])) for each, side in zip(kept, heights, strict=True)),
        )
        for at in range(bars)
    ]
    return figure(
        frame,
        drawing,
        x_ticks=across(x_scale, _marks(low, high, is_time=is_time, is_whole=width == 1)),
        y_ticks=[
            (place, words.percent(mark.value) if len(kept) > 1 else text)
            for (place, text), mark in zip(down(y_scale, y_marks), y_marks, strict=True)
        ],
        legend=[(each.tone, each.name) for each in kept] if len(kept) > 1 else (),
        hovers=hovers,
        table=numbers_table(
            ["values", *(each.name for each in kept)],
            [[label, *(write(side[at]) for side in heights)] for at, label in enumerate(labels)],
        ),
    )


def small_pair(before: Sequence[Bin], after: Sequence[Bin], label: str) -> Markup:
    """Return the shapes of a column in two tables, without axes: bars, and a line over them."""
    shapes = [
        Shape("", "", [each for each in before if each.rows > 0]),
        Shape("", "", [each for each in after if each.rows > 0]),
    ]
    known = [each for each in shapes if each.bins]
    if not known:
        return Markup('<p class="quiet">no values</p>')
    low, high, bars = span(known)
    sides = [rows_in(each.bins, low, high, bars) if each.bins else [0.0] * bars for each in shapes]
    shares = [[rows / (sum(side) or 1) for rows in side] for side in sides]
    top = max(max(side) for side in shares) or 1
    first, second = ([share / top * 1000 for share in side] for side in shares)
    return Markup(
        '<svg class="histogram pair" role="img" aria-label="{}" viewBox="0 0 1000 1000" '
        'preserveAspectRatio="none">{}{}</svg>'
    ).format(words.visible(label), _blocks("6", first), _outline("1", second))


def span(shapes: Sequence[Shape]) -> tuple[float, float, int]:
    """Return the ends and the number of bars that show all shapes."""
    bins = [each for shape in shapes for each in shape.bins]
    values = sorted({each.low for each in bins}) if all(each.high <= each.low for each in bins) else []
    if len(values) > 1:
        step = min(after - before for before, after in pairwise(values))
        if step * _MOST_SINGLE > values[-1] - values[0]:
            bars = round((values[-1] - values[0]) / step) + 1
            return values[0] - step / 2, values[0] + (bars - 0.5) * step, bars
    ends = [even_bins(shape.bins, _BARS)[1:] for shape in shapes]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    return (low, high, _BARS) if high > low else (low - 0.5, high + 0.5, 1)


def _marks(low: float, high: float, *, is_time: bool, is_whole: bool) -> list[Tick]:
    if is_time:
        return [replace(tick, value=tick.value / 1000) for tick in over_time(low * 1000, high * 1000)[1]]
    ticks = [tick for tick in nice(low, high)[1] if low <= tick.value <= high]
    whole = [replace(tick, label=words.number(tick.value)) for tick in ticks if tick.value == int(tick.value)]
    return whole if is_whole and len(whole) > 1 else ticks


def _blocks(tone: str, heights: Sequence[float]) -> Markup:
    width = 1000 / len(heights)
    gap = min(width * 0.12, 6)
    return Markup("").join(
        Markup('<rect class="block tone-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            tone, at * width + gap / 2, 1000 - max(height, 6), width - gap, max(height, 6)
        )
        for at, height in enumerate(heights)
        if height > 0
    )


def _outline(tone: str, heights: Sequence[float]) -> Markup:
    width = 1000 / len(heights)
    steps = "".join(f"V{1000 - height:.1f}H{(at + 1) * width:.1f}" for at, height in enumerate(heights))
    return Markup('<path class="line step tone-{}" d="M0 1000{}V1000"/>').format(tone, steps)
