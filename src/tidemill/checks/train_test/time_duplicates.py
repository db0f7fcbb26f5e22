"""Are moments of the test moments of training."""

from typing import ClassVar

import msgspec

from tidemill.checks.inputs import Inputs
from tidemill.checks.leakage.row_overlap import RowOverlap
from tidemill.checks.outcome import Outcome


class TimeDuplicates(RowOverlap, frozen=True, kw_only=True):
    """Does no row of the test happen at a moment of training.

    What is measured once a day or once a batch is alike within it; a day on both sides of a split lets a model know
    the test's day. `time_overlap` asks more: that the whole test comes later.

    Args:
        columns: The time; the inputs' time column when left out.
        at_most: The share of test rows that may be at a moment of training.

    Error rate: none, every row is counted, by a digest of 64 bits.

    Source:
        Kaufman, Rosset, Perlich and Stitelman, Leakage in data mining, ACM TKDD 6 (2012), section 3.
    """

    name: ClassVar[str] = "time_duplicates"

    at_most: float = 0.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the share of test rows at a moment of training.

        Raises:
            InputMissing: If there is no time column.
            NotEnough: If a table is empty.
        """
        timed = msgspec.structs.replace(self, columns=self.columns or (inputs.need("time"),))
        return super(TimeDuplicates, timed).judge(inputs)
