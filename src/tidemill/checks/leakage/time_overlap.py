"""Does training reach into the time of the test."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.check import Check
from tidemill.checks.errors import InvalidParam, NotEnough
from tidemill.checks.inputs import Inputs, collect
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.core.lazy import lazy
from tidemill.core.moments import parse_duration

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class TimeOverlap(Check, frozen=True, kw_only=True):
    """Does every test row happen after the last training row.

    A model that trains on the days that it is tested on knows their weather; its score flatters.

    Args:
        column: The time; the inputs' time column when left out.
        gap: How long after the last training row the test must begin, such as `1d`: the delay of labels.
        at_most: The share of test rows that may be too early.

    Error rate: none, every row is counted.

    Source:
        Kaufman, Rosset, Perlich and Stitelman, Leakage in data mining, ACM TKDD 6 (2012), section 3.
    """

    name: ClassVar[str] = "time_overlap"

    column: str | None = None
    gap: str | None = None
    at_most: float = 0.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the share of test rows that are not after training.

        Raises:
            InvalidParam: If both tables have other types of time.
            NotEnough: If a table has no times.
        """
        column = self.column or inputs.need("time")
        train, test = (collect(frame, (column,))[column] for frame in (inputs.need_reference(), inputs.current))
        if train.dtype != test.dtype:
            raise InvalidParam(f"{column} is {train.dtype} in training and {test.dtype} in the test", hint="Cast one.")
        train, test = train.drop_nulls(), test.drop_nulls()
        if not len(train) or not len(test):
            raise NotEnough(f"A table has no times in {column}", hint="Give rows with a time.")
        ends = pl.Series([train.max()], dtype=train.dtype)
        if self.gap:
            if not train.dtype.is_temporal():
                raise InvalidParam(f"{column} is {train.dtype}, and a gap needs a time", hint="Leave out `gap`.")
            ends = ends + parse_duration(self.gap)
        last = ends[0]
        early = int((test <= last).sum())
        share = early / len(test)
        reason = f"{early} of {len(test)} test rows are not after the end of training at {train.max()!s}"
        reason += f" plus {self.gap}." if self.gap else "."
        return Outcome(
            check=self.name,
            verdict=Verdict.PASS if share <= self.at_most else Verdict.FAIL,
            value=share,
            threshold=f"<= {self.at_most:g}",
            reason=reason,
            error_rate=EXACT,
            table=table(
                ("what", "from", "to", "rows"),
                [
                    ("training", str(train.min()), str(train.max()), len(train)),
                    ("test", str(test.min()), str(test.max()), len(test)),
                ],
            ),
        )
