"""Are test rows in training."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.check import Check
from tidemill.checks.errors import InvalidParam, NotEnough
from tidemill.checks.inputs import Inputs, collect
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class RowOverlap(Check, frozen=True, kw_only=True):
    """Are few test rows also training rows.

    Rows are compared by the key where there is one, else by all columns of both tables. A table of few columns repeats
    itself without leakage: the share of training rows that have a twin in training is told beside.

    Args:
        columns: By which rows are compared.
        at_most: The share of test rows that may be in training.

    Error rate: none, every row is counted, by a digest of 64 bits.

    Source:
        Kaufman, Rosset, Perlich and Stitelman, Leakage in data mining, ACM TKDD 6 (2012), section 3.
    """

    name: ClassVar[str] = "row_overlap"

    columns: tuple[str, ...] = ()
    at_most: float = 0.01

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the share of test rows that are in training.

        Raises:
            InvalidParam: If the tables have no column in common.
            NotEnough: If a table is empty.
        """
        reference = inputs.need_reference()
        there = reference.collect_schema()
        here = inputs.current.collect_schema()
        columns = self.columns or inputs.key or tuple(name for name in here if name in there)
        if not columns:
            raise InvalidParam("The tables have no column in common", hint="Give `columns`.")
        train, test = collect(reference, columns), collect(inputs.current, columns)
        if not train.height or not test.height:
            raise NotEnough("A table has no rows", hint="Give rows to compare.")
        types = {name: there[name] for name in columns if there[name] != here[name]}
        if types:
            test = test.with_columns(pl.col(name).cast(dtype, strict=False) for name, dtype in types.items())
        seen, asked = train.hash_rows(seed=0), test.hash_rows(seed=0)
        found = asked.is_in(seen.unique().implode())
        both, twins = int(found.sum()), int(seen.is_duplicated().sum())
        share = both / test.height
        by = ", ".join(columns[:6]) + (f" and {len(columns) - 6} more" if len(columns) > 6 else "")
        rows = found.arg_true().head(20).to_list()
        return Outcome(
            check=self.name,
            verdict=Verdict.PASS if share <= self.at_most else Verdict.FAIL,
            value=share,
            threshold=f"<= {self.at_most:g}",
            reason=(
                f"{both} of {test.height} test rows are also in training, by {by}; "
                f"{twins / train.height:.1%} of training rows have a twin in training."
            ),
            error_rate=EXACT,
            table=table(("test row in training",), [(int(row),) for row in rows]),
        )
