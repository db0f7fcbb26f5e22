"""Windows of event time and what was judged of them."""

from enum import StrEnum

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment


class MonitorReferenceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The reference of a model version: what its training data was like.

    Args:
        model: The model.
        version: The version.
        digest: The object that holds the reference.
        rows: Rows that it was made from.
        columns: The columns that are compared.
        blocks: How many time blocks its natural variation was taken from; 0 when there was no time.
        source: What the rows were.
        created_at: When it was made.
    """

    model: str
    version: int
    digest: Digest
    rows: int
    columns: list[str]
    blocks: int
    source: str
    created_at: Moment


class WindowState(StrEnum):
    """Whether rows are still expected."""

    OPEN = "open"
    CLOSED = "closed"


class ColumnDrift(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one column in a window.

    Args:
        column: Its name; outputs begin with `output.`.
        verdict: `fail`, `warn`, `inconclusive` or `pass`.
        effect: Jensen-Shannon distance to the training data, its noise taken off.
        low: Lower end of its interval.
        high: Upper end.
        tolerance: The distance that is fine for this column.
        natural: The largest distance between a time block of the training data and the rest of it.
        outside: The share of rows that training never saw: beyond its range, or of another category.
        psi: Population stability index.
        weight: How much the model uses the column, relative to the mean of all.
        score: Effect times weight; columns are ranked by it.
        reason: One sentence.
    """

    column: str
    verdict: str
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    tolerance: float = 0.0
    natural: float = 0.0
    outside: float = 0.0
    psi: float | None = None
    weight: float = 1.0
    score: float = 0.0
    reason: str = ""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """The drift of a window against the training data of the version that answered most of it.

    Args:
        verdict: The worst of the columns that could be decided.
        deployment: Whose rows were judged.
        model: Its model.
        version: Its version.
        rows: How many rows.
        false_alarm_rate: The chance of any false alarm in this window.
        columns: The columns, the most important change first.
        reason: One sentence.
    """

    verdict: str
    deployment: str
    model: str
    version: int
    rows: int
    false_alarm_rate: float
    columns: list[ColumnDrift]
    reason: str


class GateValue(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate of a version measured before it served, beside what it reached in a window.

    Args:
        model: The model.
        version: The version.
        gate_report: The report.
        value: The metric on the hold-out.
        low: Lower end of its interval, at the confidence of the window's.
        high: Upper end.
        rows: Rows of the hold-out.
        clusters: Days or other groups that the interval takes as units; 0 when rows were taken one by one.
        answered: Rows of the window that the version answered and whose truth is known.
        reached: The metric over those.
    """

    model: str
    version: int
    gate_report: str
    value: float
    low: float
    high: float
    rows: int
    clusters: int = 0
    answered: int = 0
    reached: float | None = None

    @property
    def ref(self) -> str:
        """The version, such as `delay@3`."""
        return f"{self.model}@{self.version}"


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What the answers of a window are held against.

    Args:
        value: The metric that is expected: what the gates of its versions measured, each counted by its rows.
        low: Lower end of its interval; the value itself when the monitor's settings state it.
        high: Upper end.
        gates: The versions behind it; empty when the settings state it.
    """

    value: float
    low: float
    high: float
    gates: list[GateValue] = []


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """How good the answers of a window were.

    Args:
        metric: The metric.
        verdict: `pass`, `fail`, `warn` (worse, but not surely) or `inconclusive`.
        rows: Answered rows.
        labelled: Those whose truth is known.
        share: Labelled of all.
        is_mature: Whether the truths were given their time; if not, the interval allows for the missing ones too.
        value: The metric over the labelled rows.
        low: Lower end of the interval.
        high: Upper end.
        confidence: Of the interval.
        clusters: The days that the interval takes as units; 0 when rows were taken one by one.
        baseline: What it is compared with; None when there is nothing, and the reason says why.
        difference: The value less the baseline's, over the rows whose version has one, within each version.
        difference_low: Lower end of its interval, which allows for chance on both sides.
        difference_high: Upper end.
        allowed: By how much it may be worse.
        false_alarm_rate: The stated chance that a window which is no worse than allowed fails.
        versions: The value by model version.
        reason: One sentence.
    """

    metric: str
    verdict: str
    rows: int
    labelled: int
    share: float
    is_mature: bool
    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float = 0.9
    clusters: int = 0
    baseline: Baseline | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    allowed: float = 0.0
    false_alarm_rate: float = 0.05
    versions: dict[str, float] = {}
    reason: str = ""


class VersionTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """What one deployment answered in a window."""

    deployment: str
    model: str
    version: int
    rows: int
    share: float
    failures: int
    faults: int = 0


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Quantiles of the time to an answer in milliseconds, within 8 percent."""

    p50: float
    p95: float
    p99: float


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of event time at an endpoint.

    Args:
        endpoint: The endpoint.
        start: Its first moment.
        end: The moment after its last.
        state: Whether rows are still expected.
        rows: Answered rows.
        failures: Requests that ended in an error.
        faults: Those of them that were a fault of ours (status 500 and above); the others were refused for what their
            clients sent.
        versions: Who answered.
        latency: How fast; None when nothing was answered.
        drift: The judgement of the inputs; None before it.
        performance: The judgement of the answers; None before it.
        judged_at: When it was last judged.
        reopened: How often late rows opened it again.
    """

    endpoint: str
    start: Moment
    end: Moment
    state: WindowState
    rows: int
    failures: int
    faults: int = 0
    versions: list[VersionTraffic] = []
    latency: Latency | None = None
    drift: Drift | None = None
    performance: Performance | None = None
    judged_at: Moment | None = None
    reopened: int = 0
