"""What a model's training data was like, and how much it varied from one stretch of time to the next.

Rows of one day share their weather, rows of one week their holidays, so that a week differs from the months around it
by far more than independent rows would. How much is measured on the training data itself: it is kept as counts a day,
and blocks of days as long as a window are compared with the rest. If windows vary as those blocks do, the next one is
within `F(k, N k)` times their mean divergence at the quantile of that distribution, because a divergence is about a
sum of `k` squared normal deviates: a prediction limit, wider the fewer the blocks.

Source:
    Hahn and Meeker, Statistical Intervals (1991), chapter 4: prediction intervals.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.drift.cells import build_cells
from tidemill.checks.drift.jensen_shannon import measure_effect, to_distance
from tidemill.checks.drift.reference import Reference, build_reference
from tidemill.checks.drift.summary import summarise
from tidemill.checks.errors import NotEnough
from tidemill.checks.fisher import f_quantile
from tidemill.core.errors import InvalidInput
from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")

FORMAT = "tidemill.monitor-reference.1"
_FEWEST_BLOCKS = 4
_MOST_BLOCKS = 400
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
_MOST_FREEDOM = 20.0
_HIGHEST = 0.9


class TimeNotMoments(InvalidInput):
    """The time column of the training rows does not hold moments."""

    code = "time_not_moments"


class MonitorReference(msgspec.Struct, frozen=True, kw_only=True):
    """The training data of a model version as live data is compared with it.

    Args:
        reference: Bins and counts of each column; outputs begin with `output.`.
        weights: How much the model uses each column.
        first: The earliest row; None when there was no time.
        last: The latest row.
        block_s: Seconds of a block; 0 when there was no time.
        blocks: Rows per cell of each column, a list a block, in the order of time.
        format: Which structure this is.
    """

    reference: Reference
    weights: dict[str, float] = {}
    first: Moment | None = None
    last: Moment | None = None
    block_s: float = 0.0
    blocks: dict[str, list[list[int]]] = {}
    format: str = FORMAT


class Variation(msgspec.Struct, frozen=True):
    """How much a column varies by itself.

    Args:
        largest: The largest distance of a block of the training data from the rest of it.
        limit: The distance that one more block stays below with the chance that was asked for.
        blocks: How many blocks there were.
    """

    largest: float = 0.0
    limit: float = 0.0
    blocks: int = 0


def reference_from(
    frame: "pl.DataFrame",
    time_column: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    block: timedelta | None = None,
) -> MonitorReference:
    """Return what live data is compared with.

    Args:
        frame: The rows that the model was trained on.
        time_column: When each row happened; without it no natural variation can be known.
        columns: Which columns; all but the time when left out.
        weights: How much the model uses each column.
        block: The length of a block; a day, or less or more for tables of few or very many days, when left out.

    Raises:
        ColumnMissing: If the frame lacks a column.
        TimeNotMoments: If the time column holds something else.
    """
    names = [name for name in (columns or frame.columns) if name != time_column]
    reference = build_reference(frame, names)
    found = MonitorReference(reference=reference, weights=dict(weights or {}))
    if time_column is None or not frame.height:
        return found
    moments = _moments(frame, time_column)
    first, last = moments.min(), moments.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return found
    length = block or _block_length(last - first)
    number = ((moments - first).dt.total_microseconds() // (length // timedelta(microseconds=1))).alias("block")
    lots = frame.select(names).with_columns(number).drop_nulls("block").sort("block")
    counts: dict[str, list[list[int]]] = {column.name: [] for column in reference.columns}
    for lot in lots.partition_by("block", maintain_order=True):
        summaries = {column.name: column for column in summarise(lot, reference).columns}
        for column in reference.columns:
            counts[column.name].append(list(build_cells(column, summaries[column.name]).current))
    return msgspec.structs.replace(found, first=first, last=last, block_s=length.total_seconds(), blocks=counts)


def _moments(frame: "pl.DataFrame", name: str) -> "pl.Series":
    if name not in frame.columns:
        raise TimeNotMoments(f"There is no column {name!r}", hint="Name the column that says when a row happened.")
    column = frame[name]
    if column.dtype == pl.String:
        known = column.drop_nulls().len()
        column = column.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
        if column.drop_nulls().len() < known:
            raise TimeNotMoments(f"Column {name!r} holds texts that are no moments", hint="Write them as ISO 8601.")
    if column.dtype == pl.Date:
        column = column.cast(pl.Datetime("us"))
    if not isinstance(column.dtype, pl.Datetime):
        raise TimeNotMoments(f"Column {name!r} holds {column.dtype}", hint="Give a column of dates or moments.")
    if column.dtype.time_zone is None:
        return column.dt.replace_time_zone("UTC")
    return column.dt.convert_time_zone("UTC")


def _block_length(span: timedelta) -> timedelta:
    if span < 5 * _DAY:
        return _HOUR
    return _DAY if span <= _MOST_BLOCKS * _DAY else max(_WEEK, span / _MOST_BLOCKS)


def variation_of(found: MonitorReference, window: timedelta, chance: float) -> dict[str, Variation]:
    """Return how much each column varies between stretches as long as a window.

    Args:
        found: The reference.
        window: The window's length.
        chance: How likely a stretch like those of the training data may be beyond the limit of a column.
    """
    if not found.blocks:
        return {}
    divergences = {
        name: _divergences(lots, window.total_seconds() / found.block_s) for name, lots in found.blocks.items()
    }
    freedom = _freedom(list(divergences.values()))
    return {name: _limit(values, freedom, chance) for name, values in divergences.items()}


def _divergences(lots: list[list[int]], share: float) -> "npt.NDArray[np.float64]":
    """Return the divergence of each stretch from the others, its noise taken off, in nats."""
    counts = np.asarray(lots, dtype=np.float64)
    together = max(1, min(round(share), len(counts) // _FEWEST_BLOCKS))
    usable = len(counts) // together * together
    stretches = counts[:usable].reshape(-1, together, counts.shape[1]).sum(axis=1)
    total = counts.sum(axis=0)
    found = []
    for stretch in stretches:
        try:
            found.append(measure_effect(total - stretch, stretch).divergence.estimate)
        except NotEnough:
            continue
    return np.asarray(found, dtype=np.float64)


def _freedom(divergences: "list[npt.NDArray[np.float64]]") -> float:
    """Return how many squared normal deviates a divergence is like, the same for all columns: few blocks say little."""
    found = [
        2 * values.mean() ** 2 / values.var(ddof=1) for values in divergences if len(values) > 1 and values.var() > 0
    ]
    return float(np.clip(np.median(found), 1.0, _MOST_FREEDOM)) if found else 1.0


def _limit(values: "npt.NDArray[np.float64]", freedom: float, chance: float) -> Variation:
    count = len(values)
    if not count or not values.any():
        return Variation(blocks=count)
    largest = to_distance(float(values.max()))
    if count < _FEWEST_BLOCKS:
        return Variation(largest=largest, limit=largest, blocks=count)
    reach = f_quantile(1 - chance, freedom, count * freedom)
    limit = max(largest, to_distance(float(values.mean()) * reach))
    return Variation(largest=largest, limit=min(_HIGHEST, limit), blocks=count)
