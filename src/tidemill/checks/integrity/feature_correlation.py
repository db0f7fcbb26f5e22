"""Features that say the same."""

from typing import ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.integrity.associations import measure_pairs
from tidemill.checks.outcome import Interval, Outcome, Verdict, table
from tidemill.checks.sampling import said_sample, sample_rows

_MOST_ROWS_OF_TABLE = 100


class FeatureCorrelation(Check, frozen=True, kw_only=True):
    """Are no two features almost the same.

    Measured from 0 to 1: Spearman's rank correlation of two numbers, Cramér's V of two columns of words, and the
    correlation ratio on ranks of one of each; bias is taken off the last two. Features that go together are no fault;
    their importances are shared, and one of them may be the truth in disguise of the other.

    Args:
        columns: Which features; all when left out.
        at_most: The association that is fine.
        confidence: That all pairs' intervals hold at once (Bonferroni).
        sample: About how many rows are looked at.

    Error rate: of failing though every pair truly is within the limit at most half of `1 - confidence`, for large
    samples; the intervals of words are approximate.

    Source:
        Fieller, Hartley and Pearson, Biometrika 44 (1957); Bergsma, A bias correction for Cramér's V, Journal of the
        Korean Statistical Society 42 (2013); Kelley, An unbiased correlation ratio measure, PNAS 21 (1935).
    """

    name: ClassVar[str] = "feature_correlation"

    severity: Literal["warn", "fail"] = "warn"
    columns: tuple[str, ...] = ()
    at_most: float = 0.95
    confidence: float = 0.95
    sample: int = 20_000

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the pair of features that go together most.

        Raises:
            NotEnough: If no pair can be measured.
        """
        names = self.columns or inputs.feature_names()
        check_columns(inputs.current, names)
        frame = sample_rows(inputs.current, names, self.sample)
        pairs = measure_pairs(frame, confidence=self.confidence)
        if not pairs:
            raise NotEnough(
                "No two features could be compared", hint="Give two numeric or text features and more rows."
            )
        top = pairs[0]
        over = sum(one.low > self.at_most for one in pairs)
        verdict = Verdict.WARN if top.value > self.at_most else Verdict.PASS
        reason = (
            f"{over} of {len(pairs)} pairs of features are surely above {self.at_most:g}; {top.first} and {top.second} "
            f"are at {top.value:.3f} {said_sample(inputs, frame.height)}."
        )
        return Outcome(
            check=self.name,
            verdict=Verdict.FAIL if over else verdict,
            value=top.value,
            interval=Interval(low=top.low, high=top.high, confidence=self.confidence),
            threshold=f"<= {self.at_most:g}",
            reason=reason,
            error_rate=f"a false fail of any pair: at most {(1 - self.confidence) / 2:.3g}",
            table=table(
                ("feature", "other", "measure", "value", "low", "high", "rows"),
                [
                    (one.first, one.second, one.measure, one.value, one.low, one.high, one.rows)
                    for one in pairs[:_MOST_ROWS_OF_TABLE]
                ],
            ),
        )
