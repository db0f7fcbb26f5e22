"""Texts of a pattern."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.errors import InvalidParam
from tidemill.checks.quality.reading import as_texts
from tidemill.checks.quality.rule import Rule, RuleCheck, RuleProblem
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_LONGEST_PATTERN = 1000


class Matches(Rule, frozen=True, kw_only=True):
    """The whole text of a value matches a regular expression; a missing value breaks no pattern.

    The expressions are those of Rust's regex crate: no look-around and no back-references, and so never more than
    linear in the text, whatever the pattern.

    Args:
        pattern: The regular expression.
    """

    word: ClassVar[str] = "matches"

    pattern: str

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "Matches":
        """Return the rule that a pattern orders.

        Raises:
            InvalidRule: If it is not a valid one.
        """
        if not isinstance(value, str):
            raise problem.error(value, "Write a regular expression in quotes, such as 'N[0-9]+[A-Z]*'.")
        fault = pattern_fault(value)
        if fault:
            raise problem.error(value, f"{fault}. Look-around and back-references do not exist here.")
        return cls(pattern=value)

    def mask(self, column: str) -> "pl.Expr":
        """Return which rows do not match."""
        values = pl.col(column)
        matching = as_texts(column).str.contains(f"^(?:{self.pattern})$")
        return (~matching.fill_null(value=False)) & values.is_not_null()

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return f"matches '{self.pattern}'"


def pattern_fault(pattern: str) -> str | None:
    """Return what is wrong with a regular expression, None when nothing is."""
    if len(pattern) > _LONGEST_PATTERN:
        return f"It has {len(pattern)} characters, and {_LONGEST_PATTERN} is the most"
    for whole in (pattern, f"^(?:{pattern})$"):  # alone too: `a)|(b` reads well only inside our brackets
        try:
            pl.Series([""]).str.contains(whole, strict=True)
        except pl.exceptions.ComputeError as error:
            if "size limit" in str(error):
                return "It is too large once its repetitions are written out"
            told = [line.strip() for line in str(error).splitlines() if line.strip().startswith("error:")]
            return f"It cannot be read ({told[0] if told else 'not a regular expression'})"
    return None


class Pattern(RuleCheck, frozen=True, kw_only=True):
    """Do the whole texts of columns match a regular expression.

    Args:
        columns: Which columns; all text features when left out.
        matches: The expression, of Rust's regex crate.
        at_most: The share of rows that may not match.

    Error rate: none, every row is counted.

    Source:
        ISO/IEC 25012:2008, 5.3.1.1 accuracy (syntactic); Thompson, Regular expression search algorithm, CACM 11 (1968).
    """

    name: ClassVar[str] = "pattern"

    matches: str = ""

    def rule(self) -> Rule:
        """Return the rule.

        Raises:
            InvalidParam: If there is no valid pattern.
        """
        fault = pattern_fault(self.matches) if self.matches else "There is none"
        if fault:
            raise InvalidParam(f"The pattern cannot be used. {fault}", hint="Give `matches`, such as 'N[0-9]+'.")
        return Matches(pattern=self.matches)

    def fits(self, dtype: "pl.DataType") -> bool:
        """Return whether a column holds text."""
        return dtype in (pl.String, pl.Categorical, pl.Enum)
