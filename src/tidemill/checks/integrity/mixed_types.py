"""Columns of texts in which numbers stand among words."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.check import Check
from tidemill.checks.inputs import Inputs
from tidemill.checks.integrity.texts import caught, judge_findings, text_columns, values_of
from tidemill.checks.outcome import Outcome
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class MixedTypes(Check, frozen=True, kw_only=True):
    """Is no column of texts almost all numbers or almost all words.

    A column of codes may hold both; one in which a few values are of the other kind was filled by mistake. The rarer
    kind is bad when its share is above zero and below `rare`.

    Args:
        columns: Which columns; all texts when left out.
        rare: Below which share the rarer kind is a mistake.
        at_most: The share of values of the rarer kind that is fine nevertheless.

    Error rate: none, every row is counted.

    Source:
        ISO/IEC 25012:2008, 5.3.1.3 consistency; Kandel et al., Research directions in data wrangling (2011).
    """

    name: ClassVar[str] = "mixed_types"

    columns: tuple[str, ...] = ()
    rare: float = 0.1
    at_most: float = 0.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the column in which the most values are of the rarer kind.

        Raises:
            NotEnough: If there is no text.
        """
        columns = text_columns(inputs, self.columns)
        value = pl.col("value").str.strip_chars()
        is_number = value.cast(pl.Float64, strict=False).is_not_null() & value.str.contains(r"\d")
        found = []
        for column in columns:
            values = values_of(inputs, column)
            values = values.filter(pl.col("value").str.strip_chars() != "")
            both = (caught(column, "numbers", values, is_number), caught(column, "words", values, ~is_number))
            rarer = min(both, key=lambda one: one.rows)
            if 0 < rarer.share < self.rare:
                found.append(rarer)
        return judge_findings(
            self.name, found, columns=len(columns), at_most=self.at_most, wrong="mix numbers and words"
        )
