"""Texts that are far shorter or longer than the others of their column."""

from typing import TYPE_CHECKING, ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.inputs import Inputs
from tidemill.checks.integrity.texts import Finding, caught, judge_findings, text_columns, values_of
from tidemill.checks.outcome import Outcome
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_INNER = (0.03, 0.97)
_LENGTH = "__tidemill_length"


class TextLengths(Check, frozen=True, kw_only=True):
    """Are texts about as long as the others of their column.

    Out of bounds is a text that is further outside the middle 94 percent of its column than `far` times their width,
    or than `far` characters where they are all of one length. Bounds that are known are better said as a rule,
    `length: [2, 3]`.

    Args:
        columns: Which columns; all texts when left out.
        far: How many widths away is out of bounds.
        at_most: The share of values that may be out of bounds.

    Error rate: none, every row is counted.

    Source:
        Tukey, Exploratory Data Analysis (1977), chapter 2, fences.
    """

    name: ClassVar[str] = "text_lengths"

    severity: Literal["warn", "fail"] = "warn"
    columns: tuple[str, ...] = ()
    far: float = 4.0
    at_most: float = 0.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the column with the most texts out of bounds.

        Raises:
            NotEnough: If there is no text.
        """
        columns = text_columns(inputs, self.columns)
        found = [self._outside(name, values_of(inputs, name)) for name in columns]
        return judge_findings(
            self.name, found, columns=len(columns), at_most=self.at_most, wrong="hold texts of an unusual length"
        )

    def _outside(self, column: str, values: "pl.DataFrame") -> Finding:
        measured = values.with_columns(pl.col("value").str.len_chars().cast(pl.Int64).alias(_LENGTH))
        by_length = measured.group_by(_LENGTH).agg(pl.col("count").sum()).sort(_LENGTH)
        total = int(by_length["count"].sum())
        if not total:
            return Finding(column=column, what="", rows=0, known=0)
        below = by_length["count"].cum_sum()
        low, high = (int(by_length[_LENGTH][int((below >= share * total).arg_max() or 0)]) for share in _INNER)
        reach = self.far * max(1, high - low)
        what = f"not {max(0, round(low - reach))} to {round(high + reach)} characters long"
        return caught(column, what, measured, ~pl.col(_LENGTH).is_between(low - reach, high + reach))
