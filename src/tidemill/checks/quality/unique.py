"""Values and keys that name one row."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.check import Check
from tidemill.checks.errors import InvalidParam, NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.checks.quality.marks import Marking, is_long, mark_repeats
from tidemill.checks.quality.rule import Rule, RuleProblem, count_bad
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_ROW = "__tidemill_row"


class Unique(Rule, frozen=True, kw_only=True):
    """No value occurs twice: every row after the first with a value is bad. Missing values repeat nothing."""

    word: ClassVar[str] = "unique"
    fits_nested: ClassVar[bool] = True
    sees_other_rows: ClassVar[bool] = True

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "Unique | None":
        """Return the rule that `true` orders, None for `false`.

        Raises:
            InvalidRule: If it orders none.
        """
        if not isinstance(value, bool):
            raise problem.error(value, "Write true or false.")
        return cls() if value else None

    def mask(self, column: str) -> "pl.Expr":
        """Return which rows repeat an earlier one."""
        values = pl.col(column)
        return ~values.is_first_distinct() & values.is_not_null()

    def marking(self, column: str) -> Marking:
        """Return what finds them in a long table."""
        return lambda frame, row, folder: mark_repeats(frame, [column], row, folder).among(row)


class UniqueKey(Check, frozen=True, kw_only=True):
    """Does the key name every row once, with no part missing.

    Args:
        columns: The columns of the key; the inputs' key when left out.
        at_most: The share of rows that may repeat an earlier key or lack one.

    Error rate: none, every row is counted.

    Source:
        Codd, A relational model of data for large shared data banks, CACM 13 (1970), section 1.3.
    """

    name: ClassVar[str] = "unique_key"

    columns: tuple[str, ...] = ()
    at_most: float = 0.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the share of rows that the key does not name.

        Raises:
            InvalidParam: If there is no key.
            NotEnough: If the table is empty.
        """
        columns = self.columns or inputs.key
        if not columns:
            raise InvalidParam("There is no key", hint="Give `columns`, or a key of the table.")
        check_columns(inputs.current, columns)
        missing = pl.any_horizontal([pl.col(column).is_null() for column in columns])
        whole = pl.struct(columns) if len(columns) > 1 else pl.col(columns[0])
        frame, again = inputs.current, ~whole.is_first_distinct() & ~missing
        if is_long(frame):
            frame = frame.lazy().with_row_index(_ROW, offset=1)
            again = mark_repeats(frame, columns, _ROW, None).among(_ROW)
        (repeated, lacking), rows, first = count_bad(frame, [("repeated", again), ("missing", missing)])
        if not rows:
            raise NotEnough("The table has no rows", hint="Give rows.")
        share = (repeated + lacking) / rows
        return Outcome(
            check=self.name,
            verdict=Verdict.PASS if share <= self.at_most else Verdict.FAIL,
            value=share,
            threshold=f"<= {self.at_most:g}",
            reason=f"Of {rows} rows {repeated} repeat an earlier key ({', '.join(columns)}), and {lacking} lack one.",
            error_rate=EXACT,
            table=table(
                ("problem", "rows", "first rows"),
                [
                    ("repeated", repeated, ", ".join(str(row) for row in first[0])),
                    ("missing", lacking, ", ".join(str(row) for row in first[1])),
                ],
            ),
        )
