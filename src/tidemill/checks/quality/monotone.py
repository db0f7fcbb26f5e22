"""Values that never go back, such as the time of a log."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.errors import InvalidParam
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Outcome
from tidemill.checks.quality.marks import Marking, Marks, batches
from tidemill.checks.quality.rule import Rule, RuleCheck, RuleProblem
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")


class Increasing(Rule, frozen=True, kw_only=True):
    """No value is below one before it; missing values are passed over.

    Args:
        strictly: Whether equal values are bad too.
    """

    word: ClassVar[str] = "increasing"
    sees_other_rows: ClassVar[bool] = True

    strictly: bool = False

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "Increasing | None":
        """Return the rule that `true` or `strictly` orders, None for `false`.

        Raises:
            InvalidRule: If it orders none.
        """
        if value == "strictly":
            return cls(strictly=True)
        if not isinstance(value, bool):
            raise problem.error(value, "Write true, strictly or false.")
        return cls() if value else None

    def mask(self, column: str) -> "pl.Expr":
        """Return which rows go back behind the furthest before them."""
        return pl.col(column).map_batches(self._goes_back, return_dtype=pl.Boolean)

    def marking(self, column: str) -> Marking:
        """Return what finds them in a long table: of the rows before, the furthest value is enough."""

        def mark(frame: "pl.LazyFrame", row: str, folder: Path | None) -> "pl.Expr":
            del folder
            marks, furthest = Marks(), None
            for batch in batches(frame, [row, column]):
                values = batch[column].to_physical()
                values = values if furthest is None else pl.concat([furthest, values])
                bad = self._goes_back(values)[len(values) - batch.height :]
                marks.put(batch[row].filter(bad).to_numpy().astype(np.int64))
                furthest = pl.Series(values.name, [values.max()], dtype=values.dtype)
            return marks.among(row)

        return mark

    def _goes_back(self, values: "pl.Series") -> "pl.Series":
        if values.dtype == pl.Null:
            return pl.repeat(value=False, n=len(values), dtype=pl.Boolean, eager=True)
        held = values.to_physical()
        furthest = held.cum_max().forward_fill().shift(1)
        return (held <= furthest if self.strictly else held < furthest).fill_null(value=False)

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return "increasing strictly" if self.strictly else "increasing"


class MonotoneTime(RuleCheck, frozen=True, kw_only=True):
    """Does time never go back from row to row.

    Args:
        columns: Which columns; the time column when left out.
        strictly: Whether equal times are bad too.
        at_most: The share of rows that may go back.

    Error rate: none, every row is counted.

    Source:
        ISO/IEC 25012:2008, 5.3.1.3 consistency; Lamport, Time, clocks, and the ordering of events, CACM 21 (1978).
    """

    name: ClassVar[str] = "monotone_time"

    strictly: bool = False

    def rule(self) -> Rule:
        """Return the rule."""
        return Increasing(strictly=self.strictly)

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the share of rows that go back.

        Raises:
            InvalidParam: If no column is named and the inputs have no time.
            NotEnough: If the table is empty.
        """
        columns = self.columns or ((inputs.time,) if inputs.time else ())
        if not columns:
            raise InvalidParam("There is no time column", hint="Give `columns`, or the time of the table.")
        named = MonotoneTime(columns=columns, strictly=self.strictly, at_most=self.at_most)
        return super(MonotoneTime, named).judge(inputs)
