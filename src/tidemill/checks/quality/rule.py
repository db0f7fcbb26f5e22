"""A quality rule: what must hold of a column, row by row or as a whole."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import msgspec

from tidemill.checks.check import Check
from tidemill.checks.errors import InvalidRule, NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.core.lazy import lazy
from tidemill.core.names import shown

if TYPE_CHECKING:
    import polars as pl

    Table = pl.DataFrame | pl.LazyFrame
else:
    pl = lazy("polars")

_FIRST_ROWS = 20
_ROW = "__tidemill_row"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold of one column.

    A rule that judges rows gives a mask; one that judges the column as a whole does not.
    """

    word: ClassVar[str]

    def mask(self, column: str) -> "pl.Expr | None":
        """Return an expression that is true for bad rows and false, never null, for others; None without one.

        It fits a column of any simple type: a value that cannot be read as the rule needs it is bad.
        """
        return None

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return self.word


class RuleProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rule stands, for messages.

    Args:
        column: The column.
        word: The rule.
    """

    column: str
    word: str

    def error(self, found: object, hint: str) -> InvalidRule:
        """Return the error of a value that the rule does not take."""
        return InvalidRule(
            f"The rule {self.word!r} of column {shown(self.column)} is {shown(str(found))}",
            hint=hint,
            where=f"rules.{self.column}.{self.word}",
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
    """Return bad rows a mask, the number of rows, and the first bad row numbers a mask, in one pass.

    Row numbers count from 1.
    """
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    asked: list[pl.Expr] = [pl.len().alias("rows")]
    for index, (_, mask) in enumerate(masks):
        if mask is not None:
            asked.append(mask.sum().cast(pl.Int64).alias(f"count {index}"))
            asked.append(number.filter(mask).head(_FIRST_ROWS).implode().alias(f"first {index}"))
    answer = frame.lazy().select(asked).collect().row(0, named=True)
    counts = [int(answer.get(f"count {index}") or 0) for index in range(len(masks))]
    first = [list(answer.get(f"first {index}") or []) for index in range(len(masks))]
    return counts, int(answer["rows"]), first
