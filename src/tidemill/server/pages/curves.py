"""Histories of metrics as lines: over steps, over time or since the start, smoothed or not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tidemill.server.pages.charts.lines import Axes, Line, Point
from tidemill.tracking.records import Metric

WAYS = {"step": "step", "time": "time", "relative": "time since its start"}
"""What can be across, and how it is called."""
MOST_SMOOTHED = 99


@dataclass(frozen=True, slots=True)
class Look:
    """How curves are drawn.

    Args:
        across: `step`, `time` or `relative`.
        is_log: Whether y is logarithmic.
        smoothing: How much of each value is what went before, in percent.
    """

    across: str = "step"
    is_log: bool = False
    smoothing: int = 0


def read_look(get: Callable[[str, str], str]) -> Look:
    """Return the look that a query asks for; what it says wrongly is what is usual."""
    across, smoothing = get("x", "step"), get("smooth", "0")
    return Look(
        across if across in WAYS else "step",
        get("log", "") == "1",
        min(int(smoothing), MOST_SMOOTHED) if smoothing.isascii() and smoothing.isdigit() and len(smoothing) < 4 else 0,
    )


def has_curve(histories: Sequence[Sequence[Metric]]) -> bool:
    """Return whether a metric was logged more than once by any run."""
    return any(len(points) > 1 for points in histories)


def curve(points: Sequence[Metric]) -> list[Point]:
    """Return a metric's history as points; over its order where every step is the same."""
    by_step = len({point.step for point in points}) > 1
    return [Point(point.step if by_step else at, point.value) for at, point in enumerate(points)]


def drawn(named: Sequence[tuple[str, str, Sequence[Metric]]], look: Look) -> tuple[list[Line], Axes]:
    """Return lines and axes for histories with their names and tones."""
    starts = [min(point.timestamp for point in points) for _, _, points in named if points]
    longest = (
        max(
            (max(point.timestamp for point in points) - min(point.timestamp for point in points))
            for _, _, points in named
            if points
        )
        if starts
        else 0
    )
    unit, name = _unit(longest)
    faint, lines = [], []
    for label, tone, points in named:
        if not points:
            continue
        placed = _placed(points, look.across, unit)
        if look.smoothing:
            faint.append(Line(label, placed, tone, is_faint=True))
            placed = smoothed(placed, look.smoothing / 100)
        lines.append(Line(label, placed, tone))
    x_name = name if look.across == "relative" else "step"
    return [*faint, *lines], Axes(is_time=look.across == "time", is_log=look.is_log, x_name=x_name)


def _placed(points: Sequence[Metric], across: str, unit: float) -> list[Point]:
    if across == "step":
        return curve(points)
    ordered = sorted(points, key=lambda point: (point.timestamp, point.step))
    start = ordered[0].timestamp if across == "relative" else 0
    return [Point((point.timestamp - start) / (unit if across == "relative" else 1), point.value) for point in ordered]


def _unit(longest_ms: float) -> tuple[float, str]:
    """Return the milliseconds of the unit in which spans are read best, and its name."""
    if longest_ms < 300_000:
        return 1000, "second"
    return (60_000, "minute") if longest_ms < 3 * 3_600_000 else (3_600_000, "hour")


def smoothed(points: Sequence[Point], share: float) -> list[Point]:
    """Return points of which each is a running mean of those before; holes and what is not finite stay.

    Args:
        points: The points in order.
        share: How much of the mean is what went before, 0 to below 1; corrected for the start, so that a constant
            stays what it is.
    """
    mean, weight, found = 0.0, 0.0, []
    for point in points:
        if point.y is None or point.y - point.y != 0:
            found.append(point)
            continue
        mean = share * mean + (1 - share) * point.y
        weight = share * weight + (1 - share)
        found.append(Point(point.x, mean / weight))
    return found
