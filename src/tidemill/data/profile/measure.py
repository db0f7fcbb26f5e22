"""One batch of a column, measured."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tidemill.checks.drift.reference import CategoryReference, NumericReference
from tidemill.checks.drift.summary import bin_counts
from tidemill.core.lazy import lazy
from tidemill.data.profile import sketch
from tidemill.data.profile.bins import CATEGORIES_PER_BIN, bins_of_counts, quantile_edges
from tidemill.data.profile.gauge import (
    MOST_COUNTED,
    Gauge,
    Numbers,
    Spread,
    Texts,
    is_number,
)
from tidemill.data.profile.kll import ranks_of
from tidemill.data.profile.lengths import lengths_of
from tidemill.data.profile.moments import Moments, moments_of
from tidemill.data.profile.records import TopValue
from tidemill.data.profile.timeline import DAY_S, timeline_of
from tidemill.data.types import type_word

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")

_DENSE = 1 << 20
_EXACT_FLOAT = 1 << 53
_SAMPLE = 1 << 16
_PROBE = 1 << 12
_MOST_TOP = 20
_HEAVY = 0.005
_LONGEST_VALUE = 100
_FINER = 2
_RUN = 8


def measure(series: "pl.Series", most_bins: int) -> Gauge:
    """Return what a batch of a column holds.

    Args:
        series: The rows; NaN and infinities are left out.
        most_bins: About how many quantile bins.
    """
    word = type_word(series.dtype)
    known = series.drop_nulls()
    held: Numbers | Texts | Spread | None = None
    strange = 0
    if is_number(word):
        array = as_numbers(known)
        strange = len(known) - len(array)
        held = _measure_numbers(series.name, word, array, most_bins)
    elif word in {"text", "bool"}:
        held = _measure_texts(known.cast(pl.String), most_bins * CATEGORIES_PER_BIN)
    return Gauge(
        name=series.name, type=word, rows=len(series), nulls=series.null_count(), not_finite=strange, held=held
    )


def as_numbers(known: "pl.Series") -> "npt.NDArray[np.generic]":
    """Return the finite numbers of a column without nulls, dates and moments in seconds since the epoch."""
    dtype = known.dtype
    if dtype == pl.Date:
        return known.to_physical().to_numpy() * 86400.0
    if isinstance(dtype, pl.Datetime | pl.Duration):
        per_second = {"ms": 1e3, "us": 1e6, "ns": 1e9}[dtype.time_unit]
        return known.to_physical().to_numpy() / per_second
    if dtype.is_integer():
        return known.to_numpy()
    array = known.cast(pl.Float64).to_numpy()
    finite = np.isfinite(array)
    return array if finite.all() else array[finite]


def _measure_numbers(name: str, word: str, array: "npt.NDArray[np.generic]", most_bins: int) -> Numbers | Spread:
    if not len(array):
        return Numbers(values=np.empty(0), counts=np.empty(0, np.int64))
    low, high = array.min(), array.max()
    whole = array.dtype.kind in "iu"
    counted: Numbers | None = None
    if whole and max(abs(int(low)), abs(int(high))) > _EXACT_FLOAT:
        return _spread_numbers(name, word, array, most_bins)
    if whole and int(high) - int(low) < min(_DENSE, 64 * len(array) + 1024):
        counts = np.bincount(array.astype(np.int64) - int(low))
        places = np.flatnonzero(counts)
        counted = Numbers(values=(places + int(low)).astype(np.float64), counts=counts[places])
    elif len(array) <= _SAMPLE or _repeats(array):
        counted = _count(array)
    if counted is not None and len(counted.values) <= MOST_COUNTED:
        return counted
    return _spread_numbers(name, word, array, most_bins)


def _count(array: "npt.NDArray[np.generic]") -> Numbers:
    starts = np.concatenate([[0], np.flatnonzero(array[1:] != array[:-1]) + 1])
    if len(starts) * _RUN < len(array):  # rows that stand in the order of time, or one group after another
        values, places = np.unique(array[starts], return_inverse=True)
        counts = np.bincount(places, weights=np.diff(starts, append=len(array))).astype(np.int64)
    elif len(array) <= _SAMPLE:
        values, counts = np.unique(array, return_counts=True)
    else:
        frame = pl.Series("value", array).value_counts(name="count").sort("value")
        values, counts = frame["value"].to_numpy(), frame["count"].cast(pl.Int64).to_numpy()
    return Numbers(values=values.astype(np.float64), counts=counts)


def _repeats(array: "npt.NDArray[np.generic]") -> bool:
    """Return whether a column probably has few different values, by the estimate of Chao (1984) on a probe."""
    probe = array[:: max(1, len(array) // _PROBE)]
    counts = np.unique(probe, return_counts=True)[1]
    once, twice = int(np.count_nonzero(counts == 1)), int(np.count_nonzero(counts == 2))
    return len(counts) + once * once / (2 * twice + 1) < MOST_COUNTED / 4


def _spread_numbers(name: str, word: str, array: "npt.NDArray[np.generic]", most_bins: int) -> Spread:
    numbers = array.astype(np.float64, copy=False)
    low, high = float(numbers.min()), float(numbers.max())
    values, counts = np.unique(numbers[:: max(1, len(numbers) // _SAMPLE)], return_counts=True)
    edges, fine = (quantile_edges(values, counts, most)[0] for most in (most_bins, most_bins * _FINER))
    for ends in (edges, fine):
        ends[0], ends[-1] = (np.nextafter(low, -np.inf) if low > np.finfo(np.float64).min else low), high
    fine = np.union1d(edges, fine)
    in_fine = bin_counts(numbers, fine)
    moments = moments_of(numbers)
    exact = array.dtype.kind == "f" or max(abs(low), abs(high)) <= _EXACT_FLOAT
    registers = (
        sketch.registers(numbers, sketch.hash_numbers)
        if exact
        else sketch.registers(array.astype(np.int64).view(np.uint64), sketch.hash_bits)
    )
    return Spread(
        bins=NumericReference(
            name=name,
            edges=tuple(edges.tolist()),
            counts=(*np.diff(np.cumsum(in_fine)[np.searchsorted(fine, edges)], prepend=0).tolist(), 0),
            nulls=0,
            low=low,
            high=high,
            deviation=moments.deviation,
            is_discrete=False,
        ),
        moments=moments,
        registers=registers,
        hash_kind=sketch.NUMBER_KIND if exact else sketch.WHOLE_KIND,
        low=low,
        high=high,
        top=_heavy_numbers(numbers, values, counts),
        ranks=ranks_of(fine, in_fine[:-1], most_bins),
        zeros=int(np.count_nonzero(numbers == 0)),
        negatives=int(np.count_nonzero(numbers < 0)),
        timeline=timeline_of(numbers, least_s=least_period(word)) if word.startswith("date") else None,
    )


def least_period(word: str) -> int:
    """Return the shortest period, in seconds, in which rows of a type of dates or moments are counted."""
    return DAY_S if word == "date" else 1


def _heavy_numbers(
    numbers: "npt.NDArray[np.float64]", values: "npt.NDArray[np.float64]", counts: "npt.NDArray[np.int64]"
) -> tuple[TopValue, ...]:
    heavy = values[(counts > _HEAVY * counts.sum()) & (counts > 1)][:_MOST_TOP]
    found = [TopValue(value=_written(value), count=int(np.count_nonzero(numbers == value))) for value in heavy]
    return tuple(sorted(found, key=lambda top: (-top.count, top.value)))


def _measure_texts(known: "pl.Series", most: int) -> Texts | Spread:
    if len(known) <= _SAMPLE or known.gather_every(max(1, len(known) // _PROBE)).n_unique() < _PROBE // 2:
        counted = known.rename("value").value_counts(name="count").with_columns(pl.col("count").cast(pl.Int64))
        if counted.height <= MOST_COUNTED:
            return Texts(frame=counted.sort("value"))
    return _spread_texts(known, most)


def _spread_texts(known: "pl.Series", most: int) -> Spread:
    sample = known.gather_every(max(1, len(known) // _SAMPLE))
    often = sample.rename("value").value_counts(name="count")
    heavy = often.filter((pl.col("count") > _HEAVY * len(sample)) & (pl.col("count") > 1))["value"]
    counted = known.filter(known.is_in(heavy.implode())).rename("value").value_counts(name="count")
    ordered = counted.sort(["count", "value"], descending=[True, False]).head(most)
    values, counts = ordered["value"].to_list(), ordered["count"].to_list()
    lengths = known.str.len_chars()
    return Spread(
        bins=CategoryReference(
            name=known.name, values=tuple(values), counts=tuple(counts), other=len(known) - sum(counts), nulls=0
        ),
        moments=Moments(count=len(known)),
        registers=sketch.registers(sketch.hash_texts(known)),
        hash_kind=sketch.text_kind(),
        low=cut(known.min()),
        high=cut(known.max()),
        top=tuple(TopValue(value=cut(v) or "", count=c) for v, c in zip(values, counts, strict=True))[:_MOST_TOP],
        length=lengths_of(lengths.to_numpy()),
    )


def cut(value: object) -> str | None:
    """Return a text, shortened for the profile."""
    return None if value is None else str(value)[:_LONGEST_VALUE]


def spread(gauge: Gauge, most_bins: int, *, sketched: bool = True) -> Gauge:
    """Return a column whose values were all kept as bins and sketches; without sketches where not asked."""
    held = gauge.held
    if isinstance(held, Numbers):
        return replace(gauge, held=_spread_counted(gauge, held, most_bins, sketched=sketched))
    if isinstance(held, Texts):
        texts = held.frame["value"]
        made = Spread(
            bins=categories(gauge.name, held, most=most_bins * CATEGORIES_PER_BIN),
            moments=Moments(count=gauge.rows - gauge.nulls),
            registers=sketch.registers(sketch.hash_texts(texts)) if sketched else None,
            hash_kind=sketch.text_kind() if sketched else "",
            distinct=held.frame.height,
            low=cut(texts.min()),
            high=cut(texts.max()),
            top=top_texts(held),
            length=lengths_of(texts.str.len_chars().to_numpy(), held.frame["count"].to_numpy()),
        )
        return replace(gauge, held=made)
    return gauge


def _spread_counted(gauge: Gauge, held: Numbers, most_bins: int, *, sketched: bool) -> Spread:
    moments = moments_of(held.values, held.counts)
    bins = bins_of_counts(gauge.name, held.values, held.counts, nulls=0, deviation=moments.deviation, most=most_bins)
    is_moment = gauge.type.startswith("date")
    return Spread(
        bins=bins,
        moments=moments,
        registers=sketch.registers(held.values, sketch.hash_numbers) if sketched else None,
        hash_kind=sketch.NUMBER_KIND if sketched else "",
        distinct=len(held.values),
        low=bins.low,
        high=bins.high,
        top=top_numbers(held),
        ranks=ranks_of(held.values, held.counts, most_bins) if sketched else None,
        zeros=int(held.counts[held.values == 0].sum()),
        negatives=int(held.counts[held.values < 0].sum()),
        timeline=timeline_of(held.values, held.counts, least_s=least_period(gauge.type)) if is_moment else None,
    )


def categories(name: str, held: Texts, *, most: int) -> CategoryReference:
    """Return the most frequent texts and the rows of all others."""
    ordered = held.frame.sort(["count", "value"], descending=[True, False])
    return CategoryReference(
        name=name,
        values=tuple(ordered["value"].head(most).to_list()),
        counts=tuple(ordered["count"].head(most).to_list()),
        other=int(ordered["count"].slice(most).sum()),
        nulls=0,
    )


def top_numbers(held: Numbers) -> tuple[TopValue, ...]:
    """Return the most frequent numbers, when any comes twice."""
    order = np.lexsort((held.values, -held.counts))[:_MOST_TOP]
    return tuple(
        TopValue(value=_written(held.values[place]), count=int(held.counts[place]))
        for place in order
        if held.counts[place] > 1
    )


def _written(value: "np.float64") -> str:
    """Return a number in the fewest digits that name it."""
    number = float(value)
    return f"{number:.17g}" if number.is_integer() else repr(number)


def top_texts(held: Texts) -> tuple[TopValue, ...]:
    """Return the most frequent texts."""
    ordered = held.frame.sort(["count", "value"], descending=[True, False]).head(_MOST_TOP)
    return tuple(TopValue(value=cut(value) or "", count=count) for value, count in ordered.iter_rows())
