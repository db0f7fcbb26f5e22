"""The texts of a column, each once with its rows: what all checks of texts look at."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.checks.sampling import count_rows
from tidemill.core.lazy import lazy
from tidemill.core.names import shown

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_EXAMPLES = 5
_LONGEST_EXAMPLE = 40


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found in one column.

    Args:
        column: The column.
        what: What is wrong, in a few words.
        rows: Rows that it is wrong in.
        known: Rows with a value.
        examples: Some of the values.
    """

    column: str
    what: str
    rows: int
    known: int
    examples: str = ""

    @property
    def share(self) -> float:
        """The share of the rows with a value."""
        return self.rows / self.known if self.known else 0.0


def is_text(dtype: "pl.DataType") -> bool:
    """Return whether a column of this type holds words."""
    return dtype in (pl.String, pl.Categorical, pl.Enum)


def text_columns(inputs: Inputs, named: Sequence[str]) -> tuple[str, ...]:
    """Return the columns to look at: those that are named, else all texts.

    Raises:
        ColumnMissing: If the table lacks a named one.
        NotEnough: If there is none, or no row.
    """
    check_columns(inputs.current, named)
    schema = inputs.current.collect_schema()
    found = tuple(name for name in named or schema if is_text(schema[name]))
    if not found:
        raise NotEnough("The table has no column of texts", hint="Name columns that hold texts.")
    if not count_rows(inputs.current):
        raise NotEnough("The table has no rows", hint="Give rows.")
    return found


def values_of(inputs: Inputs, column: str, *, reference: bool = False) -> "pl.DataFrame":
    """Return the columns `value` and `count`: each text of a column once, without nulls, in no order."""
    frame = inputs.need_reference() if reference else inputs.current

    def make() -> "pl.DataFrame":
        values = frame.lazy().select(pl.col(column).cast(pl.String).alias("value")).drop_nulls()
        return values.group_by("value").agg(pl.len().alias("count")).collect(engine="streaming")

    return inputs.remember(("values", "reference" if reference else "current", column), make)


def caught(column: str, what: str, values: "pl.DataFrame", bad: "pl.Expr") -> Finding:
    """Return how many rows of a column a mask over its values catches, and the most frequent of them."""
    found = values.filter(bad).sort(["count", "value"], descending=[True, False])
    examples = ", ".join(shown(value, _LONGEST_EXAMPLE) for value in found["value"].head(_EXAMPLES))
    return Finding(
        column=column, what=what, rows=int(found["count"].sum()), known=int(values["count"].sum()), examples=examples
    )


def judge_findings(
    check: str, findings: Sequence[Finding], *, columns: int, at_most: float, wrong: str, error_rate: str = EXACT
) -> Outcome:
    """Return the outcome of the worst finding: fail when its share of rows is above the limit.

    Args:
        check: The check's name.
        findings: What was found, those without a row included or not.
        columns: How many columns were looked at.
        at_most: The share of rows with a value that is fine.
        wrong: What is wrong, as the predicate of a sentence about columns.
        error_rate: Which error is controlled.
    """
    ranked = sorted((one for one in findings if one.rows), key=lambda one: (-one.share, one.column, one.what))
    top = ranked[0] if ranked else None
    over = {one.column for one in ranked if one.share > at_most}
    reason = f"{len(over)} of {columns} columns {wrong}"
    if top:
        reason += f"; most in {top.column}: {top.what} in {top.rows} of {top.known} rows"
        reason += f", such as {top.examples}" if top.examples else ""
    return Outcome(
        check=check,
        verdict=Verdict.FAIL if over else Verdict.PASS,
        value=top.share if top else 0.0,
        threshold=f"<= {at_most:g}",
        reason=f"{reason}.",
        error_rate=error_rate,
        table=table(
            ("column", "what", "rows", "share", "examples"),
            [(one.column, one.what, one.rows, one.share, one.examples) for one in ranked],
        ),
    )
