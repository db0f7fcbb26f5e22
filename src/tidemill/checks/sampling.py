"""Some rows of a table, the same ones every time."""

from typing import TYPE_CHECKING

from tidemill.checks.inputs import Inputs, check_columns
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl
else:
    pl = lazy("polars")

_ROW = "__tidemill_row"
_STEPS = ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53))
_SPAN = 1 << 64


def sample_rows(
    frame: "pl.DataFrame | pl.LazyFrame",
    columns: "Iterable[str]",
    most: int,
    *,
    number: str = "",
    of: int | None = None,
) -> "pl.DataFrame":
    """Return some columns of about `most` rows of a table, spread over all of it; of all rows where they are fewer.

    A row is chosen by its number, scrambled, so that no period of the data meets one of the choice, and the rows are
    the same whatever else is read.

    Args:
        frame: The table.
        columns: Which columns.
        most: About how many rows.
        number: The name of a column with the rows' numbers, from 1, put before the others; none when empty.
        of: How many rows the table has; counted when left out.

    Raises:
        ColumnMissing: If the table lacks a column.

    Source:
        Appleby, MurmurHash3 (2011), the finalizer of 64 bits.
    """
    names = list(dict.fromkeys(columns))
    check_columns(frame, names)
    rows = count_rows(frame) if of is None else of
    chosen_columns = frame.lazy().select(pl.selectors.by_name(names))
    if number:
        chosen_columns = chosen_columns.with_row_index(number, offset=1).with_columns(pl.col(number).cast(pl.Int64))
    if rows <= most:
        return chosen_columns.collect(engine="streaming")
    mixed = pl.col(_ROW).cast(pl.UInt64) + 1
    for shift, factor in _STEPS:
        mixed = (mixed ^ (mixed // (1 << shift))) * pl.lit(factor, dtype=pl.UInt64)
    chosen = mixed ^ (mixed // (1 << 33)) < pl.lit(int(_SPAN * most / rows), dtype=pl.UInt64)
    return chosen_columns.with_row_index(_ROW).filter(chosen).drop(_ROW).collect(engine="streaming")


def count_rows(frame: "pl.DataFrame | pl.LazyFrame") -> int:
    """Return the number of rows of a table."""
    return int(frame.lazy().select(pl.len()).collect(engine="streaming").item())


def said_sample(inputs: Inputs, used: int) -> str:
    """Return how many rows were looked at, as the end of a sentence says it."""
    rows = count_rows(inputs.current)
    return f"of {rows:,} rows" if used >= rows else f"of a sample of {used:,} of {rows:,} rows"
