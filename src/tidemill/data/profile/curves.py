"""The other columns by bin of one column: sums that add up, from which the mean of a target is read."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from tidemill.checks.drift.reference import CategoryReference, NumericReference
from tidemill.core.lazy import lazy
from tidemill.data.profile.bins import quantile_edges
from tidemill.data.profile.gauge import Gauge, Numbers, Spread, Texts, is_number
from tidemill.data.profile.records import Axis, Curve

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
else:
    np = lazy("numpy")
    pl = lazy("polars")

BINS = 12
"""About how many bins, or values of a text; one that fills more than a bin has one to itself."""

MOST_TEXTS = 12
_LEAST_SHARE = 0.005
_EVERY = 8
_ENOUGH = 1 << 13
_MANY_CELLS = 1 << 20

A = TypeVar("A")
B = TypeVar("B")


class Map(Protocol):
    """A `map` that may work on several things at once."""

    def __call__(self, work: Callable[[A], B], things: Iterable[A], /) -> Iterable[B]:
        """Return what comes of each thing, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The other columns by bin of one column.

    Args:
        sums: A line a bin: its rows; the rows of each number; the sum of each number; the rows of each value of each
            axis, one axis after the other.
        edges: Upper ends of the bins of a number; shape (bins,).
        low: The lower end of the first.
        is_discrete: Whether each bin is one number.
        values: The values of a text, one a bin; the last bin is all others.
    """

    sums: "Floats"
    edges: "Floats | None" = None
    low: float = 0.0
    is_discrete: bool = False
    values: tuple[str, ...] = ()


def thinned(frame: "pl.DataFrame", gauges: Sequence[Gauge]) -> int:
    """Return how far apart the rows are that are enough here: where relations see some rows only, fewer still do.

    Relations see all rows of wide tables, in batches of few rows; here some thousand of each are enough.
    """
    if gauges and gauges[0].rows > frame.height:
        return max(_EVERY, frame.height // _ENOUGH)
    return max(1, 2 * frame.height // _ENOUGH) if frame.height * frame.width > _MANY_CELLS else 1


def bins_of(gauges: Iterable[Gauge], numbers: Sequence[str], axes: Iterable[str]) -> dict[str, Cells]:
    """Return the empty bins of the columns that get some: numbers, and texts of which some are frequent.

    Args:
        gauges: What the columns of the batch hold.
        numbers: The numbers whose sums are kept.
        axes: Columns of few values, which are bins by themselves.
    """
    skipped, wanted = set(axes), set(numbers)
    found: dict[str, Cells] = {}
    texts = 0
    for gauge in gauges:
        if gauge.name in skipped:
            continue
        made = None
        if is_number(gauge.type):
            made = _number_bins(gauge) if gauge.name in wanted else None
        elif texts < MOST_TEXTS:
            made = _text_bins(gauge)
            texts += made is not None
        if made is not None:
            found[gauge.name] = made
    return found


def _number_bins(gauge: Gauge) -> Cells | None:
    held = gauge.held
    if isinstance(held, Numbers) and not len(held.values):
        return Cells(sums=np.empty((0, 0)), edges=np.empty(0))
    if isinstance(held, Numbers):
        low, values, counts = float(held.values[0]), held.values, held.counts
    elif isinstance(held, Spread) and isinstance(held.bins, NumericReference) and held.bins.edges:
        low = float(held.bins.low if held.bins.low is not None else held.bins.edges[0])
        values, counts = np.asarray(held.bins.edges), np.asarray(held.bins.counts[:-1], dtype=np.int64)
    else:
        return None
    edges, is_discrete = quantile_edges(values, counts, BINS)
    exact = is_discrete and isinstance(held, Numbers)
    return Cells(sums=np.empty((0, 0)), edges=edges[edges >= low], low=low, is_discrete=exact)


def _text_bins(gauge: Gauge) -> Cells | None:
    held = gauge.held
    if isinstance(held, Texts):
        top = held.frame.sort(["count", "value"], descending=[True, False]).head(BINS)
        pairs = list(top.iter_rows())
    elif isinstance(held, Spread) and isinstance(held.bins, CategoryReference):
        pairs = list(zip(held.bins.values, held.bins.counts, strict=True))[:BINS]
    else:
        return None
    least = max(1, _LEAST_SHARE * (gauge.rows - gauge.nulls))
    values = tuple(value for value, count in pairs if count > least)
    return Cells(sums=np.empty((0, 0)), values=values)


def measure_curves(
    frame: "pl.DataFrame",
    empty: Mapping[str, Cells],
    numbers: Mapping[str, "Floats"],
    codes: "Sequence[Integers]",
    heights: Sequence[int],
    spread_out: Map,
) -> dict[str, Cells]:
    """Return the sums of the other columns by bin.

    Args:
        frame: The rows.
        empty: The bins of each column that gets some.
        numbers: The columns of numbers, NaN where there is none.
        codes: For each axis the place of each row's value, one past the last where there is none.
        heights: How many values each axis has.
        spread_out: A `map` that may work on several columns at once.
    """
    values = np.stack(list(numbers.values())) if numbers else np.empty((0, frame.height))
    known = np.isfinite(values)
    gaps = np.flatnonzero(~known.all(axis=1))
    stacked = np.concatenate([np.where(known, values, 0.0) if len(gaps) else values, known[gaps]])

    def work(name: str) -> Cells:
        bins = empty[name]
        places = _number_places(numbers[name], bins) if bins.edges is not None else _text_places(frame[name], bins)
        return replace(bins, sums=_sums(places, _size(bins), stacked, gaps, codes, heights))

    return dict(zip(empty, spread_out(work, list(empty)), strict=True))


def _size(bins: Cells) -> int:
    return len(bins.edges) if bins.edges is not None else len(bins.values) + 1


def _number_places(values: "Floats", bins: Cells) -> "Integers":
    if bins.edges is None:
        raise TypeError(bins)
    places = np.searchsorted(bins.edges, values)
    np.minimum(places, len(bins.edges) - 1, out=places)
    places[~np.isfinite(values)] = len(bins.edges)
    return places


def _text_places(column: "pl.Series", bins: Cells) -> "Integers":
    named = column.cast(pl.String).cast(pl.Enum(bins.values), strict=False).to_physical()
    places = named.fill_null(len(bins.values)).to_numpy().astype(np.int64)
    if column.null_count():
        places[column.is_null().to_numpy()] = len(bins.values) + 1
    return places


def _sums(
    places: "Integers",
    size: int,
    stacked: "Floats",
    gaps: "Integers",
    codes: "Sequence[Integers]",
    heights: Sequence[int],
) -> "Floats":
    """Return one line a bin."""
    rows = np.bincount(places, minlength=size + 1)[:size].astype(np.float64)
    width = len(stacked) - len(gaps)
    sums = np.empty((size, len(stacked)))
    for at, values in enumerate(stacked):
        sums[:, at] = np.bincount(places, weights=values, minlength=size + 1)[:size]
    known = np.repeat(rows[:, None], width, axis=1)
    known[:, gaps] = sums[:, width:]
    tables = [
        np.bincount(places * (height + 1) + code, minlength=(size + 2) * (height + 1))[: size * (height + 1)]
        .reshape(size, height + 1)[:, :height]
        .astype(np.float64)
        for code, height in zip(codes, heights, strict=True)
    ]
    return np.concatenate([rows[:, None], known, sums[:, :width], *tables], axis=1)


def align(
    cells: Cells, width: int, numbers: Sequence[int], sizes: Sequence[int], axes: "Sequence[tuple[int, list[int], int]]"
) -> Cells:
    """Return cells with other columns beside them.

    Args:
        cells: What there is.
        width: How many numbers stand there.
        numbers: Which of them are kept, by place.
        sizes: How many values each axis has that stands there.
        axes: Of each axis that is kept its place, the new places of its values, and how many values it gets.
    """
    starts = np.cumsum([1 + 2 * width, *sizes])
    found = [cells.sums[:, :1], cells.sums[:, 1 : 1 + width][:, numbers]]
    found.append(cells.sums[:, 1 + width : 1 + 2 * width][:, numbers])
    for at, places, size in axes:
        wider = np.zeros((len(cells.sums), size))
        wider[:, places] = cells.sums[:, starts[at] : starts[at + 1]]
        found.append(wider)
    return replace(cells, sums=np.concatenate(found, axis=1))


def merge_cells(one: Cells, two: Cells) -> Cells | None:
    """Return two lots with the same columns beside them together; None where one is a number and one is not.

    Exact where both have the same bins, or bins that do not overlap; else within a bin.
    """
    if not len(one.sums) or not len(two.sums):  # no value at all
        return two if not len(one.sums) else one
    if (one.edges is None) != (two.edges is None):
        return None
    if one.edges is None or two.edges is None:
        return _merge_texts(one, two)
    if np.array_equal(one.edges, two.edges):
        both = one.is_discrete and two.is_discrete
        return replace(one, sums=one.sums + two.sums, low=min(one.low, two.low), is_discrete=both)
    ends = np.concatenate([one.edges, two.edges])
    values, places = np.unique(ends, return_inverse=True)
    weights = np.bincount(places, weights=np.concatenate([one.sums[:, 0], two.sums[:, 0]]))
    new, each_own = quantile_edges(values, np.maximum(np.rint(weights), 1).astype(np.int64), BINS)
    new = new[new >= values[0]]
    return Cells(
        sums=_spread_over(one, new) + _spread_over(two, new),
        edges=new,
        low=min(one.low, two.low),
        is_discrete=each_own and one.is_discrete and two.is_discrete,
    )


def _spread_over(cells: Cells, edges: "Floats") -> "Floats":
    """Return sums over other bins: evenly within a bin, all at its end where a bin is one number."""
    if cells.edges is None:
        raise TypeError(cells)
    highs = cells.edges
    lows = np.concatenate([[cells.low], highs[:-1]])
    widths = highs - lows
    at_end = (edges[:, None] >= highs).astype(np.float64)
    if cells.is_discrete:
        below = at_end
    else:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            even = np.clip((edges[:, None] - lows) / widths, 0.0, 1.0)
        below = np.where((widths > 0) & np.isfinite(widths), even, at_end)
    with np.errstate(over="ignore", invalid="ignore"):
        moved: Floats = np.diff(below, axis=0, prepend=0.0) @ cells.sums
    return moved


def _merge_texts(one: Cells, two: Cells) -> Cells:
    rows: dict[str, float] = {}
    for side in (one, two):
        for value, count in zip(side.values, side.sums[:, 0], strict=False):
            rows[value] = rows.get(value, 0.0) + float(count)
    values = tuple(sorted(rows, key=lambda value: (-rows[value], value))[:BINS])
    new = {value: at for at, value in enumerate(values)}
    sums = np.zeros((len(values) + 1, one.sums.shape[1]))
    for side in (one, two):
        np.add.at(sums, [*(new.get(value, len(values)) for value in side.values), len(values)], side.sums)
    return Cells(sums=sums, values=values)


def pack_curves(curves: Mapping[str, Cells]) -> tuple[Curve, ...]:
    """Return the cells of each column as a profile holds them."""
    return tuple(
        Curve(
            column=name,
            edges=() if cells.edges is None else tuple(cells.edges.tolist()),
            low=None if cells.edges is None else cells.low,
            is_discrete=cells.is_discrete,
            values=cells.values,
            sums=base64.b64encode(cells.sums.astype("<f8").tobytes()).decode(),
        )
        for name, cells in curves.items()
    )


def unpack_curves(curves: Sequence[Curve], numbers: int, axes: Sequence[Axis]) -> dict[str, Cells]:
    """Return the cells that a profile holds."""
    width = 1 + 2 * numbers + sum(len(axis.values) for axis in axes)
    return {
        curve.column: Cells(
            sums=np.frombuffer(base64.b64decode(curve.sums), dtype="<f8").reshape(-1, width),
            edges=np.asarray(curve.edges, dtype=np.float64) if curve.low is not None else None,
            low=curve.low or 0.0,
            is_discrete=curve.is_discrete,
            values=curve.values,
        )
        for curve in curves
    }
