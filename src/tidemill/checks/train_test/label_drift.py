"""Has the truth moved between training and test."""

from typing import ClassVar

import msgspec

from tidemill.checks.drift.drift import Drift
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Outcome


class LabelDrift(Drift, frozen=True, kw_only=True):
    """Has the distribution of the truth moved away from the reference by more than a tolerance.

    Measured and judged as `drift` does a column.

    Args:
        columns: The truth; the inputs' truth when left out.
        tolerance: The largest distance that is fine.
        false_alarm_rate: Chance of a false alarm.
        design_effect: How many rows carry what one independent row would.

    Error rate: while the true distance is within the tolerance, the chance of failing is at most `false_alarm_rate`.

    Source:
        Lin (1991); Cressie and Read, JRSS B 46 (1984); Wellek (2010), chapter 9.
    """

    name: ClassVar[str] = "label_drift"

    def judge(self, inputs: Inputs) -> Outcome:
        """Return how far the truth has moved.

        Raises:
            InputMissing: If there is no truth.
            NotEnough: If it could not be compared.
        """
        named = msgspec.structs.replace(self, columns=self.columns or (inputs.need("truth"),))
        return msgspec.structs.replace(super(LabelDrift, named).judge(inputs), check=self.name)
