"""From what is measured of a column to what is kept for good, and back."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.drift.reference import CategoryReference, NumericReference
from tidemill.core.lazy import lazy
from tidemill.data.profile import sketch
from tidemill.data.profile.bins import CATEGORIES_PER_BIN
from tidemill.data.profile.gauge import Gauge, Numbers, Spread, Texts, is_number
from tidemill.data.profile.kll import pack_ranks, quantiles, unpack_ranks
from tidemill.data.profile.measure import spread
from tidemill.data.profile.moments import Moments
from tidemill.data.profile.records import ColumnProfile, Quantile

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")

SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROUNDING = 1e-6


def column_profile(gauge: Gauge, most_bins: int) -> ColumnProfile:
    """Return what is kept of a column for good."""
    held = gauge.held
    bare = ColumnProfile(
        name=gauge.name, type=gauge.type, rows=gauge.rows, nulls=gauge.nulls, not_finite=gauge.not_finite
    )
    if held is None:
        return bare
    made = spread(gauge, most_bins, sketched=_needs_sketches(held, most_bins)).held
    if not isinstance(made, Spread):
        raise TypeError(made)
    exact = not isinstance(held, Spread)
    is_complete = exact and (made.bins.is_discrete if isinstance(made.bins, NumericReference) else made.bins.other == 0)
    is_moment = gauge.type.startswith("date")
    found = msgspec.structs.replace(
        bare,
        distinct=_distinct(held, made),
        is_distinct_exact=exact,
        low=_end(made.low, gauge.type),
        high=_end(made.high, gauge.type),
        bins=msgspec.structs.replace(made.bins, name=gauge.name, nulls=gauge.nulls),
        top=tuple(
            msgspec.structs.replace(top, value=shown_moment(float(top.value), gauge.type)) if is_moment else top
            for top in made.top
        ),
        length=made.length if gauge.type == "text" else None,
        timeline=made.timeline,
        sketch="" if is_complete or made.registers is None else sketch.pack(made.registers, made.hash_kind),
        ranks="" if is_complete or made.ranks is None else pack_ranks(made.ranks),
    )
    if gauge.type == "bool":
        share = _share_of_true(made.bins)
        deviation = None if share is None else (share * (1 - share)) ** 0.5
        return msgspec.structs.replace(found, mean=share, deviation=deviation)
    return _with_numbers(found, gauge, made) if made.moments.count and is_number(gauge.type) else found


def _with_numbers(found: ColumnProfile, gauge: Gauge, made: Spread) -> ColumnProfile:
    return msgspec.structs.replace(
        found,
        mean=made.moments.mean,
        deviation=made.moments.deviation,
        skewness=made.moments.skewness,
        kurtosis=made.moments.kurtosis,
        zeros=None if found.is_moment else made.zeros,
        negatives=None if found.is_moment else made.negatives,
        quantiles=_quantiles(gauge, made),
    )


def _distinct(held: Numbers | Texts | Spread, made: Spread) -> int | None:
    if isinstance(held, Numbers):
        return len(held.values)
    if isinstance(held, Texts):
        return held.frame.height
    if made.distinct or made.registers is None:
        return made.distinct or None
    return min(sketch.estimate(made.registers), made.moments.count)


def _needs_sketches(held: Numbers | Texts | Spread, most_bins: int) -> bool:
    """Return whether a column has more values than its bins or categories name."""
    if isinstance(held, Numbers):
        return len(held.values) > most_bins
    return isinstance(held, Spread) or held.frame.height > most_bins * CATEGORIES_PER_BIN


def _quantiles(gauge: Gauge, made: Spread) -> tuple[Quantile, ...]:
    if isinstance(gauge.held, Numbers):
        below = np.cumsum(gauge.held.counts)
        places = np.searchsorted(below, np.asarray(SHARES) * below[-1] - _ROUNDING, side="left")
        found = gauge.held.values[np.minimum(places, len(below) - 1)].tolist()
    elif made.ranks is not None:
        found = quantiles(made.ranks, SHARES)
    else:
        return ()
    kind = gauge.type
    return tuple(
        Quantile(share=share, value=shown_moment(value, kind) if kind.startswith("date") else _plain(value, kind))
        for share, value in zip(SHARES, found, strict=True)
    )


def _share_of_true(bins: NumericReference | CategoryReference) -> float | None:
    if not isinstance(bins, CategoryReference) or not sum(bins.counts):
        return None
    return dict(zip(bins.values, bins.counts, strict=True)).get("true", 0) / sum(bins.counts)


def _plain(value: float, word: str) -> float:
    return int(value) if word.startswith(("int", "uint")) else value


def _end(value: float | str | None, word: str) -> float | str | None:
    if isinstance(value, str) or value is None:
        return value
    return shown_moment(value, word) if word.startswith("date") else _plain(value, word)


def shown_moment(seconds: float, word: str) -> str:
    """Return seconds since the epoch as ISO 8601 text, in the form of a type of dates or moments."""
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return f"{seconds:.0f} s"
    if word == "date":
        return moment.date().isoformat()
    text = moment.replace(tzinfo=None).isoformat()
    return text + "Z" if word == "datetime_utc" else text


def gauge_of(column: ColumnProfile) -> Gauge:
    """Return a stored profile of a column as something that merges."""
    bins = column.bins
    held: Numbers | Texts | Spread | None = None
    present = column.rows - column.nulls - column.not_finite
    if isinstance(bins, NumericReference):
        if bins.is_discrete or not bins.edges:
            counts = np.asarray(bins.counts[:-1], dtype=np.int64)
            kept = counts > 0
            held = Numbers(values=np.asarray(bins.edges, dtype=np.float64)[kept], counts=counts[kept])
    elif isinstance(bins, CategoryReference) and not bins.other:
        frame = pl.DataFrame(
            {"value": bins.values, "count": bins.counts}, schema={"value": pl.String, "count": pl.Int64}
        )
        held = Texts(frame=frame.sort("value"))
    if held is None and bins is not None:
        unpacked = sketch.unpack(column.sketch)
        low, high = (bins.low, bins.high) if isinstance(bins, NumericReference) else (column.low, column.high)
        held = Spread(
            bins=bins,
            moments=Moments.of(present, column.mean or 0.0, column.deviation or 0.0, column.skewness, column.kurtosis),
            registers=unpacked[1] if unpacked else None,
            hash_kind=unpacked[0] if unpacked else "",
            distinct=column.distinct or 0,
            low=low,
            high=high,
            top=column.top if not column.is_moment else (),
            length=column.length,
            ranks=unpack_ranks(column.ranks),
            zeros=column.zeros or 0,
            negatives=column.negatives or 0,
            timeline=column.timeline,
        )
    return Gauge(
        name=column.name,
        type=column.type,
        rows=column.rows,
        nulls=column.nulls,
        not_finite=column.not_finite,
        held=held,
    )
