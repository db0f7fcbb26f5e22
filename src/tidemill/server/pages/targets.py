"""How a target follows a column, as pages show it: a chart over the bins of a number, a list for other columns."""

import math
from dataclasses import dataclass

from markupsafe import Markup

from tidemill.data.profile.records import ColumnProfile, Relations
from tidemill.data.profile.targets import TargetBin, TargetCurve, target_curve
from tidemill.server.pages import words
from tidemill.server.pages.charts.figure import Frame
from tidemill.server.pages.charts.targets import Step, target_chart
from tidemill.server.pages.columns import written

_SURE = 2.0
"""Standard errors on either side of a value."""


@dataclass(frozen=True, slots=True)
class TargetLine:
    """The target at one value of a column, with the width of its bar."""

    label: str
    value: str
    low: str
    high: str
    width: str
    is_below: bool
    rows: int


@dataclass(frozen=True, slots=True)
class TargetView:
    """How a target follows a column.

    Args:
        target: The target.
        what: What is shown of it, such as "Mean of delay".
        drawing: The chart, for numbers.
        lines: For other columns, a line a value.
        choices: Which value may be counted; empty for means.
        positive: Which one is.
        overall: The target over all rows.
        rows: The rows that this was read from.
    """

    target: str
    what: str
    drawing: Markup
    lines: list[TargetLine]
    choices: tuple[str, ...]
    positive: str
    overall: str
    rows: int


def target_view(
    relations: Relations | None, column: ColumnProfile, target: ColumnProfile | None, positive: str = ""
) -> TargetView | None:
    """Return how a target follows a column; None where that is not kept, or says nothing.

    Args:
        relations: What the profile holds.
        column: The column.
        target: The target.
        positive: Which of its values is counted, for one of few values.
    """
    if target is None or target.is_moment:
        return None
    found = target_curve(relations, column.name, target.name, positive)
    if found is None or len(found.bins) < 2 or found.overall is None:
        return None
    what = f"Mean of {found.target}" if found.kind == "mean" else f"Rows with {found.target} {found.positive}, %"
    is_number = found.bins[0].low is not None
    return TargetView(
        target=found.target,
        what=what,
        drawing=_drawing(column, found, what) if is_number else Markup(""),
        lines=[] if is_number else _lines(found),
        choices=found.choices,
        positive=found.positive,
        overall=_told(found, found.overall),
        rows=sum(each.rows for each in found.bins),
    )


def _factor(found: TargetCurve) -> float:
    return 100.0 if found.kind == "rate" else 1.0


def _ends(found: TargetCurve, each: TargetBin) -> tuple[float, float]:
    value, reach = each.value or 0.0, _SURE * (each.error or 0.0)
    low, high = value - reach, value + reach
    return (max(low, 0.0), min(high, 1.0)) if found.kind == "rate" else (low, high)


def _drawing(column: ColumnProfile, found: TargetCurve, what: str) -> Markup:
    factor = _factor(found)
    steps = []
    for each in found.bins:
        low, high = (end * factor for end in _ends(found, each))
        start, end = written(column, _first(column, each)), written(column, each.high)
        name = start if start == end else f"{start} to {end}"
        steps.append(Step(start, name, each.rows, (each.value or 0.0) * factor, low, high))
    frame = Frame(f"{what}, by {column.name}", "Bars are rows; whiskers reach two standard errors either way.", 11.0)
    last = found.bins[-1]
    end = "" if last.low == last.high else written(column, last.high)
    return target_chart(frame, steps, (found.overall or 0.0) * factor, what, end)


def _first(column: ColumnProfile, each: TargetBin) -> float | None:
    """Return the first value of a bin: what stands at its lower end belongs to the bin before, but for the first."""
    is_whole = column.type.startswith(("int", "uint")) and isinstance(column.low, int | float)
    if each.low is None or not is_whole or each.low == each.high or each.low <= float(column.low or 0):
        return each.low
    return math.floor(each.low) + 1.0


def _lines(found: TargetCurve) -> list[TargetLine]:
    most = max(abs(each.value or 0.0) for each in found.bins) or 1.0
    lines = []
    for each in found.bins:
        value = each.value or 0.0
        low, high = _ends(found, each)
        width = f"{abs(value) / most * 100:.0f}%"
        middle, lower, upper = (_told(found, end) for end in (value, low, high))
        lines.append(TargetLine(each.label, middle, lower, upper, width, value < 0, each.rows))
    return lines


def _told(found: TargetCurve, value: float) -> str:
    return words.percent(value) if found.kind == "rate" else words.number(value)
