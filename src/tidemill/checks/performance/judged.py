"""What follows from a metric and its interval: held against a limit, or against the champion."""

from tidemill.checks.bounds import Bound
from tidemill.checks.check import Check
from tidemill.checks.errors import InvalidParam, NotEnough
from tidemill.checks.inputs import Inputs, collect
from tidemill.checks.outcome import Interval, Outcome, Verdict, table
from tidemill.checks.performance.metric import Difference, Estimate, Metric, compare, estimate


def verdict_of(value: float, low: float, high: float, bound: Bound) -> Verdict:
    """Return what an interval says about a bound.

    `pass` when all of it is on the good side and `fail` when none is; in between the verdict is `warn` when the
    value itself is on the good side, and `inconclusive` when it is not.
    """
    good_end, bad_end = (high, low) if bound.is_floor else (low, high)
    if bound.holds(bad_end):
        return Verdict.PASS
    if not bound.holds(good_end):
        return Verdict.FAIL
    return Verdict.WARN if bound.holds(value) else Verdict.INCONCLUSIVE


_SAID = {
    Verdict.PASS: "surely meets",
    Verdict.WARN: "meets, not surely,",
    Verdict.INCONCLUSIVE: "misses, not surely,",
    Verdict.FAIL: "surely misses",
}


def _error_rate(confidence: float) -> str:
    tail = (1 - confidence) / 2
    return f"a false pass: at most {tail:.3g}; a false fail: at most {tail:.3g}"


def judge_estimate(check: str, found: Estimate, bound: Bound | None) -> Outcome:
    """Return the outcome of a metric held against a limit, or only told when there is none."""
    verdict = Verdict.PASS if bound is None else verdict_of(found.value, found.low, found.high, bound)
    told = f"{found.metric} is {found.value:.4f} ({found.low:.4f} to {found.high:.4f}) on {found.rows} rows"
    reason = f"{told}." if bound is None else f"{told} and {_SAID[verdict]} {bound}."
    details = [("rows", found.rows), ("left_out", found.left_out), ("standard_error", found.standard_error)]
    return Outcome(
        check=check,
        verdict=verdict,
        value=found.value,
        interval=Interval(low=found.low, high=found.high, confidence=found.confidence),
        threshold="" if bound is None else str(bound),
        reason=reason,
        error_rate=_error_rate(found.confidence),
        table=table(("what", "value"), [*details, ("positives", found.positives)]),
    )


def judge_difference(check: str, found: Difference, margin: float) -> Outcome:
    """Return the outcome of a candidate that may be worse than the champion by at most a margin.

    A negative margin asks the candidate to be better by so much.
    """
    bound = Bound(">=", 0.0 - margin) if found.higher_is_better else Bound("<=", margin)
    verdict = verdict_of(found.value, found.low, found.high, bound)
    reason = (
        f"{found.metric} is {found.candidate:.4f} and the champion's {found.champion:.4f}: the difference of "
        f"{found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f}) on {found.rows} rows {_SAID[verdict]} {bound}."
    )
    details = [
        ("candidate", found.candidate),
        ("champion", found.champion),
        ("standard_error", found.standard_error),
        ("p_value", found.p_value),
        ("rows", found.rows),
        ("left_out", found.left_out),
    ]
    return Outcome(
        check=check,
        verdict=verdict,
        value=found.value,
        interval=Interval(low=found.low, high=found.high, confidence=found.confidence),
        threshold=str(bound),
        reason=reason,
        error_rate=_error_rate(found.confidence),
        table=table(("what", "value"), details),
    )


class MetricCheck(Check, frozen=True, kw_only=True):
    """A metric held against a limit, against the champion on the same rows, or only told.

    Args:
        at_least: The limit from below.
        at_most: The limit from above.
        margin: By how much the candidate may be worse than the champion; negative asks it to be better.
        cluster: Column whose equal values mark rows that share their luck, such as the day; see `metric.estimate`.
        confidence: Of the two-sided interval; each of both errors has half of the rest.
        rows_needed: With fewer known rows nothing is decided: intervals rest on the law of large numbers.
    """

    at_least: float | None = None
    at_most: float | None = None
    margin: float | None = None
    cluster: str | None = None
    confidence: float = 0.95
    rows_needed: int = 30

    def metric(self) -> Metric:
        """Return the metric that is judged."""
        raise NotImplementedError

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the metric, its interval and whether it meets the limit.

        Raises:
            InvalidParam: If more than one limit is given, or a confidence outside 0 to 1.
            NotEnough: If the rows cannot answer.
        """
        limits = [limit for limit in (self.at_least, self.at_most, self.margin) if limit is not None]
        if len(limits) > 1:
            raise InvalidParam(f"{self.name} has {len(limits)} limits", hint="Give at_least, at_most or margin, one.")
        if not 0 < self.confidence < 1:
            raise InvalidParam(f"The confidence is {self.confidence:g}", hint="Give a share between 0 and 1.")
        if self.margin is not None:
            truth, prediction, champion = (inputs.need(role) for role in ("truth", "prediction", "champion"))
            rows = collect(inputs.current, (truth, prediction, champion, *([self.cluster] if self.cluster else [])))
            found = compare(
                self.metric(),
                rows[truth],
                rows[prediction],
                rows[champion],
                clusters=rows[self.cluster] if self.cluster else None,
                confidence=self.confidence,
            )
            self._check_rows(found.rows)
            return judge_difference(self.name, found, self.margin)
        return judge_estimate(self.name, self.measured(inputs), self._bound())

    def measured(self, inputs: Inputs) -> Estimate:
        """Return the metric of the prediction by itself, whatever it is held against.

        Raises:
            NotEnough: If the rows cannot answer.
        """
        truth, prediction = inputs.need("truth"), inputs.need("prediction")
        rows = collect(inputs.current, (truth, prediction, *([self.cluster] if self.cluster else [])))
        found = estimate(
            self.metric(),
            rows[truth],
            rows[prediction],
            clusters=rows[self.cluster] if self.cluster else None,
            confidence=self.confidence,
        )
        self._check_rows(found.rows)
        return found

    def _check_rows(self, rows: int) -> None:
        if rows < self.rows_needed:
            raise NotEnough(
                f"{rows} rows with truth and score, and {self.rows_needed} are needed", hint="Wait for more truths."
            )

    def _bound(self) -> Bound | None:
        if self.at_least is not None:
            return Bound(">=", self.at_least)
        return None if self.at_most is None else Bound("<=", self.at_most)
