"""Are test rows in training."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.check import Check
from tidemill.checks.errors import InvalidParam, NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.outcome import Outcome, Verdict, table
from tidemill.checks.row_digests import BY_DIGEST, digest_rows
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_FIRST_ROWS = 20


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
        check_columns(reference, columns)
        check_columns(inputs.current, columns)
        types = {name: there[name] for name in columns if there[name] != here[name]}
        alike = [pl.col(name).cast(dtype, strict=False) for name, dtype in types.items()]
        seen = digest_rows(reference, columns)
        asked = digest_rows(inputs.current.lazy().with_columns(alike), columns)
        if not len(seen) or not len(asked):
            raise NotEnough("A table has no rows", hint="Give rows to compare.")
        found = asked.is_in(seen.unique().implode())
        both, twins = int(found.sum()), int(seen.is_duplicated().sum())
        share = both / len(asked)
        by = ", ".join(columns[:6]) + (f" and {len(columns) - 6} more" if len(columns) > 6 else "")
        rows = [row + 1 for row in found.arg_true().head(_FIRST_ROWS).to_list()]
        return Outcome(
            check=self.name,
            verdict=Verdict.PASS if share <= self.at_most else Verdict.FAIL,
            value=share,
            threshold=f"<= {self.at_most:g}",
            reason=(
                f"{both:,} of {len(asked):,} test rows are also in training, by {by}; "
                f"within training, {twins / len(seen):.1%} of rows have a twin."
            ),
            error_rate=BY_DIGEST,
            table=table(("first test rows in training",), [(", ".join(map(str, rows)),)] if rows else []),
        )
