"""A table that must look like another version."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.drift.judge import DEFAULT_TOLERANCE, drift_outcome, judge_drift
from tidemill.checks.drift.reference import Reference
from tidemill.checks.drift.summary import Summary, merge, summarise
from tidemill.checks.errors import InputMissing, NotEnough
from tidemill.checks.outcome import Verdict
from tidemill.checks.quality.finding import Decision
from tidemill.checks.quality.rule import Judged, Rule, RuleProblem, Seen
from tidemill.core.lazy import lazy
from tidemill.core.names import check_name
from tidemill.core.nearest import did_you_mean

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_HINT = "Write {against: flights@1}, or {against: previous}, and perhaps columns, tolerance, false_alarm_rate."
_KNOWN = ("against", "columns", "tolerance", "false_alarm_rate")
_STEP = 1 << 20


class DriftRule(Rule, frozen=True, kw_only=True):
    """No column has moved further from another version than a tolerance, as the check `drift` judges it.

    Args:
        against: The other version, or `previous`.
        watched: Which columns; all when left out.
        tolerance: The largest Jensen-Shannon distance that is fine.
        false_alarm_rate: The chance of any false alarm.
    """

    word: ClassVar[str] = "drift"
    fits_nested: ClassVar[bool] = True

    against: str
    watched: tuple[str, ...] = ()
    tolerance: float = DEFAULT_TOLERANCE
    false_alarm_rate: float = 0.01

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "DriftRule":
        """Return the rule that a mapping orders.

        Raises:
            InvalidRule: If it orders none.
        """
        if not isinstance(value, Mapping) or not isinstance(value.get("against"), str):
            raise problem.error(value, _HINT)
        for word in value:
            if word not in _KNOWN:
                raise problem.error(word, did_you_mean(str(word), _KNOWN))
        check_name(value["against"].partition("@")[0], "dataset")
        columns = value.get("columns", [])
        if not isinstance(columns, list | tuple) or not all(isinstance(column, str) for column in columns):
            raise problem.error(columns, "Write columns as a list.")
        return cls(
            against=value["against"],
            watched=tuple(columns),
            tolerance=_share(value.get("tolerance", DEFAULT_TOLERANCE), problem),
            false_alarm_rate=_share(value.get("false_alarm_rate", 0.01), problem),
        )

    def decide(self, column: str, judged: Judged, seen: Seen) -> Decision:
        """Return which columns have moved.

        Raises:
            InputMissing: If there are no rows to look at.
        """
        del column
        reference = judged.around.reference(self.against, self.watched)
        threshold = f"<= {self.tolerance:g}"
        if reference is None:
            return Decision(holds=True, reason="There is no version before.", threshold=threshold, by_rows=False)
        if judged.frame is None:
            raise InputMissing("Drift is judged of rows, and there are none", hint="Give the table.")
        try:
            verdicts = judge_drift(
                reference,
                _summary(judged.frame, reference, seen.rows),
                tolerance=self.tolerance,
                false_alarm_rate=self.false_alarm_rate,
            )
            found = drift_outcome(verdicts, tolerance=self.tolerance, false_alarm_rate=self.false_alarm_rate)
        except NotEnough as error:
            return Decision(holds=None, reason=f"{error.message}.", threshold=threshold, by_rows=False)
        holds = None if found.verdict is Verdict.INCONCLUSIVE else found.verdict is not Verdict.FAIL
        return Decision(holds=holds, reason=found.reason, value=found.value, threshold=threshold, by_rows=False)

    def columns(self, column: str) -> tuple[str, ...]:
        """Return the columns that are watched, empty for all."""
        del column
        return self.watched

    def label(self) -> str:
        """Return how it is named."""
        return f"{self.word}: {self.against}"

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return f"drift against {self.against} <= {self.tolerance:g}"


def _share(value: object, problem: RuleProblem) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise problem.error(value, "Write a number between 0 and 1.")
    return float(value)


def _summary(frame: "pl.LazyFrame", reference: Reference, rows: int) -> Summary:
    """Return the rows as counts, a step at a time, so that memory does not grow with them."""
    found = summarise(frame.slice(0, _STEP), reference)
    for start in range(_STEP, rows, _STEP):
        found = merge(found, summarise(frame.slice(start, _STEP), reference))
    return found
