"""What delivery asks of later stages."""

from typing import Protocol

import msgspec

from tidemill.delivery.records import GateReport


class ArmStats(msgspec.Struct, frozen=True, kw_only=True):
    """What one deployment of an endpoint did since a moment.

    The unit is the request, not the row: a request goes to one deployment as a whole, and its rows share their luck.

    Args:
        requests: Requests that were given to it, answered or not.
        errors: Those that it did not answer: by a fault of its own, or because it refuses what the endpoint takes. What
            the endpoint itself refuses, such as a client's bad row, is given to neither and counts nowhere.
        slow: Answered ones over the slow limit.
        scores: By watched metric: of the requests with known truths their count, and the sum and the sum of squares of
            each one's mean loss, which is in 0 to 1 and smaller for better.
    """

    requests: int = 0
    errors: int = 0
    slow: int = 0
    scores: dict[str, tuple[int, float, float]] = {}


class Arms(msgspec.Struct, frozen=True, kw_only=True):
    """Both deployments of a rollout."""

    stable: ArmStats = ArmStats()
    canary: ArmStats = ArmStats()


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """How long a deployment's answers took, as far as they were counted.

    Args:
        rows: How many answered rows that is.
        quantile_ms: Which latency the asked share of them did not pass, in milliseconds; None when there are none.
    """

    rows: int = 0
    quantile_ms: float | None = None


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

    def latencies(self, *, endpoint: str, deployment: str, share: float) -> Latencies:
        """Return how long the latest answers of a deployment took that were counted by now.

        Args:
            endpoint: The endpoint's name.
            deployment: The deployment's id.
            share: Which share of the answers the latency is wanted that they did not pass, such as 0.99.
        """
        ...


class OnDecision(Protocol):
    """Hears of each word that a person says to a gate report; the stage that delivers projects is one."""

    def __call__(self, report: GateReport) -> None:
        """Follow a report as it stands after a person's yes or no.

        The word is in the ledger by then, and stays there whatever comes of this call. The process may die before it,
        so who follows reports also looks at them when it starts.
        """
