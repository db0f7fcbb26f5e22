"""Parallel coordinates of runs: which axes, coloured by what, and the table of the same runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from starlette.datastructures import QueryParams

from tidemill.server.pages import words
from tidemill.server.pages.charts.parallel import Column, Strand, axis_of, parallel
from tidemill.server.pages.run_rows import cells_of
from tidemill.server.pages.tones import strand_tone
from tidemill.tracking.records import Run

_MOST_AXES, _AXES_SUGGESTED = 14, 7
_MOST_BY_RUN = 24
"""With more runs than there are tones with dashes, a metric colours them where nothing else is asked for."""
BY_RUN = "run"
"""The colour that asks for a tone a run."""


@dataclass(frozen=True, slots=True)
class Option:
    """A column that can be chosen."""

    key: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A run in the table of what the strands show; `at` is the place of its colour, None where it has a tone."""

    run: Run
    tone: str
    at: float | None
    cells: list[float | str | None]


@dataclass(frozen=True, slots=True)
class Ramp:
    """What the colours mean: the column, and the words at their ends."""

    name: str
    low: str
    high: str
    has_gaps: bool


@dataclass(frozen=True, slots=True)
class Strands:
    """The drawing, its table, and what can be chosen of it."""

    drawing: Markup
    heads: list[Column]
    rows: list[Row]
    axis_options: list[Option]
    colour_options: list[Option]
    ramp: Ramp | None
    kept: list[str]


def strands_of(query: QueryParams, found: Sequence[Run], known: Sequence[str], suggested: Sequence[str]) -> Strands:
    """Return the runs as strands.

    Args:
        query: `axis` for each axis, `colour`, and `keep` for each range that a script keeps.
        found: The runs.
        known: The columns that can be axes.
        suggested: The axes where none are asked for.
    """
    axes = [key for key in dict.fromkeys(query.getlist("axis")) if key in known][:_MOST_AXES]
    axes = axes or list(suggested)[:_AXES_SUGGESTED]
    columns = [column_of(found, key) for key in axes]
    numbers = [key for key in known if any(isinstance(each, float) for each in column_of(found, key).values)]
    colour = _colour(query.get("colour", ""), numbers, found)
    places, ramp = _ramp(found, colour)
    strands = [
        Strand(run.name, strand_tone(at) if not colour else "idle", f"/runs/{run.run_id}", places[at])
        for at, run in enumerate(found)
    ]
    rows = [Row(run, strand.tone, strand.at, cells_of(run, axes)) for run, strand in zip(found, strands, strict=True)]
    return Strands(
        drawing=parallel("Params and metrics of each run", columns, strands),
        heads=columns,
        rows=rows,
        axis_options=[Option(key, key in axes) for key in known],
        colour_options=[Option(key, key == colour) for key in numbers],
        ramp=ramp,
        kept=query.getlist("keep")[:_MOST_AXES],
    )


def column_of(found: Sequence[Run], key: str) -> Column:
    """Return a column of runs: numbers where all that it has are numbers, otherwise words."""
    cells = [cells_of(run, [key])[0] for run in found]
    numbers = [number_of(cell) for cell in cells]
    is_number = all(number is not None or cell is None for number, cell in zip(numbers, cells, strict=True))
    texts = [None if cell is None else str(cell) for cell in cells]
    return Column(key.partition(".")[2], numbers if is_number else texts, key)


def number_of(cell: float | str | None) -> float | None:
    """Return the number that a cell is, or that its text says."""
    if cell is None:
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _colour(asked: str, numbers: Sequence[str], found: Sequence[Run]) -> str:
    if asked in numbers:
        return asked
    if asked == BY_RUN or len(found) <= _MOST_BY_RUN:
        return ""
    return next((key for key in numbers if key.startswith("metrics.")), "")


def _ramp(found: Sequence[Run], colour: str) -> tuple[list[float | None], Ramp | None]:
    """Return the place of each run's colour from 0 to 100, and what the colours mean."""
    if not colour:
        return [None] * len(found), None
    column = column_of(found, colour)
    axis = axis_of(column)
    drawn = [place for place in axis.places if place is not None]
    if axis.scale is None or not drawn:
        return [None] * len(found), None
    # From the smallest value to the largest, not to the round numbers around them: colours as far apart as can be.
    high, low = min(drawn), max(drawn)
    places = [None if place is None else 100 * (low - place) / (low - high or 1) for place in axis.places]
    ends = sorted(value for value in column.values if isinstance(value, float) and math.isfinite(value))
    name = colour.partition(".")[2]
    return places, Ramp(name, words.number(ends[0]), words.number(ends[-1]), None in places)
