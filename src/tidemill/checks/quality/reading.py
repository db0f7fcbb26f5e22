"""Values read as a rule needs them; the type of a column is known only when its rows are read."""

from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


def as_numbers(column: str) -> "pl.Expr":
    """Return a column as float64, null where a value is no number."""
    return pl.col(column).map_batches(_numbers, return_dtype=pl.Float64, is_elementwise=True)


def as_moments(column: str) -> "pl.Expr":
    """Return a column as moments without a zone, null where a value is none."""
    return pl.col(column).map_batches(_moments, return_dtype=pl.Datetime("us"), is_elementwise=True)


def is_missing(column: str) -> "pl.Expr":
    """Return which rows have no value: null, or NaN in a column of numbers."""
    values = pl.col(column)
    return values.is_null() | values.map_batches(_nan, return_dtype=pl.Boolean, is_elementwise=True)


def _numbers(values: "pl.Series") -> "pl.Series":
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype.is_numeric() or values.dtype in (pl.String, pl.Boolean):
        return values.cast(pl.Float64, strict=False)
    return pl.repeat(None, len(values), dtype=pl.Float64, eager=True)


def _moments(values: "pl.Series") -> "pl.Series":
    if values.dtype == pl.String:
        text = values.str.strip_chars().str.replace("T", " ", literal=True)
        moments = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
        return moments.fill_null(text.str.to_datetime("%Y-%m-%d", time_unit="us", strict=False))
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.replace_time_zone(None).cast(pl.Datetime("us"))
    if values.dtype == pl.Date:
        return values.cast(pl.Datetime("us"))
    return pl.repeat(None, len(values), dtype=pl.Datetime("us"), eager=True)


def _nan(values: "pl.Series") -> "pl.Series":
    if values.dtype.is_float():
        return values.is_nan().fill_null(value=False)
    return pl.repeat(value=False, n=len(values), dtype=pl.Boolean, eager=True)
