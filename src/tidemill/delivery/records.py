"""What delivery knows: reports of gates, endpoints, deployments, rollouts."""

from enum import StrEnum

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment


class GateStatus(StrEnum):
    """Where a gate stands: `waiting` is open but for a person's yes."""

    OPEN = "open"
    SHUT = "shut"
    WAITING = "waiting"


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """What a version reached on a hold-out in a metric.

    Args:
        metric: The metric.
        value: What it is on these rows.
        low: Lower end of its interval.
        high: Upper end.
        confidence: The interval's confidence.
        rows: How many rows.
        clusters: Days or other groups that the interval takes as units; 0 when rows were taken one by one.
    """

    metric: str
    value: float
    low: float
    high: float
    confidence: float
    rows: int
    clusters: int = 0


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one rule of a gate was judged.

    Args:
        rule: The rule as it is written.
        verdict: `pass`, `fail`, `inconclusive` or `waiting`.
        value: What is judged: a measure, or candidate less champion where the rule compares.
        candidate: The candidate's measure, where the rule compares.
        champion: The champion's, where it does.
        low: Lower end of the interval of what is judged.
        high: Its upper end.
        confidence: The interval's confidence.
        threshold: What the interval is held against.
        error_rate: Which error is controlled, and how often it may happen.
        reason: The judgement in a sentence.
        details: Rows behind it, such as slices.
        measured: For a metric, what the candidate reached by itself, whatever it was held against; None if it could
            not be measured.
    """

    rule: str
    verdict: str
    reason: str
    value: float | None = None
    candidate: float | None = None
    champion: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    threshold: str = ""
    error_rate: str = ""
    details: list[dict[str, object]] = []
    measured: Measure | None = None


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A person's recorded yes or no to a gate report, bound to the model's digest."""

    id: str
    gate_report: str
    digest: Digest
    actor: str
    approved: bool
    comment: str
    own_work: bool
    created_at: Moment


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a gate for one model version.

    Args:
        id: Its id.
        model: The model's name.
        version: The version judged.
        digest: The digest of the version's files.
        champion: The version that was champion then; None when there was none.
        status: Whether the version may be delivered.
        results: A result a rule.
        rows: How many rows of the hold-out were judged.
        holdout: What was judged on, as a reference.
        created_at: When.
        created_by: Who asked.
        approvals: What persons said.
    """

    id: str
    model: str
    version: int
    digest: Digest
    champion: int | None
    status: GateStatus
    results: list[RuleResult]
    rows: int
    holdout: str
    created_at: Moment
    created_by: str
    approvals: list[Approval] = []

    def measured(self, metric: str) -> Measure | None:
        """Return what the version reached on the hold-out in a metric; None if no rule measured it."""
        found = (result.measured for result in self.results if result.measured is not None)
        return next((one for one in found if one.metric == metric), None)


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable revision of what an endpoint serves."""

    id: str
    endpoint: str
    number: int
    model: str
    version: int
    model_version_id: str
    digest: Digest
    gate_report: str | None
    created_at: Moment
    created_by: str


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment's share of an endpoint's traffic; `route` is `stable` or `canary`."""

    deployment: str
    share: float
    route: str


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A stable URL and what stands behind it.

    Args:
        name: Its name, part of the URL.
        time: The column of a request that says when the event was; None to use its arrival.
        passthrough: Columns that are captured and not given to the model.
        sticky: The column by whose value a caller stays on one route; None to route each request by itself.
        targets: Who gets which share; empty before the first deployment.
        stable: The deployment that stands; None before the first.
        revision: Grows with each change of the targets or settings.
        served_revision: The newest revision that the data plane has said it serves.
        served: The deployment that stood in it.
        problem: Why the data plane does not serve the newest revision; empty when it does.
        created_at: When it was made.
    """

    name: str
    time: str | None
    passthrough: list[str]
    sticky: str | None
    targets: list[Target]
    stable: str | None
    revision: int
    served_revision: int = 0
    served: str | None = None
    problem: str = ""
    created_at: Moment


class EndpointToken(msgspec.Struct, frozen=True, kw_only=True):
    """A right to ask an endpoint for predictions; the secret itself is not kept.

    Args:
        id: What names it for good.
        endpoint: Of which endpoint.
        name: Who calls with it.
        created_at: When it was made.
        created_by: Who made it.
        expires_at: From when it is worth nothing; never when left out.
        revoked_at: When it was taken back.
    """

    id: str
    endpoint: str
    name: str
    created_at: Moment
    created_by: str
    expires_at: Moment | None = None
    revoked_at: Moment | None = None

    def is_live(self, now: Moment) -> bool:
        """Return whether the token is worth something at a moment."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class NewEndpointToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token of an endpoint with its secret, which is shown this once."""

    token: EndpointToken
    secret: str


class Passes(msgspec.Struct, frozen=True, kw_only=True):
    """What lets a caller use an endpoint that asks for a token.

    Args:
        hashes: SHA-256 in hex of the tokens that were not revoked.
        expires_ms: By hash, from when it is worth nothing, in milliseconds since the epoch.
    """

    hashes: list[str] = []
    expires_ms: dict[str, int] = {}


class RolloutState(StrEnum):
    """Where a rollout stands."""

    RUNNING = "running"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    SUPERSEDED = "superseded"


class RolloutPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How a new deployment takes over.

    Args:
        shares: The canary's growing shares, each above 0 and below 1; the promotion is the step to 1. Empty to move
            all traffic at once.
        watch: What is watched: `error_rate`, `latency` or `latency_p99`, and losses of rows whose truth is known, such
            as `brier`.
        false_rollback: The chance to roll back a version that is no worse, over the whole rollout.
        slow_ms: A request slower than this counts as slow, for `latency`; for `latency_p99` only as long as too little
            is known of the deployment that stands.
        slow_factor: For `latency_p99`: a request counts as slow that takes more than so many times what the slowest 1%
            of the deployment that stands took before the rollout.
        min_requests: How many requests the canary must have had before a stage may end well.
        stage_timeout_s: How long a stage may last, in seconds.
        on_timeout: What to do then: `promote`, `rollback`, or `wait` for more requests or for a person.
        interval_s: How often to look, in seconds.
    """

    shares: list[float] = []
    watch: list[str] = msgspec.field(default_factory=lambda: ["error_rate"])
    false_rollback: float = 0.05
    slow_ms: float = 100.0
    slow_factor: float = 1.25
    min_requests: int = 200
    stage_timeout_s: float = 3600.0
    on_timeout: str = "wait"
    interval_s: float = 1.0


class RolloutEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened in a rollout."""

    seq: int
    at: Moment
    kind: str
    message: str
    facts: dict[str, object] = {}


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """The staged move of an endpoint to a deployment."""

    id: str
    endpoint: str
    before: str | None
    after: str
    plan: RolloutPlan
    state: RolloutState
    share: float
    reason: str
    started_at: Moment
    ended_at: Moment | None = None
    events: list[RolloutEvent] = []
