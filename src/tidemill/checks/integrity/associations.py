"""How much two columns say of each other, whatever their types."""

import math
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.distributions import two_sided
from tidemill.checks.integrity.texts import is_text
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from tidemill.checks.columns import Floats

    Codes = npt.NDArray[np.int64]
else:
    np = lazy("numpy")
    pl = lazy("polars")

_ROWS_NEEDED = 30
_MOST_CATEGORIES = 50
_MOST_TEXTS = 60
_FIELLER = 1.06  # the variance of Fisher's z of a rank correlation, times rows less 3


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """How much two columns say of each other, from 0 to 1, with its interval."""

    first: str
    second: str
    measure: str
    value: float
    low: float
    high: float
    rows: int


def measure_pairs(frame: "pl.DataFrame", *, confidence: float) -> list[Pair]:
    """Return every pair of columns that can be measured, the closest first, with intervals that hold at once.

    Words beyond the 49 most frequent of a column count as one; columns of names, in which hardly a word comes twice,
    and the sixty-first column of words and further ones are left out.
    """
    ranks = {name: _ranks(frame[name]) for name, dtype in frame.schema.items() if _is_amount(dtype)}
    texts = [name for name, dtype in frame.schema.items() if is_text(dtype)][:_MOST_TEXTS]
    codes = {name: code for name in texts if (code := _codes(frame[name])) is not None}
    found = _of_numbers(ranks)
    found += [_of_words(one, other, codes[one], codes[other]) for one, other in combinations(codes, 2)]
    found += [_of_both(word, number, codes[word], ranks[number]) for word in codes for number in ranks]
    kept = [one for one in found if one[4] >= _ROWS_NEEDED and math.isfinite(one[3])]
    z = two_sided(1 - (1 - confidence) / max(1, len(kept)))
    pairs = [_with_interval(*one, z) for one in kept]
    return sorted(pairs, key=lambda one: (-one.value, one.first, one.second))


_Measured = tuple[str, str, str, float, int]


def _is_amount(dtype: "pl.DataType") -> bool:
    return dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean


def _with_interval(first: str, second: str, measure: str, value: float, rows: int, z: float) -> Pair:
    size = min(1.0, abs(value))
    if size >= 1.0:
        low = high = 1.0
    else:
        half = z * math.sqrt(_FIELLER / (rows - 3))
        low, high = max(0.0, math.tanh(math.atanh(size) - half)), math.tanh(math.atanh(size) + half)
    return Pair(first=first, second=second, measure=measure, value=size, low=low, high=high, rows=rows)


def _ranks(values: "pl.Series") -> "Floats":
    """Return ranks with mean 0, shape (rows,), NaN where a value is missing."""
    plain = values.to_physical()
    known = plain.fill_nan(None) if plain.dtype.is_float() else plain
    ranks = known.rank("average").cast(pl.Float64).to_numpy()
    kept = np.isfinite(ranks)
    return np.asarray(ranks - (ranks[kept].mean() if kept.any() else 0.0))


def _of_numbers(ranks: "dict[str, Floats]") -> list[_Measured]:
    """Return the rank correlation of every two columns over the rows that have both."""
    if len(ranks) < 2:
        return []
    names = list(ranks)
    matrix = np.column_stack([ranks[name] for name in names])
    known = np.isfinite(matrix)
    filled, shown = np.where(known, matrix, 0.0), known.astype(np.float64)
    rows = shown.T @ shown
    sums, squares = filled.T @ shown, (filled * filled).T @ shown
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = squares - sums * sums / rows
        shared = filled.T @ filled - sums * sums.T / rows
        scale = np.sqrt(spread * spread.T)
        values = np.where((spread > 0) & (spread.T > 0), shared / scale, np.nan)
    return [
        (names[i], names[j], "spearman", float(values[i, j]), int(rows[i, j]))
        for i in range(len(names))
        for j in range(i + 1, len(names))
    ]


def _codes(values: "pl.Series") -> "Codes | None":
    """Return the number of each row's word, shape (rows,), -1 where it is missing; None for a column of names."""
    words = values.cast(pl.String)
    counted = words.drop_nulls().rename("value").value_counts(name="count")
    if counted.height < 2 or counted.height > counted["count"].sum() / 2:
        return None
    ranked = counted.sort(["count", "value"], descending=[True, False])["value"].head(_MOST_CATEGORIES - 1)
    order = pl.DataFrame({"value": ranked, "code": np.arange(len(ranked), dtype=np.int64)})
    joined = pl.DataFrame({"value": words}).join(order, on="value", how="left", maintain_order="left")
    other = pl.when(pl.col("value").is_null()).then(-1).otherwise(len(ranked))
    return joined.select(pl.coalesce("code", other)).to_series().cast(pl.Int64).to_numpy()


def _of_words(first: str, second: str, one: "Codes", other: "Codes") -> _Measured:
    """Return the bias-corrected Cramér's V of two columns."""
    both = (one >= 0) & (other >= 0)
    rows = int(both.sum())
    cells = np.zeros((_MOST_CATEGORIES, _MOST_CATEGORIES))
    np.add.at(cells, (one[both], other[both]), 1.0)
    cells = cells[cells.sum(axis=1) > 0][:, cells.sum(axis=0) > 0]
    height, width = cells.shape
    if rows < 2 or min(height, width) < 2:
        return first, second, "cramers_v", math.nan, rows
    expected = np.outer(cells.sum(axis=1), cells.sum(axis=0)) / rows
    square = float(np.sum((cells - expected) ** 2 / expected)) / rows
    excess = max(0.0, square - (height - 1) * (width - 1) / (rows - 1))
    least = min(height - (height - 1) ** 2 / (rows - 1), width - (width - 1) ** 2 / (rows - 1)) - 1
    return first, second, "cramers_v", math.sqrt(excess / least) if least > 0 else math.nan, rows


def _of_both(word: str, number: str, codes: "Codes", ranks: "Floats") -> _Measured:
    """Return the correlation ratio of ranks by word, its bias taken off."""
    both = (codes >= 0) & np.isfinite(ranks)
    rows = int(both.sum())
    if rows < 2:
        return word, number, "correlation_ratio", math.nan, rows
    groups, values = codes[both], ranks[both]
    sizes = np.bincount(groups)
    sums = np.bincount(groups, weights=values)[sizes > 0]
    sizes = sizes[sizes > 0]
    total = float(np.sum(values * values) - values.sum() ** 2 / rows)
    within = float(np.sum(values * values) - np.sum(sums * sums / sizes))
    if total <= 0 or rows <= len(sizes):
        return word, number, "correlation_ratio", math.nan, rows
    ratio = 1 - (within / (rows - len(sizes))) / (total / (rows - 1))
    return word, number, "correlation_ratio", math.sqrt(min(1.0, max(0.0, ratio))), rows
