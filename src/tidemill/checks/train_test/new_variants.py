"""Words that the test writes in another way than training."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.check import Check
from tidemill.checks.inputs import Inputs
from tidemill.checks.integrity.string_mismatch import MOST_VALUES, root_of
from tidemill.checks.integrity.texts import Finding, caught, judge_findings, values_of
from tidemill.checks.outcome import Outcome
from tidemill.checks.train_test.new_categories import shared_texts
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class NewVariants(Check, frozen=True, kw_only=True):
    """Does the test write words as training does.

    Bad are test rows whose text training lacks, though it has one of the same letters and digits: `LAX` there and `lax`
    here. A column with more than 100,000 different texts holds no categories and is passed over.

    Args:
        columns: Which features; all texts but the key and the truth when left out.
        at_most: The share of a column's test rows that may be written in a new way.

    Error rate: none, every row is counted.

    Source:
        The Unicode Standard Annex 15, normalization forms; Kandel et al., Wrangler, CHI (2011), clustering of values.
    """

    name: ClassVar[str] = "new_variants"

    columns: tuple[str, ...] = ()
    at_most: float = 0.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the column with the most test rows in new variants.

        Raises:
            NotEnough: If the tables have no column of texts in common.
        """
        columns = shared_texts(inputs, self.columns)
        found: list[Finding] = []
        for column in columns:
            train, test = values_of(inputs, column, reference=True), values_of(inputs, column)
            if max(train.height, test.height) <= MOST_VALUES:
                roots = train.select(root_of(pl.col("value"))).to_series().drop_nulls().unique()
                is_new = ~pl.col("value").is_in(train["value"].implode())
                is_known = root_of(pl.col("value")).is_in(roots.implode()).fill_null(value=False)
                found.append(caught(column, "words that training writes otherwise", test, is_new & is_known))
        return judge_findings(
            self.name, found, columns=len(columns), at_most=self.at_most, wrong="write words otherwise than training"
        )
