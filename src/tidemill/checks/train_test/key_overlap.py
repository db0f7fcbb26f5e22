"""Are things of the test known from training."""

from typing import ClassVar

from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.leakage.row_overlap import RowOverlap
from tidemill.checks.outcome import Outcome


class KeyOverlap(RowOverlap, frozen=True, kw_only=True):
    """Does no key of the test name a row of training: no leakage by the index.

    Args:
        columns: The columns of the key; the inputs' key when left out.
        at_most: The share of test rows whose key may be in training.

    Error rate: none, every row is counted, by a digest of 64 bits.

    Source:
        Kaufman, Rosset, Perlich and Stitelman, Leakage in data mining, ACM TKDD 6 (2012), section 3.
    """

    name: ClassVar[str] = "key_overlap"

    at_most: float = 0.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the share of test rows whose key is in training.

        Raises:
            NotEnough: If there is no key, or a table is empty.
        """
        if not self.columns and not inputs.key:
            raise NotEnough("There is no key", hint="Give `columns`, or a key of the table.")
        return super().judge(inputs)
