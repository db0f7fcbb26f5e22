"""Columns and their types."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import msgspec

from tidemill.checks.check import Check
from tidemill.checks.errors import InvalidParam
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.checks.quality.finding import Decision
from tidemill.checks.quality.reading import as_moments, as_numbers, as_texts
from tidemill.checks.quality.rule import Judged, Rule, RuleProblem, Seen
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

TYPES = ("integer", "number", "text", "boolean", "date", "time")


class Type(Rule, frozen=True, kw_only=True):
    """A column is of a type.

    In a column of text, each value that cannot be read as the type is a bad row.

    Args:
        type: `integer`, `number`, `text`, `boolean`, `date` or `time` (a moment).
    """

    word: ClassVar[str] = "type"

    type: str

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "Type":
        """Return the rule that a word orders.

        Raises:
            InvalidRule: If it is no type.
        """
        if not isinstance(value, str) or value not in TYPES:
            raise problem.error(value, did_you_mean(str(value), TYPES))
        return cls(type=value)

    def mask(self, column: str) -> "pl.Expr | None":
        """Return which texts cannot be read as the type."""
        values = pl.col(column)
        match self.type:
            case "number":
                read = as_numbers(column)
            case "integer":
                whole = as_numbers(column)
                read = pl.when(whole.is_finite() & (whole == whole.round(0))).then(whole)
            case "boolean":
                text = as_texts(column).str.to_lowercase()
                read = pl.when(text.is_in(["true", "false", "0", "1"])).then(text)
            case "date" | "time":
                read = as_moments(column)
            case _:
                return None
        return read.is_null() & values.is_not_null()

    def decide(self, column: str, judged: Judged, seen: Seen) -> Decision:
        """Return whether the column is of the type, or every text in it can be read as one."""
        dtype = judged.schema[column]
        if _is_other(dtype, self.type, seen.bad):
            return Decision(holds=False, reason=f"{column} should be {self.type} and is {type_word(dtype)}.")
        return Rule.decide(self, column, judged, seen)

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return f"type {self.type}"


def _is_other(dtype: "pl.DataType", word: str, bad: int) -> bool:
    """Return whether a column as a whole is of another type; text may hold any, and its rows were judged."""
    if type_word(dtype) == "text" or is_of_type(dtype, word):
        return False
    return not (word == "integer" and dtype.is_numeric() and bad == 0)


def type_word(dtype: "pl.DataType") -> str:
    """Return the word for a column's type; its own name for what has none."""
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "number"
    for word, kinds in (
        ("text", (pl.String, pl.Categorical, pl.Enum)),
        ("boolean", (pl.Boolean,)),
        ("date", (pl.Date,)),
        ("time", (pl.Datetime,)),
    ):
        if dtype in kinds:
            return word
    return str(dtype).lower()


def is_of_type(dtype: "pl.DataType", word: str) -> bool:
    """Return whether a column's type is what a word says: every integer is a number, and a date is a time."""
    found = type_word(dtype)
    return found in (word, "null") or (word, found) in {("number", "integer"), ("time", "date")}


class SchemaMatch(Check, frozen=True, kw_only=True):
    """Does the table have the columns that it should, of the types that they should have.

    Args:
        types: Type by column: `integer`, `number`, `text`, `boolean`, `date` or `time`; the reference table's columns
            and types when left out.
        allow_more: Whether further columns are fine.

    Error rate: none, the schema is known.

    Source:
        ISO/IEC 25012:2008, 5.3.1.3 consistency; Codd, CACM 13 (1970), section 1.3 (domains).
    """

    name: ClassVar[str] = "schema"

    types: dict[str, str] = msgspec.field(default_factory=dict)
    allow_more: bool = True

    def judge(self, inputs: Inputs) -> Outcome:
        """Return which columns are missing, further, or of another type.

        Raises:
            InvalidParam: If a word is no type.
        """
        problems = self._problems(inputs.current.collect_schema(), self._expected(inputs))
        first = f": {problems[0][0]} {problems[0][1]}" if problems else ""
        return Outcome(
            check=self.name,
            verdict=Verdict.FAIL if problems else Verdict.PASS,
            value=float(len(problems)),
            threshold="<= 0",
            reason=f"{len(problems)} columns are not as they should be{first}.",
            error_rate=EXACT,
            table=table(("column", "problem"), problems),
        )

    def _expected(self, inputs: Inputs) -> Mapping[str, str]:
        for column, word in self.types.items():
            if word not in TYPES:
                raise InvalidParam(
                    f"{shown(word)}, of column {shown(column)}, is no type", hint=did_you_mean(word, TYPES)
                )
        if self.types:
            return self.types
        return {name: type_word(dtype) for name, dtype in inputs.need_reference().collect_schema().items()}

    def _problems(self, schema: "pl.Schema", expected: Mapping[str, str]) -> list[tuple[str, str]]:
        problems: list[tuple[str, str]] = []
        for column, word in expected.items():
            if column not in schema:
                problems.append((column, "is missing"))
            elif not is_of_type(schema[column], word):
                problems.append((column, f"should be {word} and is {type_word(schema[column])}"))
        if not self.allow_more:
            problems += [(column, "is not expected") for column in schema if column not in expected]
        return problems
