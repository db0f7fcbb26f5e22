"""What must hold between the columns of a row."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.errors import InvalidExpression
from tidemill.checks.quality.expression.parse import parse_expression
from tidemill.checks.quality.expression.translate import translate
from tidemill.checks.quality.expression.tree import columns_of
from tidemill.checks.quality.rule import Judged, Rule, RuleProblem
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class Expect(Rule, frozen=True, kw_only=True):
    """A condition is true of every row; one that a missing value leaves open is not broken.

    Args:
        condition: The expression, as written.
    """

    word: ClassVar[str] = "expect"
    fits_nested: ClassVar[bool] = True

    condition: str

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "Expect":
        """Return the rule that a condition orders.

        Raises:
            InvalidRule: If it is no condition, with the place in it.
        """
        if not isinstance(value, str):
            raise problem.error(value, "Write a condition in quotes, such as 'arrival >= departure'.")
        condition = " ".join(value.split()) if "'" not in value and '"' not in value else value.strip()
        try:
            if not columns_of(parse_expression(condition)):
                raise problem.error(value, "Name a column in it.")
        except InvalidExpression as error:
            raise _placed(error, problem.place) from None
        return cls(condition=condition)

    def catches(self, column: str, judged: Judged) -> "pl.Expr":
        """Return which rows break the condition.

        Raises:
            InvalidExpression: If it does not fit the table.
        """
        try:
            held = translate(parse_expression(self.condition), self.condition, judged.schema)
        except InvalidExpression as error:
            raise _placed(error, RuleProblem(column=column, word=self.word).place) from None
        return (~held).fill_null(value=False)

    def columns(self, column: str) -> tuple[str, ...]:
        """Return the columns that the condition names; the one under which it stands first."""
        named = columns_of(parse_expression(self.condition))
        return (column, *(name for name in named if name != column)) if column else named

    def label(self) -> str:
        """Return how its bad rows are marked."""
        return f"{self.word}: {self.condition}"

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return f"`{self.condition}`"


def _placed(error: InvalidExpression, place: str) -> InvalidExpression:
    return InvalidExpression(error.message, hint=error.hint, where=place, details=error.details)
