"""Values between two ends."""

import math
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.errors import InvalidParam
from tidemill.checks.quality.reading import as_moments, is_within
from tidemill.checks.quality.rule import Rule, RuleCheck, RuleProblem
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


_FARTHEST = 2**100
"""No column holds a larger whole number."""


class Between(Rule, frozen=True, kw_only=True):
    """Values lie between two ends, both included; a missing value breaks no range, NaN does.

    Args:
        low: The lower end, None without one; a number or a moment.
        high: The upper end; a date means its last moment.
    """

    word: ClassVar[str] = "between"

    low: int | float | datetime | None = None
    high: int | float | datetime | None = None

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "Between":
        """Return the rule that `[low, high]` orders; an end may be null.

        Raises:
            InvalidRule: If it orders none.
        """
        hint = "Write two ends, [low, high]: numbers, dates such as 2013-01-01, or null for none."
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise problem.error(value, hint)
        low, high = _end(value[0], problem, hint), _end(value[1], problem, hint)
        if isinstance(high, datetime) and _is_day(value[1]):
            high += timedelta(days=1) - timedelta(microseconds=1)
        if low is None and high is None:
            raise problem.error(value, hint)
        if isinstance(low, datetime) or isinstance(high, datetime):
            if not all(end is None or isinstance(end, datetime) for end in (low, high)):
                raise problem.error(value, "Give two numbers or two dates, not one of each.")
            disordered = isinstance(low, datetime) and isinstance(high, datetime) and low > high
        else:
            disordered = low is not None and high is not None and low > high
        if disordered:
            raise problem.error(value, "The lower end stands first.")
        return cls(low=low, high=high)

    def mask(self, column: str) -> "pl.Expr":
        """Return which rows lie outside."""
        low, high = self.low, self.high
        if not (isinstance(low, datetime) or isinstance(high, datetime)):
            return ~is_within(column, low, high) & pl.col(column).is_not_null()
        read = as_moments(column)
        inside = pl.lit(value=True)
        if low is not None:
            inside = inside & (read >= low)
        if high is not None:
            inside = inside & (read <= high)
        return (~inside.fill_null(value=False)) & pl.col(column).is_not_null()

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return f"between [{_written(self.low)}, {_written(self.high)}]"


def _written(end: float | datetime | None) -> str:
    if isinstance(end, datetime):
        is_first = end.time() == datetime.min.time()
        is_last = end.time() == datetime.max.time()
        return f"{end:%Y-%m-%d}" if is_first or is_last else end.isoformat(sep=" ")
    return "null" if end is None else str(end)


def _plain(moment: datetime) -> datetime:
    """Return a moment in UTC without its zone, as columns hold them."""
    return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None)


def _within_years(end: datetime, problem: RuleProblem, hint: str) -> datetime:
    try:
        return _plain(end)
    except OverflowError:  # in UTC it is before the year 1, or after 9999
        raise problem.error(end, hint) from None


def _is_day(end: object) -> bool:
    return len(end.strip()) <= len("2013-01-01") if isinstance(end, str) else not isinstance(end, datetime)


def _end(end: object, problem: RuleProblem, hint: str) -> int | float | datetime | None:
    if end is None:
        return None
    if isinstance(end, datetime):
        return _within_years(end, problem, hint)
    if isinstance(end, date):
        return datetime(end.year, end.month, end.day)  # noqa: DTZ001 - columns hold times without a zone
    if isinstance(end, str):
        try:
            found = datetime.fromisoformat(end)
        except ValueError:
            raise problem.error(end, hint) from None
        return _within_years(found, problem, hint)
    if isinstance(end, bool) or not isinstance(end, int | float):
        raise problem.error(end, hint)
    if math.isnan(end) if isinstance(end, float) else abs(end) > _FARTHEST:
        raise problem.error(end, hint)
    return end


class Ranges(RuleCheck, frozen=True, kw_only=True):
    """Do the values of columns lie between two ends, both included.

    Args:
        columns: Which columns; all numeric features when left out.
        low: The lower end, without one when left out.
        high: The upper end.
        at_most: The share of rows that may lie outside.

    Error rate: none, every row is counted.

    Source:
        ISO/IEC 25012:2008, 5.3.1.1 accuracy.
    """

    name: ClassVar[str] = "ranges"

    low: float | None = None
    high: float | None = None

    def rule(self) -> Rule:
        """Return the rule.

        Raises:
            InvalidParam: If there is no end, or they are the wrong way round.
        """
        if self.low is None and self.high is None:
            raise InvalidParam("A range needs an end", hint="Give `low`, `high` or both.")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InvalidParam(f"The range begins at {self.low:g} and ends at {self.high:g}", hint="Swap them.")
        return Between(low=self.low, high=self.high)

    def fits(self, dtype: "pl.DataType") -> bool:
        """Return whether a column is numeric."""
        return dtype.is_numeric()
