"""Lines over steps or time, with the band of their interval; and the small one without axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from tidemill.core.moments import from_ms
from tidemill.server.pages import words
from tidemill.server.pages.charts.figure import Frame, Hover, across, down, figure, numbers_table
from tidemill.server.pages.charts.scales import Scale, Tick, decades, nice, over_time

MOST_POINTS = 800
_FEW_STEPS = 6


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a place, with the ends of its interval where it has one, and a tone of its own."""

    x: float
    y: float | None
    low: float | None = None
    high: float | None = None
    tone: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A named series; a faint one lies under another that tells its values, such as the smoothed one."""

    name: str
    points: Sequence[Point]
    tone: str = "1"
    dots: bool = False
    is_faint: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line at a value, such as a threshold."""

    value: float
    label: str
    tone: str = "idle"


@dataclass(frozen=True, slots=True)
class Axes:
    """How the axes of lines are drawn.

    Args:
        is_time: Whether x is milliseconds since the epoch.
        unit: Of y, written after each value that is read.
        low: The smallest y that is shown at least.
        high: The largest.
        x_name: What x is, for the table.
        rules: Horizontal lines.
        is_log: Whether equal distances of y are equal factors; values that are not above 0 are left out.
    """

    is_time: bool = False
    unit: str = ""
    low: float | None = None
    high: float | None = None
    x_name: str = "step"
    rules: Sequence[Rule] = field(default_factory=tuple)
    is_log: bool = False


def line_chart(frame: Frame, lines: Sequence[Line], axes: Axes = Axes()) -> Markup:
    """Return lines with bands; an empty note when there is nothing to draw."""
    lines = [replace(line, points=thinned(_drawable(line.points, axes))) for line in lines]
    points = [point for line in lines for point in line.points if _has(point.y)]
    if not points:
        return Markup('<p class="quiet">Nothing to draw yet: {}.</p>').format(frame.title)
    xs = [point.x for point in points]
    ys = [y for point in points for y in (point.y, point.low, point.high) if _has(y) and y is not None]
    ys += [rule.value for rule in axes.rules]
    ys += [end for end in (axes.low, axes.high) if end is not None]
    x_scale, x_marks = over_time(min(xs), max(xs)) if axes.is_time else nice_steps(min(xs), max(xs))
    y_scale, y_marks = decades(min(ys), max(ys)) if axes.is_log else nice(min(ys), max(ys))
    told = [line for line in lines if not line.is_faint]
    drawing = [_rule(rule, y_scale) for rule in axes.rules]
    for line in lines:
        drawing += [_band(line, x_scale, y_scale), _path(line, x_scale, y_scale), _dots(line, x_scale, y_scale)]
    return figure(
        frame,
        drawing,
        x_ticks=across(x_scale, x_marks),
        y_ticks=down(y_scale, y_marks),
        notes=[(1000 - y_scale.at(rule.value), rule.label) for rule in axes.rules],
        legend=[(line.tone, line.name) for line in told] if len(told) > 1 else [],
        hovers=_hovers(told, x_scale, axes),
        table=_table(told, axes),
    )


def nice_steps(low: float, high: float) -> tuple[Scale, list]:  # type: ignore[type-arg]  # of ticks, as nice gives
    """Return a scale of steps that ends where the steps end."""
    if low == high:
        return nice(low - 1, high + 1)
    if low == int(low) and high == int(high) and high - low <= _FEW_STEPS:
        return Scale(low, high), [Tick(value, str(value)) for value in range(int(low), int(high) + 1)]
    _, ticks = nice(low, high, 6)
    return Scale(low, high), [tick for tick in ticks if low <= tick.value <= high]


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """Return at most so many points that the line looks the same: the smallest and the largest of each stretch."""
    if len(points) <= most:
        return list(points)
    kept: list[Point] = [points[0]]
    stretch = len(points) / (most / 2)
    at = 0.0
    while at < len(points):
        part = [point for point in points[int(at) : max(int(at + stretch), int(at) + 1)] if _has(point.y)]
        if part:
            ends = {id(each): each for each in (min(part, key=_y), max(part, key=_y))}
            kept += sorted(ends.values(), key=lambda point: point.x)
        at += stretch
    return [*kept, points[-1]]


def spark(values: Sequence[float | None], label: str, tone: str = "1") -> Markup:
    """Return a line without axes, the size of a word."""
    known = [value for value in values if _has(value) and value is not None]
    if len(known) < 2:
        return Markup("")
    y_scale = Scale(min(known), max(known))
    line = Line("", [Point(float(at), value) for at, value in enumerate(values)], tone)
    path = _path(line, Scale(0, len(values) - 1), Scale(y_scale.low, y_scale.high))
    return Markup(
        '<svg class="spark" role="img" aria-label="{}" viewBox="0 -60 1000 1120" preserveAspectRatio="none">{}</svg>'
    ).format(words.visible(label), path)


def _drawable(points: Sequence[Point], axes: Axes) -> Sequence[Point]:
    if not axes.is_log:
        return points
    return [point for point in points if point.y is None or point.y > 0]


def _has(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _y(point: Point) -> float:
    return point.y if point.y is not None else 0.0


def _rule(rule: Rule, y_scale: Scale) -> Markup:
    return Markup('<path class="rule tone-{}" d="M0 {:.1f}H1000"/>').format(rule.tone, 1000 - y_scale.at(rule.value))


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """Return the stretches without a hole."""
    runs: list[list[Point]] = [[]]
    for point in points:
        if _has(point.y):
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _band(line: Line, x_scale: Scale, y_scale: Scale) -> Markup:
    parts = []
    for run in _runs(line.points):
        ends = [(p.x, p.low, p.high) for p in run if p.low is not None and p.high is not None]
        if not ends:
            continue
        if len(ends) == 1:
            x, low, high = ends[0]
            place = x_scale.at(x)
            parts.append(f"M{place} {1000 - y_scale.at(low)}V{1000 - y_scale.at(high)}")
            continue
        upper = [f"{x_scale.at(x)} {1000 - y_scale.at(high):.1f}" for x, _, high in ends]
        lower = [f"{x_scale.at(x)} {1000 - y_scale.at(low):.1f}" for x, low, _ in reversed(ends)]
        parts.append(f"M{'L'.join(upper)}L{'L'.join(lower)}Z")
    return Markup('<path class="band tone-{}" d="{}"/>').format(line.tone, "".join(parts)) if parts else Markup("")


def _path(line: Line, x_scale: Scale, y_scale: Scale) -> Markup:
    parts = [
        "M" + "L".join(f"{x_scale.at(p.x)} {1000 - y_scale.at(_y(p)):.1f}" for p in run) for run in _runs(line.points)
    ]
    faint = " faint" if line.is_faint else ""
    return Markup('<path class="line tone-{}{}" d="{}"/>').format(line.tone, faint, "".join(parts))


def _dots(line: Line, x_scale: Scale, y_scale: Scale) -> Markup:
    if not line.dots and len(line.points) > 1:
        return Markup("")
    return Markup("").join(
        Markup('<path class="dot tone-{}" d="M{} {:.1f}h0"/>').format(
            p.tone or line.tone, x_scale.at(p.x), 1000 - y_scale.at(_y(p))
        )
        for p in line.points
        if _has(p.y)
    )


def _place_label(x: float, axes: Axes) -> str:
    return from_ms(int(x)).strftime("%Y-%m-%d %H:%M UTC") if axes.is_time else f"{axes.x_name} {words.number(x)}"


def _value_text(point: Point, axes: Axes) -> str:
    text = f"{words.number(point.y)}{axes.unit}"
    if point.low is not None and point.high is not None:
        text += f" ({words.number(point.low)} to {words.number(point.high)})"
    return f"{text} {point.note}".strip()


def _hovers(lines: Sequence[Line], x_scale: Scale, axes: Axes) -> list[Hover]:
    by_x: dict[float, list[tuple[str, str, str]]] = {}
    for line in lines:
        for point in line.points:
            if _has(point.y):
                told = (words.visible(line.name), point.tone or line.tone, _value_text(point, axes))
                by_x.setdefault(point.x, []).append(told)
    return [Hover(x_scale.at(x), _place_label(x, axes), tuple(told)) for x, told in sorted(by_x.items())]


def _table(lines: Sequence[Line], axes: Axes) -> Markup:
    xs = sorted({point.x for line in lines for point in line.points})
    texts = [{point.x: _value_text(point, axes) for point in line.points if _has(point.y)} for line in lines]
    rows = [[_place_label(x, axes), *(text.get(x, words.NOTHING) for text in texts)] for x in xs]
    return numbers_table(["time" if axes.is_time else axes.x_name, *(line.name for line in lines)], rows)
