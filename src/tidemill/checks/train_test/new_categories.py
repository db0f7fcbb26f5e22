"""Words of the test that training never saw."""

from typing import TYPE_CHECKING, ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.integrity.texts import Finding, caught, is_text, judge_findings, text_columns, values_of
from tidemill.checks.outcome import Outcome
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class NewCategories(Check, frozen=True, kw_only=True):
    """Does training hold the categories of the test.

    A column in which hardly a word comes twice in training holds names, not categories, and is passed over.

    Args:
        columns: Which features; all texts but the key and the truth when left out.
        at_most: The share of a column's test rows that may hold a new category.

    Error rate: none, every row is counted.

    Source:
        Breck, Polyzotis et al., Data validation for machine learning, SysML (2019), section 3.1, domains.
    """

    name: ClassVar[str] = "new_categories"

    severity: Literal["warn", "fail"] = "warn"
    columns: tuple[str, ...] = ()
    at_most: float = 0.01

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the column with the largest share of new categories.

        Raises:
            NotEnough: If the tables have no column of categories in common.
        """
        columns = shared_texts(inputs, self.columns)
        found: list[Finding] = []
        for column in columns:
            train, test = values_of(inputs, column, reference=True), values_of(inputs, column)
            if self.columns or 2 * train.height <= int(train["count"].sum()):
                is_new = ~pl.col("value").is_in(train["value"].implode())
                found.append(caught(column, "categories that training never saw", test, is_new))
        if not found:
            raise NotEnough("No column holds categories", hint="Name columns, and give training rows.")
        return judge_findings(
            self.name, found, columns=len(found), at_most=self.at_most, wrong="hold categories that training lacks"
        )


def shared_texts(inputs: Inputs, named: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of texts that both tables have: those that are named, else all features.

    Raises:
        NotEnough: If there is none.
    """
    there = inputs.need_reference().collect_schema()
    asked = named or tuple(name for name in inputs.feature_names() if name in there)
    here = text_columns(inputs, named)
    found = tuple(name for name in asked if name in here and name in there and is_text(there[name]))
    if not found:
        raise NotEnough("The tables have no column of texts in common", hint="Name columns that hold texts.")
    return found
