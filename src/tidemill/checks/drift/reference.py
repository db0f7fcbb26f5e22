"""What is kept of training data, so that later data can be compared with it: bins and counts, no rows."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.columns import numbers
from tidemill.checks.inputs import check_columns
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Floats = npt.NDArray[np.float64]
else:
    np = lazy("numpy")
    pl = lazy("polars")

MOST_BINS = 256
MOST_CATEGORIES = 100


class NumericReference(msgspec.Struct, frozen=True, kw_only=True, tag="numeric"):
    """A numeric column at training time.

    Args:
        name: The column.
        edges: Upper ends of the bins, increasing; bin `i` is `edges[i-1] < x <= edges[i]`. The first edge lies just
            below the smallest value and the last one is the largest, so that the outer bins hold what was never seen.
        counts: Rows per bin; one more than edges.
        nulls: Rows without a number (null or NaN).
        low: Smallest finite value; None when there is none.
        high: Largest finite value; None when there is none.
        deviation: Standard deviation of the finite values.
        is_discrete: Whether every distinct value has a bin of its own.
    """

    name: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    nulls: int
    low: float | None
    high: float | None
    deviation: float
    is_discrete: bool


class CategoryReference(msgspec.Struct, frozen=True, kw_only=True, tag="category"):
    """A column of categories at training time.

    Args:
        name: The column.
        values: The most frequent categories, most frequent first.
        counts: Rows per category.
        other: Rows of all other categories.
        nulls: Rows without a category.
    """

    name: str
    values: tuple[str, ...]
    counts: tuple[int, ...]
    other: int
    nulls: int


ColumnReference = NumericReference | CategoryReference


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A table at training time.

    Args:
        rows: Number of rows.
        columns: One entry a column, in the table's order.
        skipped: Columns that are not compared: times, which always move on, and nested values.
    """

    rows: int
    columns: tuple[ColumnReference, ...]
    skipped: tuple[str, ...] = ()


def build_reference(frame: "pl.DataFrame | pl.LazyFrame", columns: Iterable[str] | None = None) -> Reference:
    """Return what to keep of a table.

    Args:
        frame: The training rows.
        columns: Which columns; all when left out.

    Raises:
        ColumnMissing: If the table lacks one of them.
    """
    schema = frame.collect_schema()
    names = list(schema) if columns is None else list(dict.fromkeys(columns))
    check_columns(frame, names)
    kept: list[ColumnReference] = []
    skipped: list[str] = []
    table = frame.lazy().select([name for name in names if is_comparable(schema[name])]).collect()
    for name in names:
        if not is_comparable(schema[name]):
            skipped.append(name)
        elif is_numeric(schema[name]):
            kept.append(numeric_reference(name, table[name]))
        else:
            kept.append(category_reference(name, table[name]))
    return Reference(rows=table.height, columns=tuple(kept), skipped=tuple(skipped))


def is_numeric(dtype: "pl.DataType") -> bool:
    """Return whether a column of this type is binned by value."""
    return dtype.is_numeric() or dtype == pl.Duration


def is_comparable(dtype: "pl.DataType") -> bool:
    """Return whether a column of this type is compared at all."""
    return is_numeric(dtype) or dtype in (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Null)


def numeric_reference(
    name: str, values: "npt.NDArray[np.generic] | pl.Series", *, most_bins: int = MOST_BINS
) -> NumericReference:
    """Return what to keep of a numeric column: quantile bins, so that each holds about as many rows.

    A value that fills more than a bin on its own gets one to itself.

    Args:
        name: The column.
        values: The rows, shape (rows,); null and NaN count as missing, infinities fall in the outer bins.
        most_bins: About how many bins.

    Raises:
        NotNumbers: If the values are not numbers.
    """
    array = column_numbers(values, name)
    known = array[~np.isnan(array)]
    ordered = np.sort(known[np.isfinite(known)])
    if not len(ordered):
        counts = (len(known),)
        return NumericReference(
            name=name,
            edges=(),
            counts=counts,
            nulls=len(array) - len(known),
            low=None,
            high=None,
            deviation=0.0,
            is_discrete=False,
        )
    edges, is_discrete = _edges(ordered, most_bins)
    below = np.searchsorted(ordered, edges, side="right")
    inside = np.diff(below, prepend=0)
    lowest, highest = int(np.sum(known == -np.inf)), int(np.sum(known == np.inf))
    inside[0] += lowest
    middle = ordered[len(ordered) // 2]
    with np.errstate(over="ignore"):
        deviation = float(np.std(ordered - middle))
    return NumericReference(
        name=name,
        edges=tuple(edges.tolist()),
        counts=(*inside.tolist(), highest),
        nulls=len(array) - len(known),
        low=float(ordered[0]),
        high=float(ordered[-1]),
        deviation=deviation if np.isfinite(deviation) else 0.0,
        is_discrete=is_discrete,
    )


def _edges(ordered: "Floats", most_bins: int) -> "tuple[Floats, bool]":
    start = np.nextafter(ordered[0], -np.inf) if ordered[0] > np.finfo(np.float64).min else ordered[0]
    places = np.ceil(np.arange(1, most_bins + 1) * (len(ordered) / most_bins)).astype(np.int64) - 1
    picked = ordered[np.clip(places, 0, len(ordered) - 1)]
    values, times = np.unique(picked, return_counts=True)
    if len(values) < most_bins:
        first = np.searchsorted(ordered, values[times > 1], side="left")
        values = np.union1d(values, ordered[first[first > 0] - 1])
    distinct = 1 + int(np.count_nonzero(np.diff(ordered))) if len(values) <= most_bins else most_bins + 1
    is_discrete = distinct <= most_bins
    if is_discrete:
        values = np.unique(ordered)
    return np.unique(np.concatenate([[start], values])), is_discrete


def category_reference(name: str, values: "pl.Series", *, most: int = MOST_CATEGORIES) -> CategoryReference:
    """Return what to keep of a column of categories: the most frequent ones with their counts.

    Args:
        name: The column.
        values: The rows; booleans count as categories `true` and `false`.
        most: How many categories to name.
    """
    counts = count_categories(values).sort(["count", "value"], descending=[True, False])
    top = counts.head(most)
    return CategoryReference(
        name=name,
        values=tuple(top["value"].to_list()),
        counts=tuple(top["count"].to_list()),
        other=int(counts["count"].slice(most).sum()),
        nulls=values.null_count(),
    )


def count_categories(values: "pl.Series") -> "pl.DataFrame":
    """Return the columns `value` and `count` of a series without its nulls."""
    counted = values.drop_nulls().rename("value").value_counts(name="count")
    return counted.with_columns(pl.col("value").cast(pl.String), pl.col("count").cast(pl.Int64))


def column_numbers(values: "npt.NDArray[np.generic] | pl.Series", name: str) -> "Floats":
    """Return a column as float64 with NaN where a number is missing.

    Raises:
        NotNumbers: If it is not numeric.
    """
    if isinstance(values, pl.Series) and values.dtype == pl.Duration:
        values = values.to_physical()
    return numbers(values, f"The column {name!r}")
