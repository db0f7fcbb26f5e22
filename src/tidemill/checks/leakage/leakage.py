"""All checks of leakage that the inputs allow."""

from typing import ClassVar

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.leakage.row_overlap import RowOverlap
from tidemill.checks.leakage.single_feature import SingleFeature
from tidemill.checks.leakage.time_overlap import TimeOverlap
from tidemill.checks.outcome import Outcome, Verdict, table, worst


class Leakage(Check, frozen=True, kw_only=True):
    """Does training know nothing that it could not know: the future, test rows, the answer in a feature.

    Runs `time_overlap` where a time column and a reference are given, `row_overlap` where a reference is, and
    `single_feature` where a truth is; the worst verdict counts.

    Args:
        gap: How long after the last training row the test must begin, such as `1d`.
        rows_at_most: The share of test rows that may be in training.
        feature_at_most: The score that is believable of a single feature.

    Error rate: of a false fail at most 0.025, all of it from `single_feature`.

    Source:
        Kaufman, Rosset, Perlich and Stitelman, Leakage in data mining, ACM TKDD 6 (2012).
    """

    name: ClassVar[str] = "leakage"

    gap: str | None = None
    rows_at_most: float = 0.01
    feature_at_most: float = 0.95

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the worst of the checks that could be run.

        Raises:
            NotEnough: If the inputs allow none of them.
        """
        checks: list[Check] = []
        if inputs.reference is not None:
            if inputs.time is not None:
                checks.append(TimeOverlap(gap=self.gap))
            checks.append(RowOverlap(at_most=self.rows_at_most))
        if inputs.truth is not None:
            checks.append(SingleFeature(at_most=self.feature_at_most))
        found = [check.run(inputs) for check in checks]
        if not found:
            raise NotEnough("Neither a reference nor a truth is given", hint="Give the training table and the truth.")
        overall = worst(one.verdict for one in found)
        telling = next(one for one in found if one.verdict is overall)
        skipped = {"time_overlap", "row_overlap", "single_feature"} - {check.name for check in checks}
        reason = telling.reason if overall is not Verdict.PASS else f"{len(found)} checks found none. {telling.reason}"
        reason += f" Not run: {', '.join(sorted(skipped))}." if skipped else ""
        return Outcome(
            check=self.name,
            verdict=overall,
            value=telling.value,
            interval=telling.interval,
            threshold=telling.threshold,
            reason=reason,
            error_rate="a false fail: at most 0.025, all of it from single_feature",
            table=table(
                ("check", "verdict", "value", "threshold", "reason"),
                [(one.check, str(one.verdict), one.value, one.threshold, one.reason) for one in found],
            ),
        )
