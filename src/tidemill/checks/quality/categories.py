"""Values out of a list."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.errors import InvalidParam
from tidemill.checks.quality.reading import as_texts, is_one_of
from tidemill.checks.quality.rule import Rule, RuleCheck, RuleProblem
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MOST_SHOWN = 8
_LARGEST = 2**100


class In(Rule, frozen=True, kw_only=True):
    """Values are among those listed; a missing value breaks no list.

    Args:
        values: All texts, all numbers or all booleans.
    """

    word: ClassVar[str] = "in"

    values: tuple[str | int | float | bool, ...]

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "In":
        """Return the rule that a list of values orders.

        Raises:
            InvalidRule: If it orders none.
        """
        hint = "Write a list of texts, of numbers or of booleans, such as [UA, AA]; quote 'yes', 'no', 'on', 'off'."
        if not isinstance(value, list | tuple) or not value:
            raise problem.error(value, hint)
        kinds = {_kind(one) for one in value}
        if len(kinds) != 1 or None in kinds or any(isinstance(one, int) and abs(one) > _LARGEST for one in value):
            raise problem.error(value, hint)
        return cls(values=tuple(value))

    def mask(self, column: str) -> "pl.Expr":
        """Return which rows hold a value that is not listed."""
        values = pl.col(column)
        kind = _kind(self.values[0])
        if kind == "number":
            known = is_one_of(column, [value for value in self.values if not isinstance(value, str)])
        elif kind == "boolean":
            known = as_texts(column).is_in([str(value).lower() for value in self.values])
        else:
            known = as_texts(column).is_in([str(value) for value in self.values])
        return (~known.fill_null(value=False)) & values.is_not_null()

    def written(self) -> str:
        """Return the rule as a person writes it."""
        more = f" and {len(self.values) - _MOST_SHOWN} more" if len(self.values) > _MOST_SHOWN else ""
        return f"in [{', '.join(str(value) for value in self.values[:_MOST_SHOWN])}{more}]"


def _kind(value: object) -> str | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else None


class Categories(RuleCheck, frozen=True, kw_only=True):
    """Are the values of columns among those listed.

    Args:
        columns: Which columns; all text features when left out.
        allowed: The values that may occur, as text.
        at_most: The share of rows that may hold another.

    Error rate: none, every row is counted.

    Source:
        ISO/IEC 25012:2008, 5.3.1.3 consistency.
    """

    name: ClassVar[str] = "categories"

    allowed: tuple[str, ...] = ()

    def rule(self) -> Rule:
        """Return the rule.

        Raises:
            InvalidParam: If nothing is allowed.
        """
        if not self.allowed:
            raise InvalidParam("No category is allowed", hint="Give `allowed`, a list of values.")
        return In(values=self.allowed)

    def fits(self, dtype: "pl.DataType") -> bool:
        """Return whether a column holds categories."""
        return dtype in (pl.String, pl.Categorical, pl.Enum)
