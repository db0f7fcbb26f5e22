"""Profiles of lots of rows, put together."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.drift.reference import CategoryReference, NumericReference
from tidemill.core.lazy import lazy
from tidemill.data.profile import sketch
from tidemill.data.profile.bins import CATEGORIES_PER_BIN, merge_bins, merge_categories
from tidemill.data.profile.gauge import (
    MOST_COUNTED,
    Gauge,
    Moments,
    Numbers,
    Spread,
    Texts,
    is_number,
    merge_numbers,
    merge_texts,
)
from tidemill.data.profile.measure import spread
from tidemill.data.profile.records import ColumnProfile, Profile, TextLength, TopValue
from tidemill.data.types import joined

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")

_MOST_TOP = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def merge_profiles(profiles: Sequence[Profile]) -> Profile:
    """Return the profile of several tables together, without their rows.

    Counts, nulls, lowest, highest, mean and deviation are exact; bins are within about one bin, and distinct is
    estimated, unless every value is known on every side.

    Args:
        profiles: At least one; a column that one of them lacks counts as missing there.
    """
    if len(profiles) == 1:
        return profiles[0]
    most = bins_for(max(len(profile.columns) for profile in profiles))
    rows = sum(profile.rows for profile in profiles)
    by_name: dict[str, list[ColumnProfile]] = {}
    for profile in profiles:
        for column in profile.columns:
            by_name.setdefault(column.name, []).append(column)
    merged = []
    for columns in by_name.values():
        gauge = merge_gauges([gauge_of(column) for column in columns], most)
        absent = rows - gauge.rows
        merged.append(column_profile(replace(gauge, rows=rows, nulls=gauge.nulls + absent), most))
    return Profile(rows=rows, columns=tuple(merged))


def bins_for(columns: int) -> int:
    """Return how many quantile bins a column gets in a table of that many columns."""
    return 256 if columns <= 1000 else 64 if columns <= 4000 else 32


def merge_gauges(gauges: Sequence[Gauge], most_bins: int) -> Gauge:
    """Return several lots of rows of one column together."""
    first = gauges[0]
    filled = [gauge for gauge in gauges if gauge.rows > gauge.nulls] or [first]
    word = filled[0].type
    for gauge in filled[1:]:
        word = joined(word, gauge.type) or "text"
    rows, nulls = sum(gauge.rows for gauge in gauges), sum(gauge.nulls for gauge in gauges)
    held = _merge_held([gauge for gauge in gauges if gauge.held is not None], most_bins, word)
    return Gauge(name=first.name, type=word, rows=rows, nulls=nulls, held=held)


def _merge_held(gauges: Sequence[Gauge], most_bins: int, word: str) -> Numbers | Texts | Spread | None:
    numeric = is_number(word)
    fitting = [gauge for gauge in gauges if gauge.rows > gauge.nulls and is_number(gauge.type) == numeric]
    if not fitting:
        return gauges[0].held if gauges else None
    if len(fitting) == 1:
        return fitting[0].held
    numbers = [gauge.held for gauge in fitting if isinstance(gauge.held, Numbers)]
    texts = [gauge.held for gauge in fitting if isinstance(gauge.held, Texts)]
    if len(numbers) == len(fitting):
        all_numbers = merge_numbers(numbers)
        if len(all_numbers.values) <= MOST_COUNTED:
            return all_numbers
    if len(texts) == len(fitting):
        all_texts = merge_texts(texts)
        if all_texts.frame.height <= MOST_COUNTED:
            return all_texts
    spreads = [spread(gauge, most_bins).held for gauge in fitting]
    return _merge_spreads([held for held in spreads if isinstance(held, Spread)], most_bins)


def _merge_spreads(parts: Sequence[Spread], most_bins: int) -> Spread:
    moments = sum((part.moments for part in parts[1:]), parts[0].moments)
    numeric = [part.bins for part in parts if isinstance(part.bins, NumericReference)]
    named = [part.bins for part in parts if isinstance(part.bins, CategoryReference)]
    kinds = {part.hash_kind for part in parts}
    registers = [part.registers for part in parts if part.registers is not None]
    merged = np.maximum.reduce(registers) if len(kinds) == 1 and len(registers) == len(parts) else None
    known = [part.distinct or (sketch.estimate(part.registers) if part.registers is not None else 0) for part in parts]
    return Spread(
        bins=merge_bins(numeric, deviation=moments.deviation, most=most_bins)
        if numeric
        else merge_categories(named, most=most_bins * CATEGORIES_PER_BIN),
        moments=moments,
        registers=merged,
        hash_kind=kinds.pop() if merged is not None else "",
        distinct=0 if merged is not None else max(known),
        low=_end([part.low for part in parts], smallest=True),
        high=_end([part.high for part in parts], smallest=False),
        top=_merge_top([part.top for part in parts]),
        length=_merge_lengths(parts),
    )


def _end(values: Sequence[float | str | None], *, smallest: bool) -> float | str | None:
    texts = [value for value in values if isinstance(value, str)]
    if texts:
        return min(texts) if smallest else max(texts)
    numbers = [value for value in values if isinstance(value, int | float)]
    if not numbers:
        return None
    return min(numbers) if smallest else max(numbers)


def _merge_top(tops: Sequence[tuple[TopValue, ...]]) -> tuple[TopValue, ...]:
    counts: dict[str, int] = {}
    for top in tops:
        for value in top:
            counts[value.value] = counts.get(value.value, 0) + value.count
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST_TOP]
    return tuple(TopValue(value=value, count=count) for value, count in ordered)


def _merge_lengths(parts: Sequence[Spread]) -> TextLength | None:
    known = [(part.length, part.moments.count) for part in parts if part.length is not None]
    if not known:
        return None
    total = sum(count for _, count in known) or 1
    return TextLength(
        shortest=min(length.shortest for length, _ in known),
        longest=max(length.longest for length, _ in known),
        mean=sum(length.mean * count for length, count in known) / total,
    )


def column_profile(gauge: Gauge, most_bins: int) -> ColumnProfile:
    """Return what is kept of a column for good."""
    held = gauge.held
    if held is None:
        return ColumnProfile(name=gauge.name, type=gauge.type, rows=gauge.rows, nulls=gauge.nulls)
    exact = not isinstance(held, Spread)
    distinct = len(held.values) if isinstance(held, Numbers) else held.frame.height if isinstance(held, Texts) else None
    made = spread(gauge, most_bins).held
    if not isinstance(made, Spread):
        raise TypeError(made)
    if distinct is None:
        distinct = made.distinct or (sketch.estimate(made.registers) if made.registers is not None else None)
    is_moment, is_text = gauge.type.startswith("date"), not is_number(gauge.type)
    is_complete = exact and (made.bins.is_discrete if isinstance(made.bins, NumericReference) else made.bins.other == 0)
    numeric = made.moments.count > 0 and not is_text
    share = _share_of_true(made.bins) if gauge.type == "bool" else None
    return ColumnProfile(
        name=gauge.name,
        type=gauge.type,
        rows=gauge.rows,
        nulls=gauge.nulls,
        distinct=distinct,
        is_distinct_exact=exact,
        low=_shown_end(made.low, gauge.type) if is_moment else _plain_end(made.low, gauge.type),
        high=_shown_end(made.high, gauge.type) if is_moment else _plain_end(made.high, gauge.type),
        mean=made.moments.mean if numeric else share,
        deviation=made.moments.deviation if numeric else None if share is None else (share * (1 - share)) ** 0.5,
        bins=msgspec.structs.replace(made.bins, name=gauge.name, nulls=gauge.nulls),
        top=tuple(
            msgspec.structs.replace(top, value=str(_shown_end(float(top.value), gauge.type))) if is_moment else top
            for top in made.top
        ),
        length=made.length if gauge.type == "text" else None,
        sketch="" if is_complete or made.registers is None else sketch.pack(made.registers, made.hash_kind),
    )


def _share_of_true(bins: NumericReference | CategoryReference) -> float | None:
    if not isinstance(bins, CategoryReference) or not sum(bins.counts):
        return None
    return dict(zip(bins.values, bins.counts, strict=True)).get("true", 0) / sum(bins.counts)


def _plain_end(value: float | str | None, word: str) -> float | str | None:
    if isinstance(value, float) and word.startswith(("int", "uint")):
        return int(value)
    return value


def _shown_end(value: float | str | None, word: str) -> str | None:
    if not isinstance(value, int | float):
        return value
    try:
        moment = _EPOCH + timedelta(seconds=value)
    except OverflowError:
        return f"{value:.0f} s"
    if word == "date":
        return moment.date().isoformat()
    text = moment.replace(tzinfo=None).isoformat()
    return text + "Z" if word == "datetime_utc" else text


def gauge_of(column: ColumnProfile) -> Gauge:
    """Return a stored profile of a column as something that merges."""
    bins = column.bins
    held: Numbers | Texts | Spread | None = None
    present = column.rows - column.nulls
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
            moments=Moments(count=present, mean=column.mean or 0.0, squares=(column.deviation or 0.0) ** 2 * present),
            registers=unpacked[1] if unpacked else None,
            hash_kind=unpacked[0] if unpacked else "",
            distinct=column.distinct or 0,
            low=low,
            high=high,
            top=column.top if not column.is_moment else (),
            length=column.length,
        )
    return Gauge(name=column.name, type=column.type, rows=column.rows, nulls=column.nulls, held=held)
