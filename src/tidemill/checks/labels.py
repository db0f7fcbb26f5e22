"""What a column of truths holds: classes or amounts."""

from typing import TYPE_CHECKING

from tidemill.checks.inputs import check_columns
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MOST_NUMBERS = 30
_MOST_WORDS = 1000


def count_classes(frame: "pl.DataFrame | pl.LazyFrame", truth: str) -> "pl.DataFrame | None":
    """Return the columns `value` (as text) and `count` of a truth's classes, the most frequent first; None if amounts.

    Words and booleans are classes where there are at most 1,000 of them, whole numbers where at most 30.

    Raises:
        ColumnMissing: If the table lacks the column.
    """
    check_columns(frame, (truth,))
    dtype = frame.collect_schema()[truth]
    if not (dtype.is_numeric() or dtype in (pl.Boolean, pl.String, pl.Categorical, pl.Enum)):
        return None
    value = pl.col(truth).fill_nan(None) if dtype.is_float() else pl.col(truth)
    counted = (
        frame.lazy()
        .select(value.alias("value"))
        .drop_nulls()
        .group_by("value")
        .agg(pl.len().alias("count"))
        .collect(engine="streaming")
    )
    if counted.height > (_MOST_NUMBERS if dtype.is_numeric() else _MOST_WORDS):
        return None
    if dtype.is_float():
        if not bool(counted.select((pl.col("value").is_finite() & (pl.col("value") % 1 == 0)).all()).item()):
            return None
        whole = pl.col("value").abs() < 2**53
        counted = counted.with_columns(pl.when(whole).then(pl.col("value")).cast(pl.Int64).alias("value")).drop_nulls()
    named = counted.with_columns(pl.col("value").cast(pl.String))
    return named.sort(["count", "value"], descending=[True, False])
