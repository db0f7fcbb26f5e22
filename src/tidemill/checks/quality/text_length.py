"""How long texts are."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.quality.reading import as_texts
from tidemill.checks.quality.rule import Rule, RuleProblem
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class Length(Rule, frozen=True, kw_only=True):
    """Texts have between so many characters, both included; a missing value breaks no length.

    Args:
        shortest: The fewest characters.
        longest: The most characters.
    """

    word: ClassVar[str] = "length"

    shortest: int
    longest: int

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "Length":
        """Return the rule that `[shortest, longest]` orders.

        Raises:
            InvalidRule: If it orders none.
        """
        if (
            not isinstance(value, list | tuple)
            or len(value) != 2
            or any(isinstance(end, bool) or not isinstance(end, int) or end < 0 for end in value)
            or value[0] > value[1]
        ):
            raise problem.error(value, "Write two whole numbers, [shortest, longest].")
        return cls(shortest=value[0], longest=value[1])

    def mask(self, column: str) -> "pl.Expr":
        """Return which rows are too short or too long."""
        long = as_texts(column).str.len_chars()
        return (~long.is_between(self.shortest, self.longest).fill_null(value=False)) & pl.col(column).is_not_null()

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return f"length [{self.shortest}, {self.longest}]"
