"""What kind of value a part of an expression gives, and the Polars expression that gives it.

Moments and durations are microseconds, so that whatever is done with them is arithmetic of whole numbers.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

NUMBER, TEXT, BOOLEAN, MOMENT, DURATION, NOTHING = "a number", "text", "true or false", "a moment", "a duration", "null"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A part of an expression, translated.

    Args:
        kind: What it gives.
        expr: The Polars expression.
        literal: The text itself, when it is one, since a text may stand for a moment.
    """

    kind: str
    expr: "pl.Expr"
    literal: str | None = None


def of_column(name: str, dtype: "pl.DataType") -> Typed | None:  # noqa: PLR0911 - one a type
    """Return a column as an expression reads it, None when its type has no place in one; NaN is missing."""
    column = pl.col(name)
    if dtype.is_float():
        return Typed(kind=NUMBER, expr=column.cast(pl.Float64).fill_nan(None))
    if dtype == pl.UInt64 or dtype.is_decimal():
        return Typed(kind=NUMBER, expr=column.cast(pl.Float64))
    if dtype.is_integer():  # wider first: the difference of two small unsigned numbers would wrap
        return Typed(kind=NUMBER, expr=column.cast(pl.Int64))
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return Typed(kind=TEXT, expr=column.cast(pl.String))
    if dtype == pl.Boolean:
        return Typed(kind=BOOLEAN, expr=column)
    if dtype in (pl.Date, pl.Datetime):
        return Typed(kind=MOMENT, expr=column.dt.epoch("us"))
    if dtype == pl.Duration:
        return Typed(kind=DURATION, expr=column.dt.total_microseconds())
    if dtype == pl.Null:
        return Typed(kind=NOTHING, expr=column.cast(pl.Boolean))
    return None


def held_as(found: Typed, kind: str) -> "pl.Expr":
    """Return an expression as values of a kind are held: nothing but nulls has no type of its own."""
    if found.kind != NOTHING or kind in {NOTHING, BOOLEAN}:
        return found.expr
    return found.expr.cast(pl.String if kind == TEXT else pl.Int64)


def of_value(value: str | float | bool | timedelta | None) -> Typed:  # noqa: FBT001 - a constant of any kind
    """Return a constant."""
    if value is None:
        return Typed(kind=NOTHING, expr=pl.lit(None, pl.Boolean))
    if isinstance(value, bool):
        return Typed(kind=BOOLEAN, expr=pl.lit(value))
    if isinstance(value, timedelta):
        return Typed(kind=DURATION, expr=pl.lit(value // timedelta(microseconds=1), pl.Int64))
    if isinstance(value, str):
        return Typed(kind=TEXT, expr=pl.lit(value, pl.String), literal=value)
    return Typed(kind=NUMBER, expr=pl.lit(value, pl.Int64 if isinstance(value, int) else pl.Float64))


def as_moment(text: str) -> Typed | None:
    """Return the moment that a text such as `2013-01-31` or `2013-01-31T10:00` names, None when it names none."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return of_moment(moment)


def of_moment(moment: datetime) -> Typed:
    """Return an aware moment as a constant."""
    return Typed(kind=MOMENT, expr=pl.lit((moment - _EPOCH) // timedelta(microseconds=1), pl.Int64))


def to_datetime(expr: "pl.Expr") -> "pl.Expr":
    """Return microseconds as moments again, for the parts of a day or a year."""
    return expr.cast(pl.Datetime("us"))
