"""A batch of rows as counts over the bins of a reference: small, and merged by adding."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.drift.reference import (
    CategoryReference,
    NumericReference,
    Reference,
    column_numbers,
    count_categories,
    is_comparable,
    is_numeric,
)
from tidemill.checks.errors import BinMismatch
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Floats = npt.NDArray[np.float64]
else:
    np = lazy("numpy")
    pl = lazy("polars")

_CHUNK_ROWS = 1 << 17  # a chunk of float64 and its bin numbers fit into a second-level cache
_CELLS = 1 << 15
_WORTH_CELLS = 1 << 15


class NumericSummary(msgspec.Struct, frozen=True, kw_only=True, tag="numeric"):
    """A numeric column of some rows, in the bins of a reference.

    Args:
        name: The column.
        counts: Rows per bin.
        nulls: Rows without a number.
        low: Smallest finite value; None when there is none.
        high: Largest finite value; None when there is none.
    """

    name: str
    counts: tuple[int, ...]
    nulls: int
    low: float | None
    high: float | None


class CategorySummary(msgspec.Struct, frozen=True, kw_only=True, tag="category"):
    """A column of categories of some rows.

    Args:
        name: The column.
        counts: Rows per category that the reference names.
        other: Rows of all other categories.
        nulls: Rows without a category.
    """

    name: str
    counts: tuple[int, ...]
    other: int
    nulls: int


ColumnSummary = NumericSummary | CategorySummary


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows, as counts over the bins of a reference.

    Args:
        rows: Number of rows.
        columns: One entry a column of the reference that could be counted.
        problems: Why the others could not, by column.
    """

    rows: int
    columns: tuple[ColumnSummary, ...]
    problems: dict[str, str] = {}


def summarise(frame: "pl.DataFrame | pl.LazyFrame", reference: Reference) -> Summary:
    """Return rows as counts over the bins of a reference.

    A column that is missing or of another kind is told in `problems`, not raised: live data must not stop monitoring.

    Args:
        frame: The rows; columns that the reference does not know are left out.
        reference: The bins.
    """
    schema = frame.collect_schema()
    found: list[ColumnSummary] = []
    problems: dict[str, str] = {}
    table = frame.lazy().select([column.name for column in reference.columns if column.name in schema]).collect()
    for column in reference.columns:
        if column.name not in schema:
            problems[column.name] = "the column is missing"
        elif isinstance(column, CategoryReference):
            if is_comparable(schema[column.name]):
                found.append(summarise_categories(table[column.name].cast(pl.String), column))
            else:
                problems[column.name] = f"the column was of categories and now holds {schema[column.name]}"
        elif is_numeric(schema[column.name]) or schema[column.name] in (pl.Null, pl.Boolean):
            found.append(summarise_numbers(table[column.name], column))
        else:
            problems[column.name] = f"the column was numeric and now holds {schema[column.name]}"
    height = table.height if table.width else int(frame.lazy().select(pl.len()).collect().item())
    return Summary(rows=height, columns=tuple(found), problems=problems)


def bin_counts(
    values: "npt.NDArray[np.float64]", edges: "Sequence[float] | npt.NDArray[np.float64]"
) -> "npt.NDArray[np.int64]":
    """Return how many values fall in each bin, shape (len(edges) + 1,).

    Args:
        values: Numbers, shape (rows,); NaN is left out.
        edges: Upper ends of the bins, increasing.
    """
    ends = np.asarray(edges, dtype=np.float64)
    counts = np.zeros(len(ends) + 1, dtype=np.int64)
    in_cells = _cells(ends) if len(values) >= _WORTH_CELLS else None
    for start in range(0, len(values), _CHUNK_ROWS):
        chunk = values[start : start + _CHUNK_ROWS]
        missing = np.isnan(chunk)
        if missing.any():
            chunk = chunk[~missing]
        if in_cells:
            chunk, sure = in_cells(chunk)
            counts += sure
        counts += np.bincount(np.searchsorted(ends, chunk, side="left"), minlength=len(counts))
    return counts


def _cells(ends: "Floats") -> "Callable[[Floats], tuple[Floats, npt.NDArray[np.int64]]] | None":
    """Return what counts values by cells, and leaves those whose cell has an edge in it.

    A binary search guesses wrong at every other step, which costs more than a division and a look into a table. The
    cell of a number never falls when the number grows, so one in a cell above an edge's lies above the edge.
    """
    ways = [way for way in (_even_cells(ends), _even_cells(ends, by_bits=True)) if way is not None]
    if not ways:
        return None
    cell_of = max(ways, key=lambda way: len(np.unique(way(ends))))
    edge_cells = cell_of(ends)
    is_open = np.zeros(_CELLS, dtype=bool)
    is_open[edge_cells] = True
    bin_of_cell = np.searchsorted(edge_cells, np.arange(_CELLS), side="left")

    def sort(values: "Floats") -> "tuple[Floats, npt.NDArray[np.int64]]":
        cells = cell_of(values)
        in_cell = np.bincount(cells, minlength=_CELLS)
        in_cell[is_open] = 0
        sure = np.bincount(bin_of_cell, weights=in_cell, minlength=len(ends) + 1).astype(np.int64)
        return values[is_open[cells]], sure

    return sort


def _even_cells(ends: "Floats", *, by_bits: bool = False) -> "Callable[[Floats], npt.NDArray[np.int32]] | None":
    """Return which cell a number falls in: of equal width, or of about equal ratio."""
    inner = (_ordered_bits if by_bits else np.asarray)(ends[[min(1, len(ends) - 1), -min(2, len(ends))]])
    low, high = float(inner[0]), float(inner[1])
    scale = (_CELLS - 2) / (high - low) if 0 < high - low < np.finfo(np.float64).max else 0.0
    if not 0 < scale < np.finfo(np.float64).max:
        return None

    def cell_of(values: "Floats") -> "npt.NDArray[np.int32]":
        with np.errstate(over="ignore"):
            places = ((_ordered_bits(values) if by_bits else values) - low) * scale + 1
        return np.clip(places, 0, _CELLS - 1, out=places).astype(np.int32)

    return cell_of


def _ordered_bits(values: "Floats") -> "Floats":
    """Return the bits of numbers as numbers of the same order, whose differences are about those of logarithms."""
    bits = (values + 0.0).view(np.int64)  # + 0.0: -0.0 and 0.0 are one value
    return (bits ^ ((bits >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))).astype(np.float64)


def summarise_numbers(values: "npt.NDArray[np.generic] | pl.Series", reference: NumericReference) -> NumericSummary:
    """Return a numeric column as counts.

    Args:
        values: The rows, shape (rows,).
        reference: The column at training time.

    Raises:
        NotNumbers: If the values are not numbers.
    """
    array = column_numbers(values, reference.name)
    counts = bin_counts(array, reference.edges)
    finite = array[np.isfinite(array)]
    return NumericSummary(
        name=reference.name,
        counts=tuple(counts.tolist()),
        nulls=len(array) - int(counts.sum()),
        low=float(finite.min()) if len(finite) else None,
        high=float(finite.max()) if len(finite) else None,
    )


def summarise_categories(values: "pl.Series", reference: CategoryReference) -> CategorySummary:
    """Return a column of categories as counts.

    Args:
        values: The rows.
        reference: The column at training time.
    """
    counted = count_categories(values)
    named = counted.filter(pl.col("value").is_in(list(reference.values)))
    by_value = dict(zip(named["value"].to_list(), named["count"].to_list(), strict=True))
    counts = tuple(int(by_value.get(value, 0)) for value in reference.values)
    total = int(counted["count"].sum())
    return CategorySummary(name=reference.name, counts=counts, other=total - sum(counts), nulls=values.null_count())


def merge(first: Summary, second: Summary) -> Summary:
    """Return the summary of both lots of rows together; the same as summarising them at once.

    A column that one of them could not count is left out, with its problem.

    Raises:
        BinMismatch: If they were made with different references.
    """
    others = {column.name: column for column in second.columns}
    merged = tuple(_add(column, others[column.name]) for column in first.columns if column.name in others)
    return Summary(rows=first.rows + second.rows, columns=merged, problems={**first.problems, **second.problems})


def _add(first: ColumnSummary, second: ColumnSummary) -> ColumnSummary:
    if type(first) is not type(second) or len(first.counts) != len(second.counts):
        raise BinMismatch(
            f"Two summaries of {first.name!r} have different bins", hint="Add only summaries made with one reference."
        )
    counts = tuple(one + other for one, other in zip(first.counts, second.counts, strict=True))
    nulls = first.nulls + second.nulls
    if isinstance(first, NumericSummary) and isinstance(second, NumericSummary):
        lows = [low for low in (first.low, second.low) if low is not None]
        highs = [high for high in (first.high, second.high) if high is not None]
        low, high = min(lows, default=None), max(highs, default=None)
        return NumericSummary(name=first.name, counts=counts, nulls=nulls, low=low, high=high)
    if isinstance(first, CategorySummary) and isinstance(second, CategorySummary):
        return CategorySummary(name=first.name, counts=counts, other=first.other + second.other, nulls=nulls)
    raise AssertionError  # the types were compared above
