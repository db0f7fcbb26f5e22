"""A distance for each column, held against one limit with an error rate over all columns together."""

from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.check import Check
from tidemill.checks.drift.reference import ColumnReference, build_reference
from tidemill.checks.drift.summary import ColumnSummary, summarise
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Interval, Outcome, Verdict, table

if TYPE_CHECKING:
    from collections.abc import Iterator


class Distance(msgspec.Struct, frozen=True, kw_only=True):
    """How far a column is from its reference.

    Args:
        value: The distance that is judged.
        interval: Where the true one lies.
        measured: As computed from the rows, noise included.
    """

    value: float
    interval: Interval
    measured: float


class ColumnDrift(Check, frozen=True, kw_only=True):
    """A check of every column against its reference.

    Args:
        columns: Which columns; all features that the measure fits when left out.
        at_most: The limit.
        confidence: One less the chance of any false failure.
    """

    columns: tuple[str, ...] = ()
    at_most: float = 0.1
    confidence: float = 0.95

    def distance(self, reference: ColumnReference, current: ColumnSummary, confidence: float) -> Distance:
        """Return the distance of one column.

        Raises:
            NotEnough: If this column has none.
        """
        raise NotImplementedError

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the farthest column and whether it is beyond the limit."""
        names = self.columns or inputs.feature_names()
        reference = build_reference(inputs.need_reference(), names)
        summary = summarise(inputs.current, reference)
        current = {column.name: column for column in summary.columns}
        left_out = dict(summary.problems) | dict.fromkeys(reference.skipped, "times and nested values are not compared")
        confidence = 1 - (1 - self.confidence) / max(1, len(current))
        found: dict[str, Distance] = {}
        for column in reference.columns:
            if column.name in current:
                try:
                    found[column.name] = self.distance(column, current[column.name], confidence)
                except NotEnough as error:
                    left_out[column.name] = error.message
        return self._outcome(found, left_out)

    def _outcome(self, found: dict[str, Distance], left_out: dict[str, str]) -> Outcome:
        if not found:
            told = "; ".join(f"{name}: {problem}" for name, problem in list(left_out.items())[:3])
            raise NotEnough(f"No column could be compared ({told or 'there is none'})", hint="Give columns with rows.")
        name, farthest = max(found.items(), key=lambda item: (item[1].interval.low or 0.0, item[1].value))
        sure = [name for name, one in found.items() if (one.interval.low or 0.0) > self.at_most]
        likely = [name for name, one in found.items() if one.value > self.at_most]
        verdict = Verdict.FAIL if sure else Verdict.WARN if likely else Verdict.PASS
        reason = f"{name} is farthest at {farthest.value:.3g}; "
        reason += (
            f"{len(sure)} of {len(found)} columns are surely and {len(likely)} by estimate beyond {self.at_most:g}."
        )
        return Outcome(
            check=self.name,
            verdict=verdict,
            value=farthest.value,
            interval=farthest.interval,
            threshold=f"<= {self.at_most:g}",
            reason=reason,
            error_rate=f"a false failure of any column: at most {1 - self.confidence:.3g}",
            table=table(("column", "value", "low", "high", "measured", "note"), self._rows(found, left_out)),
        )

    def _rows(
        self, found: dict[str, Distance], left_out: dict[str, str]
    ) -> "Iterator[tuple[str, float | None, float | None, float | None, float | None, str]]":
        for name, one in sorted(found.items(), key=lambda item: -item[1].value):
            yield name, one.value, one.interval.low, one.interval.high, one.measured, ""
        for name, problem in left_out.items():
            yield name, None, None, None, None, problem
