"""The functions that an expression may call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidemill.checks.quality.expression.kinds import BOOLEAN, DURATION, MOMENT, NUMBER, TEXT, to_datetime
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

SAME = "values of one kind"
"""In place of a kind: whatever it is, all of these are alike, and the answer is too."""

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function.

    Args:
        takes: The kind of each argument; the last one repeats when `more`.
        gives: The kind of the answer; `SAME` for that of the arguments.
        make: From the arguments to the answer.
        more: Whether any number may follow.
    """

    takes: tuple[str, ...]
    gives: str
    make: "Callable[[Sequence[pl.Expr]], pl.Expr]"
    more: bool = False


def _part(name: str) -> Function:
    return Function(takes=(MOMENT,), gives=NUMBER, make=lambda x: getattr(to_datetime(x[0]).dt, name)().cast(pl.Int64))


FUNCTIONS: dict[str, Function] = {
    "abs": Function(takes=(NUMBER,), gives=NUMBER, make=lambda x: x[0].abs()),
    "round": Function(takes=(NUMBER,), gives=NUMBER, make=lambda x: x[0].round(0)),
    "floor": Function(takes=(NUMBER,), gives=NUMBER, make=lambda x: x[0].floor()),
    "ceil": Function(takes=(NUMBER,), gives=NUMBER, make=lambda x: x[0].ceil()),
    "length": Function(takes=(TEXT,), gives=NUMBER, make=lambda x: x[0].str.len_chars().cast(pl.Int64)),
    "lower": Function(takes=(TEXT,), gives=TEXT, make=lambda x: x[0].str.to_lowercase()),
    "upper": Function(takes=(TEXT,), gives=TEXT, make=lambda x: x[0].str.to_uppercase()),
    "trim": Function(takes=(TEXT,), gives=TEXT, make=lambda x: x[0].str.strip_chars()),
    "concat": Function(takes=(TEXT,), gives=TEXT, more=True, make=lambda x: pl.concat_str(list(x))),
    "starts_with": Function(takes=(TEXT, TEXT), gives=BOOLEAN, make=lambda x: x[0].str.starts_with(x[1])),
    "ends_with": Function(takes=(TEXT, TEXT), gives=BOOLEAN, make=lambda x: x[0].str.ends_with(x[1])),
    "contains": Function(takes=(TEXT, TEXT), gives=BOOLEAN, make=lambda x: x[0].str.contains(x[1], literal=True)),
    "year": _part("year"),
    "month": _part("month"),
    "day": _part("day"),
    "hour": _part("hour"),
    "minute": _part("minute"),
    "weekday": _part("weekday"),
    "date": Function(takes=(MOMENT,), gives=MOMENT, make=lambda x: x[0] - (x[0] % _DAY_US)),
    "days": Function(takes=(DURATION,), gives=NUMBER, make=lambda x: x[0] / _DAY_US),
    "least": Function(takes=(SAME,), gives=SAME, more=True, make=lambda x: pl.min_horizontal(list(x))),
    "greatest": Function(takes=(SAME,), gives=SAME, more=True, make=lambda x: pl.max_horizontal(list(x))),
    "coalesce": Function(takes=(SAME,), gives=SAME, more=True, make=lambda x: pl.coalesce(list(x))),
    "if": Function(takes=(BOOLEAN, SAME, SAME), gives=SAME, make=lambda x: pl.when(x[0]).then(x[1]).otherwise(x[2])),
}
"""Every function by its name."""


def expected(function: Function, place: int) -> str:
    """Return the kind that an argument must have."""
    return function.takes[min(place, len(function.takes) - 1)]


def takes_so_many(function: Function, count: int) -> bool:
    """Return whether a function takes a number of arguments."""
    return count >= len(function.takes) if function.more else count == len(function.takes)
