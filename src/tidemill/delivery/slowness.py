"""From which latency on a request of a rollout counts as slow.

`latency` takes the limit that the plan states. `latency_p99` takes it from what the deployment that stands was like
before the rollout, and keeps it: a limit that moved with the traffic would give way to a canary that slows the whole
machine down. Both routes are held against the same limit at the same time, so a bad one costs power and no error rate.
"""

import math

import msgspec

from tidemill.delivery.ports import Latencies
from tidemill.delivery.records import RolloutPlan
from tidemill.delivery.rules import latency_share

_BEYOND = 10  # answers above a quantile that it takes to know it to about a third


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """The limit of a rollout, and where it is from."""

    slow_ms: float
    reason: str
    facts: dict[str, object] = {}


def relative_word(plan: RolloutPlan) -> str | None:
    """Return the word of a plan whose limit is that of the deployment that stands, such as `latency_p99`."""
    return next((word for word in plan.watch if latency_share(word) is not None), None)


def needed_rows(share: float) -> int:
    """Return how many answers it takes to know which latency a share of them does not pass."""
    return math.ceil(round(_BEYOND / (1 - share), 6))


def limit_of(plan: RolloutPlan, word: str, past: Latencies, *, problem: str = "") -> Limit:
    """Return the limit that a rollout keeps to.

    Args:
        plan: Its plan.
        word: What is watched, such as `latency_p99`.
        past: What the deployment that stands was like.
        problem: Why that could not be seen.
    """
    needed = needed_rows(latency_share(word) or 0.0)
    facts: dict[str, object] = {"word": word, "rows": past.rows, "needed_rows": needed}
    if past.quantile_ms is not None and past.rows >= needed:
        slow_ms = past.quantile_ms * plan.slow_factor
        reason = (
            f"over {slow_ms:.3g} ms counts as slow: {plan.slow_factor:g} times the {word.removeprefix('latency_')} of "
            f"{past.quantile_ms:.3g} ms of the {past.rows:,} rows that the deployment that stands answered last"
        )
        facts |= {"from": "history", "quantile_ms": past.quantile_ms, "slow_factor": plan.slow_factor}
    else:
        slow_ms = plan.slow_ms
        known = f"only {past.rows:,} of the {needed:,} rows were counted that {word} of what stands takes"
        why = f"what stands could not be looked at: {problem}" if problem else known
        reason = f"over the stated {slow_ms:.3g} ms counts as slow, because {why}"
        facts["from"] = "plan"
    return Limit(slow_ms=slow_ms, reason=reason, facts={**facts, "slow_ms": slow_ms})
