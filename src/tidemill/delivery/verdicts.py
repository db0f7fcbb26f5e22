"""What a look at a canary means: go on, go back, or keep looking."""

from collections.abc import Sequence

import msgspec

from tidemill.checks.sequential import Arm, CanaryComparison, CanaryDecision, Stage
from tidemill.delivery.ports import Arms, ArmStats
from tidemill.delivery.records import RolloutPlan
from tidemill.delivery.rules import latency_share

ERRORS = "error_rate"
LATENCY = "latency"
_EXPECTED = {ERRORS: 0.01, LATENCY: 0.01}  # what is guessed before the first request; a bad guess stays valid
_EXPECTED_LOSS = 0.2
_UNUSED_MARGIN = 0.5  # the comparison can also prove a canary safe; a rollout does not ask for that


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a stage: whether to go on, and why."""

    promote: bool
    reason: str
    facts: dict[str, object] = {}


def judge(plan: RolloutPlan, stages: Sequence[Arms], *, late: bool) -> Verdict | None:
    """Return the end of the newest stage, or None to keep looking.

    A pure function of what was counted, so that it says the same after a restart, and so that a truth that is
    corrected corrects the counts too.

    Args:
        plan: The rollout's plan.
        stages: What both routes did in each stage so far, the newest last. Each stage is compared within itself,
            because the mixture of busy and quiet hours on the two routes is the same only at a constant share.
        late: Whether the stage has lasted as long as it may.

    Error rate: the chance ever to go back because of a measure, over all looks, stages and measures, though the new
    deployment is no worse in any, is at most `plan.false_rollback`: its share of the measures is spent by Bonferroni,
    and the stages share one test martingale (see `CanaryComparison`).
    """
    comparisons = [compare(plan, word, stages) for word in plan.watch]
    worse = next((comparison.what for comparison in comparisons if comparison.is_surely_worse()), None)
    requests = stages[-1].canary.requests
    is_over = late and plan.on_timeout != "wait"
    if worse is None and requests < plan.min_requests and not is_over:
        return None
    said = {comparison.what: comparison.decide() for comparison in comparisons}  # costs more than the question above
    facts: dict[str, object] = {each.what: _facts(each, said[each.what]) for each in comparisons}
    if worse is not None:
        return Verdict(promote=False, reason=said[worse].reason, facts=facts)
    if requests >= plan.min_requests:
        told = "; ".join(map(_told, said.values())) or "nothing was watched"
        return Verdict(promote=True, reason=f"{requests} requests, and no measure is surely worse: {told}", facts=facts)
    reason = f"the stage's time was over after {requests} of {plan.min_requests} requests"
    return Verdict(promote=plan.on_timeout == "promote", reason=reason, facts=facts)


def compare(plan: RolloutPlan, word: str, stages: Sequence[Arms]) -> CanaryComparison:
    """Return the comparison of one measure over the stages so far.

    Raises:
        OutOfBounds: If counts and sums contradict each other.
    """
    return CanaryComparison(
        what=word,
        margin=_UNUSED_MARGIN,
        false_rollback=plan.false_rollback / len(plan.watch),
        planned_stages=max(len(plan.shares), 1),
        stages=tuple(Stage(stable=_arm(word, arms.stable), canary=_arm(word, arms.canary)) for arms in stages),
    )


def _arm(word: str, stats: ArmStats) -> Arm:
    count, total, squares = _sums(word, stats)
    share = latency_share(word)
    expected = _EXPECTED.get(_kind(word), _EXPECTED_LOSS) if share is None else 1 - share
    return Arm().add(count, total, squares, expected=expected)


def _sums(word: str, stats: ArmStats) -> tuple[int, float, float]:
    if word == ERRORS:
        return stats.requests, float(stats.errors), float(stats.errors)
    if _kind(word) == LATENCY:
        return stats.requests - stats.errors, float(stats.slow), float(stats.slow)
    return stats.scores.get(word, (0, 0.0, 0.0))


def _kind(word: str) -> str:
    return LATENCY if word.startswith(LATENCY) else word


def _facts(comparison: CanaryComparison, said: CanaryDecision) -> dict[str, object]:
    return {
        "stable": said.stable_mean,
        "canary": said.canary_mean,
        "stable_count": said.stable_rows,
        "canary_count": said.canary_rows,
        "difference": said.difference,
        "low": said.interval.low,
        "high": said.interval.high,
        "confidence": said.interval.confidence,
        "evidence_worse": said.evidence_worse,
        "needed": 1 / comparison.false_rollback,
    }


def _told(said: CanaryDecision) -> str:
    if said.difference is None:
        return f"{said.what} could not be compared"
    low, high = said.interval.low, said.interval.high
    return f"{said.what} {said.canary_mean:.3g} beside {said.stable_mean:.3g} ({low:+.3g} to {high:+.3g})"
