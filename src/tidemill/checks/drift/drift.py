"""Drift of all columns, ranked."""

from typing import ClassVar

from tidemill.checks.check import Check
from tidemill.checks.drift.judge import DEFAULT_TOLERANCE, drift_outcome, judge_drift
from tidemill.checks.drift.reference import build_reference
from tidemill.checks.drift.summary import summarise
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Outcome


class Drift(Check, frozen=True, kw_only=True):
    """Has any column moved away from the reference by more than a tolerance.

    The effect is the Jensen-Shannon distance over about twenty cells of the reference, its noise taken off; the
    verdict is the same at a thousand and a million rows unless the effect differs.

    Args:
        columns: Which columns; all features when left out.
        tolerance: The largest distance that is fine.
        false_alarm_rate: Chance of any false alarm.
        design_effect: How many rows carry what one independent row would.

    Error rate: while every true distance is within the tolerance, the chance that any column fails is at most
    `false_alarm_rate`.

    Source:
        Lin (1991); Cressie and Read, JRSS B 46 (1984); Wellek (2010), chapter 9; Holm (1979).
    """

    name: ClassVar[str] = "drift"

    columns: tuple[str, ...] = ()
    tolerance: float = DEFAULT_TOLERANCE
    false_alarm_rate: float = 0.01
    design_effect: float = 1.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return which columns have drifted.

        Raises:
            NotEnough: If no column could be compared.
        """
        reference = build_reference(inputs.need_reference(), self.columns or inputs.feature_names())
        verdicts = judge_drift(
            reference,
            summarise(inputs.current, reference),
            tolerance=self.tolerance,
            false_alarm_rate=self.false_alarm_rate,
            weights=inputs.importance,
            design_effect=self.design_effect,
        )
        return drift_outcome(verdicts, tolerance=self.tolerance, false_alarm_rate=self.false_alarm_rate)
