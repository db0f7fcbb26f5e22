"""What delivery asks of later stages."""

from typing import Protocol

import msgspec


class ArmStats(msgspec.Struct, frozen=True, kw_only=True):
    """What one route of an endpoint did since a rollout began.

    Args:
        requests: Rows answered or refused by a fault of ours.
        errors: Those that ended in a fault of ours.
        slow: Answered rows over the slow limit.
        scores: For each watched metric the losses of the rows whose truth is known: their count, sum and sum of
            squares, each loss in [0, 1] and smaller for better.
    """

    requests: int = 0
    errors: int = 0
    slow: int = 0
    scores: dict[str, tuple[int, float, float]] = {}


class Arms(msgspec.Struct, frozen=True, kw_only=True):
    """Both routes of an endpoint in a rollout."""

    stable: ArmStats
    canary: ArmStats


class Observer(Protocol):
    """Says how the two deployments of a rollout do; monitoring is one."""

    def observe(
        self, *, endpoint: str, stable: str, canary: str, since_ms: int, watch: list[str], slow_ms: float
    ) -> Arms:
        """Return the counts of both deployments since a moment.

        Args:
            endpoint: The endpoint's name.
            stable: The id of the deployment that stands.
            canary: The id of the deployment that is tried.
            since_ms: Count requests that arrived after this, in milliseconds since the epoch.
            watch: The metrics whose losses are wanted.
            slow_ms: From which latency on a request counts as slow.
        """
        ...
