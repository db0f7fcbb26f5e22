"""Profiles of lots of rows, put together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tidemill.checks.drift.reference import CategoryReference, NumericReference
from tidemill.core.lazy import lazy
from tidemill.data.profile import sketch
from tidemill.data.profile.bins import CATEGORIES_PER_BIN, merge_bins, merge_categories
from tidemill.data.profile.finish import column_profile, gauge_of
from tidemill.data.profile.gauge import (
    MOST_COUNTED,
    Gauge,
    Numbers,
    Spread,
    Texts,
    is_number,
    merge_numbers,
    merge_texts,
)
from tidemill.data.profile.kll import merge_ranks
from tidemill.data.profile.lengths import merge_lengths
from tidemill.data.profile.measure import spread
from tidemill.data.profile.records import ColumnProfile, Profile, TopValue
from tidemill.data.profile.relate import merge_relations
from tidemill.data.profile.timeline import merge_timelines
from tidemill.data.types import joined

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")

_MOST_TOP = 20


def merge_profiles(profiles: Sequence[Profile]) -> Profile:
    """Return the profile of several tables together, without their rows.

    Counts, nulls, ends, moments, lengths, timelines and relations are exact; quantiles are within 1 percent of the
    rows, bins within about one bin, and distinct is estimated, unless every value is known on every side.

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
    relations = merge_relations([profile.relations for profile in profiles])
    return Profile(rows=rows, columns=tuple(merged), relations=relations)


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
    strange = sum(gauge.not_finite for gauge in gauges)
    return Gauge(name=first.name, type=word, rows=rows, nulls=nulls, not_finite=strange, held=held)


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
    ranks = [part.ranks for part in parts if part.ranks is not None]
    timelines = [part.timeline for part in parts if part.timeline is not None]
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
        length=merge_lengths([(part.length, part.moments.count) for part in parts if part.length is not None]),
        ranks=merge_ranks(ranks) if len(ranks) == len(parts) else None,
        zeros=sum(part.zeros for part in parts),
        negatives=sum(part.negatives for part in parts),
        timeline=merge_timelines(timelines) if len(timelines) == len(parts) else None,
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
