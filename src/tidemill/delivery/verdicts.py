"""What a look at a canary means: go on, stop, or keep looking."""

import msgspec

from tidemill.checks.sequential import BoundedMean, Comparison, Decision
from tidemill.delivery.ports import Arms, ArmStats
from tidemill.delivery.records import RolloutPlan

_ERRORS = "error_rate"
_LATENCY = "latency"
_WORDS = {_ERRORS: "errors", _LATENCY: "slow answers"}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a stage: whether to go on, and why."""

    promote: bool
    reason: str
    facts: dict[str, object] = {}


class Stage:
    """What was seen in one stage of a rollout, look after look.

    The rate of false rollbacks is that of the whole rollout: it is divided by the number of stages and of measures.
    Each stage counts afresh, because the two shares of traffic are constant only within a stage: were they mixed,
    an hour with more errors would weigh differently on the two.

    Args:
        plan: The rollout's plan.
    """

    def __init__(self, plan: RolloutPlan) -> None:
        self._plan = plan
        rate = plan.false_rollback / (max(len(plan.shares), 1) * max(len(plan.watch), 1))
        self._comparisons = {word: Comparison(error_rate=rate) for word in plan.watch}
        self._seen = Arms(stable=ArmStats(), canary=ArmStats())

    def look(self, arms: Arms, *, late: bool) -> Verdict | None:
        """Return the end of the stage, or None to keep looking.

        Args:
            arms: Both routes since the stage began.
            late: Whether the stage has lasted as long as it may.
        """
        for word, comparison in self._comparisons.items():
            self._comparisons[word] = msgspec.structs.replace(
                comparison,
                stable=_grown(comparison.stable, word, self._seen.stable, arms.stable),
                candidate=_grown(comparison.candidate, word, self._seen.canary, arms.canary),
            )
        self._seen = arms
        facts = {word: self._facts(word) for word in self._comparisons}
        for word, comparison in self._comparisons.items():
            if comparison.decide() is Decision.WORSE:
                return Verdict(promote=False, reason=self._worse(word), facts=facts)
        requests = arms.canary.requests
        if requests >= self._plan.min_requests:
            reason = f"{requests} requests, and no measure is provably worse: {', '.join(map(self._said, facts))}"
            return Verdict(promote=True, reason=reason, facts=facts)
        if late and self._plan.on_timeout != "wait":
            go_on = self._plan.on_timeout == "promote"
            reason = f"the stage's time is over after {requests} of {self._plan.min_requests} requests"
            return Verdict(promote=go_on, reason=reason, facts=facts)
        return None

    def _facts(self, word: str) -> dict[str, object]:
        comparison = self._comparisons[word]
        low, high = comparison.interval()
        return {
            "stable": comparison.stable.mean,
            "canary": comparison.candidate.mean,
            "stable_count": comparison.stable.count,
            "canary_count": comparison.candidate.count,
            "difference_low": low,
            "difference_high": high,
            "error_rate": comparison.error_rate,
        }

    def _worse(self, word: str) -> str:
        comparison = self._comparisons[word]
        low, _ = comparison.interval()
        name = _WORDS.get(word, word)
        return (
            f"more {name}: {comparison.candidate.mean:.3g} beside {comparison.stable.mean:.3g}, at least {low:.3g} more "
            f"(always-valid bound, error rate {comparison.error_rate:.3g})"
        )

    def _said(self, word: str) -> str:
        comparison = self._comparisons[word]
        _, high = comparison.interval()
        return f"{word} {comparison.candidate.mean:.3g} beside {comparison.stable.mean:.3g}, at most {high:.3g} more"


def _grown(mean: BoundedMean, word: str, before: ArmStats, now: ArmStats) -> BoundedMean:
    """Return the state after what is new since the look before."""
    count, total, squares = _sums(word, now)
    old_count, old_total, old_squares = _sums(word, before)
    if count <= old_count:
        return mean
    return mean.add(count - old_count, total - old_total, squares - old_squares)


def _sums(word: str, stats: ArmStats) -> tuple[int, float, float]:
    if word == _ERRORS:
        return stats.requests, float(stats.errors), float(stats.errors)
    if word.startswith(_LATENCY):
        answered = stats.requests - stats.errors
        return answered, float(stats.slow), float(stats.slow)
    return stats.scores.get(word, (0, 0.0, 0.0))
