"""Features that say something else of the truth in the test than in training."""

import math
from typing import ClassVar, Literal

import msgspec

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.leakage.single_feature import measure_features
from tidemill.checks.outcome import Interval, Outcome, Verdict, table
from tidemill.checks.performance.metric import Estimate
from tidemill.checks.sampling import sample_rows


class _Change(msgspec.Struct, frozen=True, kw_only=True):
    feature: str
    metric: str
    train: float
    test: float
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.test - self.train

    @property
    def surely(self) -> float:
        """The least that the change may be, either way."""
        return max(0.0, self.low, -self.high)


class AssociationChange(Check, frozen=True, kw_only=True):
    """Does each feature alone say about as much of the truth in the test as in training.

    One that says far more in training leaks there, or what it meant has changed. Each is measured as `single_feature`
    does (ROC AUC, or r2), in both tables by itself.

    Args:
        columns: Which features; all when left out.
        at_most: The change that is fine, either way.
        confidence: That all features' intervals hold at once (Bonferroni).
        sample: About how many rows of each table are looked at.

    Error rate: of failing though every change truly is within the limit at most `1 - confidence`.

    Source:
        Zou and Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27 (2008).
    """

    name: ClassVar[str] = "association_change"

    severity: Literal["warn", "fail"] = "warn"
    columns: tuple[str, ...] = ()
    at_most: float = 0.1
    confidence: float = 0.95
    sample: int = 50_000

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the feature whose score changed most.

        Raises:
            NotEnough: If no feature could be measured in both tables.
        """
        truth, reference = inputs.need("truth"), inputs.need_reference()
        there = reference.collect_schema()
        check_columns(inputs.current, self.columns)
        names = [name for name in self.columns or inputs.feature_names() if name != truth and name in there]
        train, test = (
            measure_features(sample_rows(frame, (truth, *names), self.sample), truth, names, confidence=self.confidence)
            for frame in (reference, inputs.current)
        )
        changes = [_change(name, train[name], test[name]) for name in names if name in train and name in test]
        changes = [one for one in changes if train[one.feature].metric == test[one.feature].metric]
        if not changes:
            raise NotEnough("No feature could be measured in both tables", hint="Give features of simple types.")
        ranked = sorted(changes, key=lambda one: (-abs(one.value), one.feature))
        top, over = ranked[0], sum(one.surely > self.at_most for one in changes)
        verdict = Verdict.WARN if abs(top.value) > self.at_most else Verdict.PASS
        reason = (
            f"{over} of {len(changes)} features have surely changed by more than {self.at_most:g}; {top.feature} alone "
            f"reaches {top.metric} {top.train:.3f} in training and {top.test:.3f} in the test."
        )
        return Outcome(
            check=self.name,
            verdict=Verdict.FAIL if over else verdict,
            value=top.value,
            interval=Interval(low=top.low, high=top.high, confidence=self.confidence),
            threshold=f"-{self.at_most:g} to {self.at_most:g}",
            reason=reason,
            error_rate=f"a false fail of any feature: at most {1 - self.confidence:.3g}",
            table=table(
                ("feature", "metric", "training", "test", "change", "low", "high"),
                [(one.feature, one.metric, one.train, one.test, one.value, one.low, one.high) for one in ranked],
            ),
        )


def _change(feature: str, train: Estimate, test: Estimate) -> _Change:
    """Return test less training with the interval that the intervals of both give."""
    value = test.value - train.value
    return _Change(
        feature=feature,
        metric=train.metric,
        train=train.value,
        test=test.value,
        low=value - math.hypot(test.value - test.low, train.high - train.value),
        high=value + math.hypot(test.high - test.value, train.value - train.low),
    )
