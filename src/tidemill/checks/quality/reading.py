"""Values read as a rule needs them; the type of a column is known only when its rows are read."""

import math
from collections.abc import Sequence
from functools import partial
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


def as_texts(column: str) -> "pl.Expr":
    """Return a column as texts, null where a value is none: bytes that are not UTF-8, or something nested."""
    return pl.col(column).map_batches(_texts, return_dtype=pl.String, is_elementwise=True)


def is_within(column: str, low: float | None, high: float | None) -> "pl.Expr":
    """Return which values are numbers between two ends; whole numbers are compared as such, to their last digit."""
    judge = partial(_inside, low=low, high=high)
    return pl.col(column).map_batches(judge, return_dtype=pl.Boolean, is_elementwise=True)


def is_one_of(column: str, numbers: Sequence[float]) -> "pl.Expr":
    """Return which values are among some numbers; whole numbers are compared as such."""
    judge = partial(_is_one_of, numbers=numbers)
    return pl.col(column).map_batches(judge, return_dtype=pl.Boolean, is_elementwise=True)


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


def _texts(values: "pl.Series") -> "pl.Series":
    if values.dtype == pl.Duration:
        return pl.Series([None if value is None else str(value) for value in values.to_list()], dtype=pl.String)
    if values.dtype == pl.Binary:
        return pl.Series(map(_decoded, values.to_list()), dtype=pl.String)
    if values.dtype.is_nested():
        return pl.repeat(None, len(values), dtype=pl.String, eager=True)
    return values.cast(pl.String, strict=False)


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _inside(values: "pl.Series", *, low: float | None, high: float | None) -> "pl.Series":
    if not values.dtype.is_integer():
        read = _numbers(values)
        inside = read.is_not_null() & read.is_not_nan()
        for is_within in (read >= low if low is not None else None, read <= high if high is not None else None):
            inside = inside if is_within is None else inside & is_within
        return inside.fill_null(value=False)
    least, most = _held_by(values.dtype)
    least = least if low is None or low <= least else math.ceil(low) if low <= most else most + 1
    most = most if high is None or high >= most else math.floor(high) if high >= least else least - 1
    if least > most:
        return pl.repeat(value=False, n=len(values), dtype=pl.Boolean, eager=True)
    return values.is_between(least, most).fill_null(value=False)


def _is_one_of(values: "pl.Series", *, numbers: Sequence[float]) -> "pl.Series":
    if not values.dtype.is_integer():
        return _numbers(values).is_in([float(number) for number in numbers]).fill_null(value=False)
    least, most = _held_by(values.dtype)
    whole = [int(number) for number in numbers if least <= number <= most and number == int(number)]
    return values.is_in(pl.Series(whole, dtype=values.dtype).implode()).fill_null(value=False)


def _held_by(dtype: "pl.DataType") -> tuple[int, int]:
    """Return the least and the largest whole number that a type holds."""
    bits = int(str(dtype).lower().removeprefix("u").removeprefix("int"))
    return (0, 2**bits - 1) if dtype.is_unsigned_integer() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


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
