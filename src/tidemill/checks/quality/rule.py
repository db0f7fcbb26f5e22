"""A quality rule: what must hold of a column, row by row or as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import msgspec

from tidemill.checks.check import Check
from tidemill.checks.errors import InvalidRule, NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.checks.quality.finding import Decision
from tidemill.checks.quality.marks import Marking
from tidemill.checks.quality.surroundings import Surroundings
from tidemill.core.lazy import lazy
from tidemill.core.names import shown

if TYPE_CHECKING:
    import polars as pl

    Table = pl.DataFrame | pl.LazyFrame
else:
    pl = lazy("polars")

TABLE = "table"
"""Under this word stand the rules of the table as a whole."""

_FIRST_ROWS = 20
_ROW = "__tidemill_row"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The table that a rule judges.

    Args:
        schema: Its columns.
        around: What a rule may look at beside it.
        frame: Its rows, for the rule that must read them itself; None where only masks are asked for.
    """

    schema: "pl.Schema"
    around: Surroundings
    frame: "pl.LazyFrame | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was counted for a rule.

    Args:
        rows: All rows.
        bad: Those that its expression marks.
        facts: What its further expressions gave.
    """

    rows: int
    bad: int = 0
    facts: tuple[object, ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold of one column, or of the table.

    A rule that judges rows gives a mask; one that judges the whole decides on facts.
    """

    word: ClassVar[str]
    sees_other_rows: ClassVar[bool] = False
    fits_nested: ClassVar[bool] = False

    def mask(self, column: str) -> "pl.Expr | None":
        """Return an expression that is true for bad rows and false, never null, for others; None without one.

        It fits a column of any simple type: a value that cannot be read as the rule needs it is bad.
        """
        return None

    def marking(self, column: str) -> "Marking | None":
        """Return what finds the bad rows of a long table, where the mask would hold a column of it in memory."""
        return None

    def catches(self, column: str, judged: Judged) -> "pl.Expr | None":
        """Return the mask by which rows are put aside; where it depends on more than the column, on that too."""
        return self.mask(column)

    def counted(self, column: str, judged: Judged) -> "pl.Expr | None":
        """Return which rows are counted for the decision: the bad ones."""
        return self.catches(column, judged)

    def facts(self, column: str, judged: Judged) -> "Sequence[pl.Expr]":
        """Return further expressions of one value each, for the decision on the whole."""
        return ()

    def decide(self, column: str, judged: Judged, seen: Seen) -> Decision:
        """Return whether the rule holds, given what was counted."""
        return Decision(
            holds=seen.bad == 0,
            reason=f"{seen.bad:,} of {seen.rows:,} rows break {self.written()}.",
            value=seen.bad / seen.rows if seen.rows else 0.0,
            threshold="<= 0",
        )

    def columns(self, column: str) -> tuple[str, ...]:
        """Return the columns that it looks at, the one that is blamed first."""
        return (column,) if column else ()

    def label(self) -> str:
        """Return how its bad rows are marked."""
        return self.word

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return self.word


class RuleProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rule stands, for messages.

    Args:
        column: The column; empty for a rule of the table.
        word: The rule.
    """

    column: str
    word: str

    @property
    def subject(self) -> str:
        """Whose rule it is."""
        return f"column {shown(self.column)}" if self.column else "the table"

    @property
    def place(self) -> str:
        """Where it stands in the file."""
        return f"rules.{self.column or TABLE}.{self.word}"

    def error(self, found: object, hint: str) -> InvalidRule:
        """Return the error of a value that the rule does not take."""
        return InvalidRule(
            f"The rule {self.word!r} of {self.subject} is {shown(str(found))}",
            hint=hint,
            where=self.place,
            details={"column": self.column, "rule": self.word},
        )


class RuleCheck(Check, frozen=True, kw_only=True):
    """A rule that rows must keep, over some columns.

    Args:
        columns: Which columns; those that the check fits when left out.
        at_most: The share of bad rows that is fine.
    """

    columns: tuple[str, ...] = ()
    at_most: float = 0.0

    def rule(self) -> Rule:
        """Return the rule of every column."""
        raise NotImplementedError

    def fits(self, dtype: "pl.DataType") -> bool:
        """Return whether columns of a type are checked when none are named."""
        return True

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the share of rows that break the rule in the worst column, and the first of them.

        Raises:
            NotEnough: If the table is empty or has no column that the check fits.
        """
        schema = inputs.current.collect_schema()
        columns = self.columns or tuple(name for name in inputs.feature_names() if self.fits(schema[name]))
        check_columns(inputs.current, columns)
        rule = self.rule()
        counts, rows, first = count_bad(inputs.current, [(column, rule.mask(column)) for column in columns])
        if not rows or not columns:
            raise NotEnough("The table has no rows" if columns else "No column fits this check", hint="Give rows.")
        share = max(counts) / rows
        worst_column = columns[counts.index(max(counts))]
        broken = sum(count > self.at_most * rows for count in counts)
        reason = f"{broken} of {len(columns)} columns break {rule.written()}"
        reason += f"; {worst_column} in {max(counts)} of {rows} rows." if max(counts) else "."
        return Outcome(
            check=self.name,
            verdict=Verdict.PASS if share <= self.at_most else Verdict.FAIL,
            value=share,
            threshold=f"<= {self.at_most:g}",
            reason=reason,
            error_rate=EXACT,
            table=table(
                ("column", "bad rows", "share", "first rows"),
                [
                    (column, count, count / rows, ", ".join(str(row) for row in where))
                    for column, count, where in zip(columns, counts, first, strict=True)
                    if count
                ],
            ),
        )


def count_bad(frame: "Table", masks: "Sequence[tuple[str, pl.Expr | None]]") -> tuple[list[int], int, list[list[int]]]:
    """Return bad rows a mask, the number of rows, and the first bad row numbers a mask.

    Row numbers count from 1. They are asked for in a second pass, of masks that caught a row: counting needs no column
    in memory, and finding does.
    """
    judged = [(index, mask) for index, (_, mask) in enumerate(masks) if mask is not None]
    asked = [mask.sum().cast(pl.Int64).alias(f"count {index}") for index, mask in judged]
    answer = frame.lazy().select(pl.len().alias("rows"), *asked).collect(engine="streaming").row(0, named=True)
    counts = [int(answer.get(f"count {index}") or 0) for index in range(len(masks))]
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    places = [
        number.filter(mask).head(_FIRST_ROWS).implode().alias(f"first {index}")
        for index, mask in judged
        if counts[index]
    ]
    where = frame.lazy().select(places).collect().row(0, named=True) if places else {}
    first = [list(where.get(f"first {index}") or []) for index in range(len(masks))]
    return counts, int(answer["rows"]), first
