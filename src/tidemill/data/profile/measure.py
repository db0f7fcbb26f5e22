"""One batch of a column, measured."""

from typing import TYPE_CHECKING

from tidemill.checks.drift.reference import CategoryReference, NumericReference
from tidemill.checks.drift.summary import bin_counts
from tidemill.core.lazy import lazy
from tidemill.data.profile import sketch
from tidemill.data.profile.bins import CATEGORIES_PER_BIN, bins_of_counts, quantile_edges
from tidemill.data.profile.gauge import (
    MOST_COUNTED,
    Gauge,
    Moments,
    Numbers,
    Spread,
    Texts,
    is_number,
    moments_of,
)
from tidemill.data.profile.records import TextLength, TopValue
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


def measure(series: "pl.Series", most_bins: int) -> Gauge:
    """Return what a batch of a column holds.

    Args:
        series: The rows; NaN and infinities are left out.
        most_bins: About how many quantile bins.
    """
    word = type_word(series.dtype)
    known = series.drop_nulls()
    held: Numbers | Texts | Spread | None = None
    if is_number(word):
        held = _measure_numbers(known, most_bins)
    elif word in {"text", "bool"}:
        held = _measure_texts(known.cast(pl.String), most_bins * CATEGORIES_PER_BIN)
    return Gauge(name=series.name, type=word, rows=len(series), nulls=series.null_count(), held=held)


def _as_numbers(known: "pl.Series") -> "npt.NDArray[np.generic]":
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


def _measure_numbers(known: "pl.Series", most_bins: int) -> Numbers | Spread:
    array = _as_numbers(known)
    if not len(array):
        return Numbers(values=np.empty(0), counts=np.empty(0, np.int64))
    low, high = array.min(), array.max()
    whole = array.dtype.kind in "iu"
    counted: Numbers | None = None
    if whole and max(abs(int(low)), abs(int(high))) > _EXACT_FLOAT:
        return _spread_numbers(known.name, array, most_bins)
    if whole and int(high) - int(low) < min(_DENSE, 64 * len(array) + 1024):
        counts = np.bincount(array.astype(np.int64) - int(low))
        places = np.flatnonzero(counts)
        counted = Numbers(values=(places + int(low)).astype(np.float64), counts=counts[places])
    elif len(array) <= _SAMPLE or _repeats(array):
        counted = _count(array)
    if counted is not None and len(counted.values) <= MOST_COUNTED:
        return counted
    return _spread_numbers(known.name, array, most_bins)


def _count(array: "npt.NDArray[np.generic]") -> Numbers:
    if len(array) <= _SAMPLE:
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


def _spread_numbers(name: str, array: "npt.NDArray[np.generic]", most_bins: int) -> Spread:
    numbers = array.astype(np.float64, copy=False)
    low, high = float(numbers.min()), float(numbers.max())
    values, counts = np.unique(numbers[:: max(1, len(numbers) // _SAMPLE)], return_counts=True)
    edges, _ = quantile_edges(values, counts, most_bins)
    edges[0], edges[-1] = (np.nextafter(low, -np.inf) if low > np.finfo(np.float64).min else low), high
    moments = moments_of(numbers)
    exact = array.dtype.kind == "f" or max(abs(low), abs(high)) <= _EXACT_FLOAT
    hashes = sketch.hash_numbers(numbers) if exact else sketch.hash_bits(array.astype(np.int64).view(np.uint64))
    return Spread(
        bins=NumericReference(
            name=name,
            edges=tuple(edges.tolist()),
            counts=tuple(bin_counts(numbers, edges).tolist()),
            nulls=0,
            low=low,
            high=high,
            deviation=moments.deviation,
            is_discrete=False,
        ),
        moments=moments,
        registers=sketch.registers(hashes),
        hash_kind=sketch.NUMBER_KIND if exact else sketch.WHOLE_KIND,
        low=low,
        high=high,
        top=_heavy_numbers(numbers, values, counts),
    )


def _heavy_numbers(
    numbers: "npt.NDArray[np.float64]", values: "npt.NDArray[np.float64]", counts: "npt.NDArray[np.int64]"
) -> tuple[TopValue, ...]:
    heavy = values[(counts > _HEAVY * counts.sum()) & (counts > 1)][:_MOST_TOP]
    found = [TopValue(value=f"{value:.17g}", count=int(np.count_nonzero(numbers == value))) for value in heavy]
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
        length=_length(lengths.to_numpy(), None),
    )


def cut(value: object) -> str | None:
    """Return a text, shortened for the profile."""
    return None if value is None else str(value)[:_LONGEST_VALUE]


def spread(gauge: Gauge, most_bins: int) -> Gauge:
    """Return a column whose values were all kept as bins and a sketch."""
    held = gauge.held
    if isinstance(held, Numbers):
        moments = moments_of(held.values, held.counts)
        bins = bins_of_counts(
            gauge.name, held.values, held.counts, nulls=0, deviation=moments.deviation, most=most_bins
        )
        made = Spread(
            bins=bins,
            moments=moments,
            registers=sketch.registers(sketch.hash_numbers(held.values)),
            hash_kind=sketch.NUMBER_KIND,
            distinct=len(held.values),
            low=bins.low,
            high=bins.high,
            top=top_numbers(held),
        )
        return Gauge(name=gauge.name, type=gauge.type, rows=gauge.rows, nulls=gauge.nulls, held=made)
    if isinstance(held, Texts):
        made = Spread(
            bins=categories(gauge.name, held, most=most_bins * CATEGORIES_PER_BIN),
            moments=Moments(count=gauge.rows - gauge.nulls),
            registers=sketch.registers(sketch.hash_texts(held.frame["value"])),
            hash_kind=sketch.text_kind(),
            distinct=held.frame.height,
            low=cut(held.frame["value"].min()),
            high=cut(held.frame["value"].max()),
            top=top_texts(held),
            length=length_of(held),
        )
        return Gauge(name=gauge.name, type=gauge.type, rows=gauge.rows, nulls=gauge.nulls, held=made)
    return gauge


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
        TopValue(value=f"{held.values[place]:.17g}", count=int(held.counts[place]))
        for place in order
        if held.counts[place] > 1
    )


def top_texts(held: Texts) -> tuple[TopValue, ...]:
    """Return the most frequent texts."""
    ordered = held.frame.sort(["count", "value"], descending=[True, False]).head(_MOST_TOP)
    return tuple(TopValue(value=cut(value) or "", count=count) for value, count in ordered.iter_rows())


def length_of(held: Texts) -> TextLength | None:
    """Return how long the texts are."""
    if not held.frame.height:
        return None
    return _length(held.frame["value"].str.len_chars().to_numpy(), held.frame["count"].to_numpy())


def _length(lengths: "npt.NDArray[np.generic]", counts: "npt.NDArray[np.int64] | None") -> TextLength:
    whole = lengths.astype(np.float64)
    mean = float(np.average(whole, weights=counts))
    return TextLength(shortest=int(whole.min()), longest=int(whole.max()), mean=mean)
