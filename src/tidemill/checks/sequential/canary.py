"""Canary against stable: promote, keep watching, or roll back, looked at as often as one likes."""

import math
from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec

from tidemill.checks.errors import InvalidParam
from tidemill.checks.outcome import Interval
from tidemill.checks.sequential.evidence import Arm, evidence_above, evidence_below

_GOLDEN = (math.sqrt(5) - 1) / 2
_STEPS = 40


class Action(StrEnum):
    """What to do with a canary."""

    PROMOTE = "promote"
    KEEP_WATCHING = "keep watching"
    ROLL_BACK = "roll back"


class Side(StrEnum):
    """Which of the two answered."""

    STABLE = "stable"
    CANARY = "canary"


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen at one traffic share.

    Args:
        stable: Losses of the stable route.
        canary: Losses of the canary.
    """

    stable: Arm = Arm()
    canary: Arm = Arm()


class CanaryDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison says now.

    Args:
        what: What is compared.
        action: What to do.
        difference: Canary less stable, over the stages weighted by canary rows; None before both have rows.
        interval: Where the true difference lies, at every look at once.
        stable_mean: Mean loss of the stable route.
        canary_mean: Mean loss of the canary.
        stable_rows: How many.
        canary_rows: How many.
        evidence_worse: That the canary is worse by more than the tolerance; it is rolled back at `1 / false_rollback`.
        evidence_safe: That it is not worse by the margin; it is promoted at `1 / false_promotion`.
        reason: One sentence for a person.
        error_rate: Which errors are controlled.
    """

    what: str
    action: Action
    difference: float | None
    interval: Interval
    stable_mean: float | None
    canary_mean: float | None
    stable_rows: int
    canary_rows: int
    evidence_worse: float
    evidence_safe: float
    reason: str
    error_rate: str


class CanaryComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two streams of losses in 0 to 1, higher is worse: errors, slow answers, squared errors of probabilities.

    A record that can be stored after every batch and continued anywhere; its size does not grow with rows.

    Args:
        what: What is compared, such as `error_rate`.
        margin: The canary is promoted when it is surely not worse by this much.
        tolerance: The canary is rolled back when it is surely worse by more than this; below the margin.
        false_rollback: Chance of ever rolling back a canary that is worse by at most the tolerance.
        false_promotion: Chance of ever promoting a canary that is worse by at least the margin.
        planned_stages: How many traffic shares there will be. A stage is compared within itself, for the mean of a
            busy hour at 1 percent must not be compared with that of a quiet one at 50.
        expected: What loss to guess before the first row; a good guess decides sooner, a bad one stays valid.
        stages: What was seen; leave out to begin.

    Error rate: both of the rates above, for any number and timing of looks, while within a stage each route's rows
    have the same mean given the past.

    Source:
        Howard, Ramdas, McAuliffe and Sekhon, Probability Surveys 17 (2020); Waudby-Smith and Ramdas, JRSS B 86 (2024);
        Ramdas, Grunwald, Vovk and Shafer, Game-theoretic statistics and safe anytime-valid inference, Statistical
        Science 38 (2023), section 3 (the smallest evidence over all means that fit the hypothesis, and the mean of
        evidences, are evidence).
    """

    what: str
    margin: float
    tolerance: float = 0.0
    false_rollback: float = 0.05
    false_promotion: float = 0.05
    planned_stages: int = 1
    expected: float = 0.5
    stages: tuple[Stage, ...] = (Stage(),)

    def __post_init__(self) -> None:
        """Refuse a comparison that could not mean anything."""
        if not -1 < self.tolerance < self.margin < 1:
            raise InvalidParam(
                f"{self.what} has tolerance {self.tolerance:g} and margin {self.margin:g}",
                hint="The margin must be above the tolerance, and both differences of losses in 0 to 1.",
            )
        if not 0 < self.false_rollback < 1 or not 0 < self.false_promotion < 1 or not 0 <= self.expected <= 1:
            raise InvalidParam(f"{self.what} has a chance outside 0 to 1", hint="Give chances such as 0.05.")
        if not 1 <= len(self.stages) <= self.planned_stages:
            raise InvalidParam(
                f"{self.what} is at stage {len(self.stages)} of {self.planned_stages}",
                hint="Say at the start how many traffic shares there will be.",
            )

    def observe(self, side: Side, *, count: int, total: float, squares: float | None = None) -> "CanaryComparison":
        """Return the comparison after a batch of losses of one route.

        Args:
            side: Which route answered.
            count: How many rows.
            total: Sum of their losses: for errors, the number of errors.
            squares: Sum of their squared losses; leave out for yes or no.

        Raises:
            OutOfBounds: If no losses in 0 to 1 have these sums.
        """
        arm = getattr(self.stages[-1], side)
        return self._with(
            side, arm.add(count, total, total if squares is None else squares, expected=self._guess(side))
        )

    def observe_values(self, side: Side, losses: Iterable[float]) -> "CanaryComparison":
        """Return the comparison after losses one by one, which for other than yes or no decides a little sooner.

        Raises:
            OutOfBounds: If a loss is not between 0 and 1.
        """
        arm = getattr(self.stages[-1], side)
        return self._with(side, arm.add_values(losses, expected=self._guess(side)))

    def next_stage(self) -> "CanaryComparison":
        """Return the comparison at the next traffic share, with what was seen kept.

        Raises:
            InvalidParam: If no further stage was planned.
        """
        return msgspec.structs.replace(self, stages=(*self.stages, Stage()))

    def is_surely_worse(self) -> bool:
        """Return whether `decide` would roll back, at a small part of its cost."""
        return self._evidence_worse(self.tolerance) >= -math.log(self.false_rollback)

    def action(self) -> Action:
        """Return what to do now, without the numbers that explain it."""
        return self._action(self._evidence_worse(self.tolerance), self._evidence_safe(self.margin))

    def _action(self, worse: float, safe: float) -> Action:
        if worse >= -math.log(self.false_rollback):
            return Action.ROLL_BACK
        return Action.PROMOTE if safe >= -math.log(self.false_promotion) else Action.KEEP_WATCHING

    def decide(self) -> CanaryDecision:
        """Return what to do now and why."""
        worse, safe = self._evidence_worse(self.tolerance), self._evidence_safe(self.margin)
        action = self._action(worse, safe)
        stable, canary = self._pooled(Side.STABLE), self._pooled(Side.CANARY)
        difference, interval = self._difference(), self.interval()
        return CanaryDecision(
            what=self.what,
            action=action,
            difference=difference,
            interval=interval,
            stable_mean=stable.mean(),
            canary_mean=canary.mean(),
            stable_rows=stable.count,
            canary_rows=canary.count,
            evidence_worse=math.exp(min(700.0, worse)),
            evidence_safe=math.exp(min(700.0, safe)),
            reason=self._reason(action, difference, interval, stable, canary),
            error_rate=(
                f"ever rolling back a canary that is worse by at most {self.tolerance:g}: {self.false_rollback:g}; "
                f"ever promoting one that is worse by {self.margin:g} or more: {self.false_promotion:g}"
            ),
        )

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return where the true difference lies, canary less stable, at every look at once."""
        needed = math.log(2 / (1 - confidence))
        low = _last_true(lambda d: self._evidence_worse(d) >= needed, -1.0, 1.0)
        high = -_last_true(lambda d: self._evidence_safe(-d) >= needed, -1.0, 1.0)
        return Interval(low=low, high=high, confidence=confidence)

    def _with(self, side: Side, arm: Arm) -> "CanaryComparison":
        stage = self.stages[-1]
        if side is Side.CANARY:
            stage = Stage(stable=stage.stable, canary=arm)
        else:
            stage = Stage(stable=arm, canary=stage.canary)
        return msgspec.structs.replace(self, stages=(*self.stages[:-1], stage))

    def _guess(self, side: Side) -> float:
        """Return what to expect of a route's first row: what the stable route shows, else what was expected."""
        if side is Side.CANARY and self.stages[-1].stable.count:
            return self.stages[-1].stable.guess(self.expected)
        if len(self.stages) > 1:
            before: Arm = getattr(self.stages[-2], side)
            return before.guess(self.expected)
        return self.expected

    def _pooled(self, side: Side) -> Arm:
        arms: list[Arm] = [getattr(stage, side) for stage in self.stages]
        return Arm(count=sum(arm.count for arm in arms), total=sum(arm.total for arm in arms))

    def _difference(self) -> float | None:
        weighted = rows = 0.0
        for stage in self.stages:
            canary, stable = stage.canary.mean(), stage.stable.mean()
            if canary is not None and stable is not None:
                weighted += stage.canary.count * (canary - stable)
                rows += stage.canary.count
        return weighted / rows if rows else None

    def _evidence_worse(self, difference: float) -> float:
        """Return the log evidence that the canary is worse by more than a difference."""
        return self._mean_evidence([worse_evidence(stage, difference) for stage in self.stages])

    def _evidence_safe(self, difference: float) -> float:
        """Return the log evidence that the canary is worse by less than a difference."""
        return self._mean_evidence([better_evidence(stage, difference) for stage in self.stages])

    def _mean_evidence(self, logs: list[float]) -> float:
        """Return the log of the mean over planned stages; one that has not begun has evidence 1."""
        logs = logs + [0.0] * (self.planned_stages - len(logs))
        top = max(logs)
        return top + math.log(math.fsum(math.exp(value - top) for value in logs) / len(logs))

    def _reason(self, action: Action, difference: float | None, interval: Interval, stable: Arm, canary: Arm) -> str:
        if difference is None:
            return f"{self.what}: {canary.count} canary and {stable.count} stable rows, so nothing to compare yet."
        told = (
            f"{self.what}: canary {canary.mean():.4g} on {canary.count} rows, stable {stable.mean():.4g} on "
            f"{stable.count}, difference {difference:+.4g} ({interval.low:+.4g} to {interval.high:+.4g})"
        )
        said = {
            Action.ROLL_BACK: f"surely worse by more than {self.tolerance:g}",
            Action.PROMOTE: f"surely not worse by {self.margin:g}",
            Action.KEEP_WATCHING: f"neither surely worse than {self.tolerance:g} nor surely within {self.margin:g}",
        }
        return f"{told}: {said[action]}."


def worse_evidence(stage: Stage, difference: float) -> float:
    """Return the log evidence in a stage that the canary's mean is above the stable one's by more than a difference.

    It is the smallest evidence against any pair of means with exactly that difference, which is the smallest against
    any with that difference or less, for each side's evidence changes one way only.
    """
    canary, stable = stage.canary, stage.stable
    if not canary.count or not stable.count:
        return 0.0
    return _smallest(
        lambda mean: evidence_above(canary, min(1.0, max(0.0, mean + difference))) + evidence_below(stable, mean),
        low=max(0.0, -difference),
        high=min(1.0, 1.0 - difference),
    )


def better_evidence(stage: Stage, difference: float) -> float:
    """Return the log evidence in a stage that the canary's mean is above the stable one's by less than a difference."""
    return worse_evidence(Stage(stable=stage.canary, canary=stage.stable), -difference)


def _smallest(function: Callable[[float], float], *, low: float, high: float) -> float:
    """Return the smallest value of a convex function, by golden section."""
    inner, outer = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_inner, at_outer = function(inner), function(outer)
    for _ in range(_STEPS):
        if at_inner < at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - _GOLDEN * (high - low)
            at_inner = function(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + _GOLDEN * (high - low)
            at_outer = function(outer)
    return min(at_inner, at_outer)


def _last_true(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return the largest number for which a falling claim holds; `low` when it holds for none."""
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
