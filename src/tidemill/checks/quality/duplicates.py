"""Rows that occur twice."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.outcome import Outcome, Verdict, table
from tidemill.checks.quality.marks import is_long, mark_repeats
from tidemill.checks.quality.rule import count_bad
from tidemill.checks.row_digests import BY_DIGEST, digest_rows
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl

    from tidemill.checks.quality.rule import Table
else:
    pl = lazy("polars")

_ROW = "__tidemill_row"
_FIRST_ROWS = 20


class Duplicates(Check, frozen=True, kw_only=True):
    """Is the share of rows that equal an earlier row small enough; missing values equal each other.

    Args:
        columns: Which columns make rows equal; all when left out.
        at_most: The share of rows that may repeat.

    Error rate: none, every row is counted, by a digest of 64 bits, or 128 where rows are many.

    Source:
        ISO/IEC 25012:2008, 5.3.1.3 consistency; Elmagarmid, Ipeirotis and Verykios, Duplicate record detection, IEEE
        TKDE 19 (2007).
    """

    name: ClassVar[str] = "duplicates"

    columns: tuple[str, ...] = ()
    at_most: float = 0.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the share of rows that equal an earlier one.

        Raises:
            NotEnough: If the table is empty.
        """
        columns = list(self.columns or inputs.current.collect_schema().names())
        check_columns(inputs.current, columns)
        if not columns:
            raise NotEnough("The table has no columns", hint="Give a table.")
        repeated, rows, first = _repeats(inputs.current, columns)
        if not rows:
            raise NotEnough("The table has no rows", hint="Give rows.")
        share = repeated / rows
        return Outcome(
            check=self.name,
            verdict=Verdict.PASS if share <= self.at_most else Verdict.FAIL,
            value=share,
            threshold=f"<= {self.at_most:g}",
            reason=f"{repeated} of {rows} rows equal an earlier one in {len(columns)} columns.",
            error_rate=BY_DIGEST,
            table=table(("row that repeats",), [(row,) for row in first]),
        )


def _repeats(frame: "Table", columns: list[str]) -> tuple[int, int, list[int]]:
    """Return how many rows equal an earlier one, how many there are, and the numbers of the first that do."""
    if is_long(frame):
        numbered = frame.lazy().with_row_index(_ROW, offset=1)
        marks = mark_repeats(numbered, columns, _ROW, None, with_missing=True)
        rows = frame.lazy().select(pl.len()).collect(engine="streaming").item()
        return marks.count(), int(rows), marks.first(_FIRST_ROWS)
    digests = digest_rows(frame, columns).to_frame()
    (repeated,), rows, (first,) = count_bad(digests, [("row", ~pl.col("row").is_first_distinct())])
    return repeated, rows, first
