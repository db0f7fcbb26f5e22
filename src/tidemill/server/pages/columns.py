"""A column as pages show it: its small multiple, its figures, its drawing in full."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tidemill.checks.drift.reference import CategoryReference, NumericReference
from tidemill.core.moments import from_us
from tidemill.data.profile.lengths import STARTS
from tidemill.data.profile.outline import Brief
from tidemill.data.profile.records import ColumnProfile, Gap, Timeline
from tidemill.data.profile.timeline import gaps
from tidemill.server.pages import words
from tidemill.server.pages.charts.bars import Bin, histogram, value_bars
from tidemill.server.pages.charts.distributions import Shape, distribution
from tidemill.server.pages.charts.figure import Frame
from tidemill.server.pages.charts.lines import Axes, Line, Point, line_chart

_MOST_GAPS = 12
_SHOWN_VALUES = 6


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column's small multiple."""

    name: str
    type: str
    facts: list[tuple[str, str]]
    drawing: Markup
    low: str
    high: str
    null_share: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class ColumnDetail:
    """All that is drawn of a column.

    Args:
        figures: Name, value and unit of each figure.
        drawing: The distribution.
        quantiles: Share and value of each.
        top: The most frequent values with bars.
        lengths: How long texts are.
        timeline: Rows by period.
        gaps: From, to and length of the longest times without rows.
        note: What is estimated, and how closely.
    """

    figures: list[tuple[str, str, str]]
    drawing: Markup
    quantiles: list[tuple[str, str]]
    top: Markup
    lengths: Markup
    timeline: Markup
    gaps: list[tuple[str, str, str]]
    note: str


def column_view(column: ColumnProfile, note: str = "") -> ColumnView:
    """Return the small multiple of a column, with a note on it."""
    numeric = isinstance(column.bins, NumericReference)
    return ColumnView(
        name=column.name,
        type=column.type,
        facts=_facts(column),
        drawing=_small_drawing(column),
        low=written(column, column.low) if numeric else "",
        high=written(column, column.high) if numeric else "",
        null_share=null_share(column),
        note=note,
    )


def null_share(column: Brief | ColumnProfile) -> float:
    """Return which share of the rows has no value."""
    return column.nulls / column.rows if column.rows else 0.0


def _facts(column: ColumnProfile) -> list[tuple[str, str]]:
    facts = [("nulls", words.percent(null_share(column))), ("distinct", distinct(column))]
    median = next((each.value for each in column.quantiles if each.share == 0.5), None)
    if column.type == "bool" and column.mean is not None:
        facts.append(("true", words.percent(column.mean)))
    elif column.is_moment and median is not None:
        facts.append(("median", written(column, median)))
    elif column.mean is not None:
        facts.append(("mean", words.number(column.mean)))
    elif column.length is not None:
        facts.append(("length", f"{column.length.shortest} to {column.length.longest}"))
    return facts


def distinct(column: ColumnProfile) -> str:
    """Return how many different values a column has."""
    if column.distinct is None:
        return words.NOTHING
    return words.count(column.distinct) if column.is_distinct_exact else f"≈ {words.count(column.distinct)}"


def _small_drawing(column: ColumnProfile) -> Markup:
    known = column.rows - column.nulls
    if known <= 0:
        return Markup('<p class="quiet">no values</p>')
    if isinstance(column.bins, NumericReference) and column.bins.edges:
        return histogram(bins_of(column.bins), f"Distribution of {column.name}")
    return _value_list(column, _SHOWN_VALUES)


def _value_list(column: ColumnProfile, most: int) -> Markup:
    if isinstance(column.bins, CategoryReference) and column.bins.values:
        shown = list(zip(column.bins.values, column.bins.counts, strict=True))[:most]
        rest = sum(column.bins.counts[most:]) + column.bins.other
        more = [(f"other ({words.count((column.distinct or 0) - len(shown))})", rest)] if rest else []
        return value_bars([*shown, *more], column.rows)
    return value_bars([(each.value, each.count) for each in column.top[:most]], column.rows)


def bins_of(reference: NumericReference) -> list[Bin]:
    """Return a reference's bins with both ends; discrete values become bins without width."""
    edges, counts = reference.edges, reference.counts
    start = reference.low if reference.low is not None else edges[0]
    found = []
    for at, edge in enumerate(edges):
        low = edge if reference.is_discrete else max(edges[at - 1] if at else start, start)
        found.append(Bin(low, max(edge, low), counts[at]))
    return found


def written(column: ColumnProfile, value: float | str | None) -> str:
    """Return a value of a column as people read it."""
    if value is None:
        return ""
    if column.is_moment and isinstance(value, int | float):
        return _moment(value, column.type)
    return str(value)[:16].replace("T", " ") if isinstance(value, str) else words.number(value)


def _moment(seconds: float, word: str = "") -> str:
    try:
        found = from_us(int(seconds * 1_000_000))
    except (OverflowError, ValueError):
        return f"{seconds:.0f} s"
    return found.strftime("%Y-%m-%d" if word == "date" else "%Y-%m-%d %H:%M")


def column_detail(column: ColumnProfile) -> ColumnDetail:
    """Return all that is drawn of a column."""
    has_bins = isinstance(column.bins, NumericReference) and bool(column.bins.edges)
    timeline = column.timeline
    return ColumnDetail(
        figures=_figures(column),
        drawing=full_drawing(f"{column.name}: rows by value", [("Rows", "1", column)]),
        quantiles=[(words.percent(each.share), written(column, each.value)) for each in column.quantiles],
        top=value_bars([(each.value, each.count) for each in column.top], column.rows)
        if has_bins and column.top
        else Markup(""),
        lengths=_lengths(column),
        timeline=_timeline(timeline) if timeline and len(timeline.counts) > 1 else Markup(""),
        gaps=[_gap(gap, column.type) for gap in gaps(timeline)[:_MOST_GAPS]] if timeline else [],
        note=_note(column),
    )


def _figures(column: ColumnProfile) -> list[tuple[str, str, str]]:
    found = [
        ("Rows", words.count(column.rows), ""),
        ("Nulls", words.count(column.nulls), words.percent(null_share(column))),
        ("Distinct", distinct(column), ""),
    ]
    if column.low is not None and (column.quantiles or column.is_moment):
        found += [("Lowest", written(column, column.low), ""), ("Highest", written(column, column.high), "")]
    if column.type == "bool":
        return [*found, ("True", words.percent(column.mean), "")]
    if column.quantiles and not column.is_moment:
        shape = (("Mean", column.mean), ("Deviation", column.deviation))
        found += [(name, words.number(value), "") for name, value in shape]
        for name, value in (("Skewness", column.skewness), ("Kurtosis", column.kurtosis)):
            found += [(name, words.fixed(value, 2), "")] if value is not None else []
        for name, rows in (("Zeros", column.zeros), ("Below zero", column.negatives)):
            found += [(name, words.count(rows), words.percent(rows / column.rows))] if rows else []
    if column.not_finite:
        found.append(("Not finite", words.count(column.not_finite), "left out of all other figures"))
    if column.length is not None:
        found += [
            ("Length", f"{words.count(column.length.shortest)} to {words.count(column.length.longest)}", "characters"),
            ("Mean length", words.number(column.length.mean), ""),
        ]
        found += [("Empty", words.count(column.length.empty), "")] if column.length.empty else []
    return found


def full_drawing(title: str, sides: Sequence[tuple[str, str, ColumnProfile]], height: float = 13.0) -> Markup:
    """Return the distribution of a column with axes, in one table or several.

    Args:
        title: The figure's.
        sides: The name, the tone and the column of each table.
        height: Of the drawing, in rem.
    """
    shapes = [
        Shape(name, tone, bins_of(column.bins))
        for name, tone, column in sides
        if isinstance(column.bins, NumericReference) and column.bins.edges
    ]
    first = sides[0][2]
    if not shapes:
        return _value_list(first, 20) if first.rows > first.nulls else Markup('<p class="quiet">no values</p>')
    description = f"From {written(first, first.low)} to {written(first, first.high)}"
    return distribution(
        Frame(title, description, height), shapes, lambda value: written(first, value), is_time=first.is_moment
    )


def _lengths(column: ColumnProfile) -> Markup:
    if column.length is None or column.length.shortest == column.length.longest:
        return Markup("")
    bins = [
        Bin(STARTS[at], STARTS[at] if STARTS[at + 1] == STARTS[at] + 1 else STARTS[at + 1] - 1, rows)
        for at, rows in enumerate(column.length.counts)
    ]
    frame = Frame(f"{column.name}: rows by length, in characters", height=8.0)
    return distribution(frame, [Shape("Rows", "1", bins)], lambda value: words.number(round(value, 1)))


def _timeline(timeline: Timeline) -> Markup:
    points = [
        Point((timeline.start_s + at * timeline.step_s) * 1000.0, float(rows))
        for at, rows in enumerate(timeline.counts)
    ]
    frame = Frame(f"Rows by period of {words.seconds(timeline.step_s)}", height=9.0)
    return line_chart(frame, [Line("Rows", points)], Axes(is_time=True, low=0))


def _gap(gap: Gap, word: str) -> tuple[str, str, str]:
    return _moment(gap.start_s, word), _moment(gap.end_s, word), words.seconds(gap.end_s - gap.start_s)


def _note(column: ColumnProfile) -> str:
    if column.distinct is None:
        return "Values of this type are counted, not measured."
    if column.is_distinct_exact:
        return "Every value is counted: the figures are exact."
    told = "Distinct values are estimated within about 2 %"
    return f"{told}, quantiles within 1 % of the rows; all else is exact." if column.quantiles else f"{told}."
