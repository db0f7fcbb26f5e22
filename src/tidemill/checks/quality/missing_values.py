"""Missing values."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.bounds import Bound, parse_bound
from tidemill.checks.errors import InvalidBound
from tidemill.checks.quality.finding import Decision
from tidemill.checks.quality.reading import is_missing
from tidemill.checks.quality.rule import Judged, Rule, RuleCheck, RuleProblem, Seen
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class Nulls(Rule, frozen=True, kw_only=True):
    """How many values may be missing; NaN is missing too.

    Args:
        bound: The share that may be missing; None when no row may be, so that each such row is bad.
    """

    word: ClassVar[str] = "nulls"
    fits_nested: ClassVar[bool] = True

    bound: Bound | None = None

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "Nulls":
        """Return the rule that a value such as `< 5%`, `never` or `false` orders.

        Raises:
            InvalidRule: If it orders none.
        """
        hint = "Write a share such as '< 5%', or 'never' when every row must have a value."
        if value is False or value in ("never", 0):
            return cls()
        if not isinstance(value, str):
            raise problem.error(value, hint)
        try:
            bound = parse_bound(value)
        except InvalidBound as error:
            raise problem.error(value, hint) from error
        if bound.is_floor:
            raise problem.error(value, "Bound missing values from above, such as '< 5%'.")
        return cls(bound=bound)

    def mask(self, column: str) -> "pl.Expr | None":
        """Return which rows have no value, when none may lack one."""
        return None if self.bound else is_missing(column)

    def counted(self, column: str, judged: Judged) -> "pl.Expr":
        """Return which rows have no value, also where a share of them is fine."""
        del judged
        return is_missing(column)

    def decide(self, column: str, judged: Judged, seen: Seen) -> Decision:
        """Return whether few enough are missing."""
        del judged
        share = seen.bad / seen.rows if seen.rows else 0.0
        holds = not seen.rows or self.bound.holds(share) if self.bound else seen.bad == 0
        reason = f"{seen.bad:,} of {seen.rows:,} values of {column} are missing."
        return Decision(holds=holds, reason=reason, value=share, threshold=str(self.bound or "<= 0"))

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return f"nulls {self.bound or 'never'}"


class MissingValues(RuleCheck, frozen=True, kw_only=True):
    """Is the share of missing values (null or NaN) of every column small enough.

    Args:
        columns: Which columns; all features when left out.
        at_most: The share that may be missing.

    Error rate: none, every row is counted.

    Source:
        ISO/IEC 25012:2008, 5.3.1.2 completeness; Little and Rubin, Statistical Analysis with Missing Data (2019).
    """

    name: ClassVar[str] = "missing_values"

    at_most: float = 0.05

    def rule(self) -> Rule:
        """Return the rule."""
        return Nulls()
