"""Sealed segments, predictions and what became true of them."""

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment
from tidemill.monitoring.settings import Scalar


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Captured predictions of one deployment, sealed into a Parquet object.

    Args:
        id: Its id.
        endpoint: The endpoint.
        deployment: Which deployment answered; empty for requests that reached none.
        model: Its model.
        version: Its model version.
        digest: The Parquet object.
        source: The capture file, without its suffix.
        start: The first byte of the file that is in it.
        end: The byte after the last one.
        rows: Answered rows.
        failures: Requests that ended in an error.
        faults: Those of them that were a fault of ours (status 500 and above).
        requests: Answered requests.
        first_at: When the first arrived.
        last_at: When the last arrived.
        first_event: The earliest event.
        last_event: The latest event.
        first_id: The smallest prediction id; empty when no row was answered.
        last_id: The largest.
        sealed_at: When it was sealed.
    """

    id: str
    endpoint: str
    deployment: str
    model: str
    version: int
    digest: Digest
    source: str
    start: int
    end: int
    rows: int
    failures: int
    faults: int
    requests: int
    first_at: Moment
    last_at: Moment
    first_event: Moment
    last_event: Moment
    first_id: str
    last_id: str
    sealed_at: Moment


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What was said to be true of a prediction, and when it was known."""

    truth: Scalar
    at: Moment


class FeedbackRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The truth of one prediction.

    Args:
        id: The prediction's id.
        truth: What was true; null takes an earlier truth back.
        at: When it was known; when it arrived if left out. The latest one counts.
    """

    id: str
    truth: Scalar
    at: Moment | None = None


class FeedbackReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """How many truths were taken, and how many were there already."""

    accepted: int
    repeated: int


class FeedbackReport(msgspec.Struct, frozen=True, kw_only=True):
    """How the truths of an endpoint meet its predictions.

    Args:
        endpoint: The endpoint.
        predictions: Answered rows that are sealed.
        truths: Different ids with a truth.
        matched: Those that are a sealed prediction.
        corrected: Ids whose truth was changed.
        unknown: Ids that are no sealed prediction, or none yet.
        unknown_ids: Some of them.
    """

    endpoint: str
    predictions: int
    truths: int
    matched: int
    corrected: int
    unknown: int
    unknown_ids: list[str] = []


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """One answered row.

    Args:
        id: Its id.
        endpoint: Where it was asked.
        at: When it arrived.
        event_time: When the event was.
        deployment: Which deployment answered.
        model: Its model.
        version: Its model version.
        route: By which route.
        latency_ms: How long the answer took.
        inputs: What was given, passed-through columns too.
        outputs: What was answered.
        truth: The latest truth; None when there is none.
        truths: All that was said of it, in the order in which it was known.
        segment: The segment that holds it; empty while it is not sealed.
    """

    id: str
    endpoint: str
    at: Moment
    event_time: Moment
    deployment: str
    model: str
    version: int
    route: str
    latency_ms: float
    inputs: dict[str, Scalar]
    outputs: dict[str, Scalar]
    truth: Scalar = None
    truths: list[Truth] = []
    segment: str = ""
