"""Columns that together name a row."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.quality.marks import Marking, mark_repeats
from tidemill.checks.quality.rule import Judged, Rule, RuleProblem
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MOST_COLUMNS = 16


class UniqueTogether(Rule, frozen=True, kw_only=True):
    """No combination of values occurs twice; a row that lacks one of them repeats nothing.

    Args:
        together: The columns.
    """

    word: ClassVar[str] = "unique"
    fits_nested: ClassVar[bool] = True
    sees_other_rows: ClassVar[bool] = True

    together: tuple[str, ...]

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "UniqueTogether":
        """Return the rule that a list of columns orders.

        Raises:
            InvalidRule: If it is no such list.
        """
        names = tuple(value) if isinstance(value, list | tuple) else ()
        fits = 0 < len(names) <= _MOST_COLUMNS and all(isinstance(name, str) for name in names)
        if not fits or len(set(names)) != len(names):
            raise problem.error(value, f"Write a list of up to {_MOST_COLUMNS} columns, such as [year, month, flight].")
        return cls(together=names)

    def catches(self, column: str, judged: Judged) -> "pl.Expr":
        """Return which rows repeat an earlier one."""
        del column, judged
        missing = pl.any_horizontal([pl.col(name).is_null() for name in self.together])
        whole = pl.struct(self.together) if len(self.together) > 1 else pl.col(self.together[0])
        return ~whole.is_first_distinct() & ~missing

    def marking(self, column: str) -> Marking:
        """Return what finds them in a long table."""
        del column
        return lambda frame, row, folder: mark_repeats(frame, self.together, row, folder).among(row)

    def columns(self, column: str) -> tuple[str, ...]:
        """Return the columns."""
        del column
        return self.together

    def label(self) -> str:
        """Return how its bad rows are marked."""
        return f"{self.word}: {', '.join(self.together)}"

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return f"unique [{', '.join(self.together)}]"
