"""Counters in the text format of Prometheus, written by hand: a library would cost more than it counts.

Source:
    Prometheus exposition formats, text-based format 0.0.4.
"""

import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping

import msgspec

BUCKETS_S = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_MOST_TARGETS = 64  # Remembered after they were replaced, so that a scrape does not miss their last requests.
_MOST_CODES = 256

Labels = tuple[tuple[str, str], ...]
Samples = dict[str, dict[Labels, float]]

_KINDS = {
    "tidemill_requests_total": ("counter", "Requests answered, by HTTP status."),
    "tidemill_rows_total": ("counter", "Rows predicted."),
    "tidemill_errors_total": ("counter", "Requests refused or failed, by error code."),
    "tidemill_request_seconds": ("histogram", "Seconds from the arrival of a request to its answer."),
    "tidemill_batches_total": ("counter", "Calls of the model."),
    "tidemill_dropped_total": ("counter", "Requests whose client left before the model was called."),
    "tidemill_in_flight": ("gauge", "Requests that wait for their answer."),
    "tidemill_connections": ("gauge", "Open connections."),
    "tidemill_capture_bytes_total": ("counter", "Bytes of predictions recorded."),
    "tidemill_capture_failures_total": ("counter", "Writes of predictions that failed."),
    "tidemill_routes_revision": ("gauge", "Revision of the routes in force."),
    "tidemill_routes_failures_total": ("counter", "Bundles or route files that could not be applied."),
    "tidemill_process_start_time_seconds": ("gauge", "When the process started, in seconds since the epoch."),
}
_LOWEST = {"tidemill_routes_revision", "tidemill_process_start_time_seconds"}


class TargetMetrics:
    """Counters of one model version on one route of one endpoint."""

    __slots__ = ("batches", "buckets", "labels", "requests", "rows", "seconds")

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.requests = 0
        self.rows = 0
        self.batches = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(BUCKETS_S) + 1)

    def answered(self, seconds: float, rows: int) -> None:
        """Count one answered request."""
        self.requests += 1
        self.rows += rows
        self.seconds += seconds
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1


class Metrics:
    """All counters of one process; labels are taken only from what is configured, never from what clients send."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.connections = 0
        self.dropped = 0
        self.capture_bytes = 0
        self.capture_failures = 0
        self.routes_revision = 0
        self.routes_failures = 0
        self._started = time.time()
        self._targets: dict[Labels, TargetMetrics] = {}
        self._refused: dict[tuple[str, str, int], int] = {}

    def target(self, *, endpoint: str, model: str, version: int, route: str) -> TargetMetrics:
        """Return the counters of a target, the same ones each time."""
        labels = (("endpoint", endpoint), ("model", model), ("version", str(version)), ("route", route))
        found = self._targets.pop(labels, None) or TargetMetrics(labels)
        self._targets[labels] = found  # last in the order: the newest
        while len(self._targets) > _MOST_TARGETS:
            del self._targets[next(iter(self._targets))]
        return found

    def refused(self, endpoint: str, code: str, status: int) -> None:
        """Count one request that got an error; the endpoint is empty when none of that name exists."""
        key = (endpoint, code, status)
        if key in self._refused or len(self._refused) < _MOST_CODES:
            self._refused[key] = self._refused.get(key, 0) + 1

    def samples(self) -> Samples:
        """Return every value by metric and labels."""
        out: Samples = {name: {} for name in _KINDS if name != "tidemill_request_seconds"}
        for part in ("_bucket", "_sum", "_count"):
            out["tidemill_request_seconds" + part] = {}
        for target in self._targets.values():
            _put_target(out, target)
        for (endpoint, code, status), count in self._refused.items():
            out["tidemill_errors_total"][("endpoint", endpoint), ("code", code)] = count
            none = (("model", ""), ("version", ""), ("route", ""))
            labels = (("endpoint", endpoint), *none, ("status", str(status)))
            answered = out["tidemill_requests_total"]
            answered[labels] = answered.get(labels, 0) + count
        out["tidemill_dropped_total"][()] = self.dropped
        out["tidemill_in_flight"][()] = self.in_flight
        out["tidemill_connections"][()] = self.connections
        out["tidemill_capture_bytes_total"][()] = self.capture_bytes
        out["tidemill_capture_failures_total"][()] = self.capture_failures
        out["tidemill_routes_revision"][()] = self.routes_revision
        out["tidemill_routes_failures_total"][()] = self.routes_failures
        out["tidemill_process_start_time_seconds"][()] = self._started
        return out


def _put_target(out: Samples, target: TargetMetrics) -> None:
    labels = target.labels
    out["tidemill_requests_total"][(*labels, ("status", "200"))] = target.requests
    out["tidemill_rows_total"][labels] = target.rows
    out["tidemill_batches_total"][labels] = target.batches
    below = 0
    for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), target.buckets, strict=True):
        below += count
        out["tidemill_request_seconds_bucket"][(*labels, ("le", bound))] = below
    out["tidemill_request_seconds_sum"][labels] = target.seconds
    out["tidemill_request_seconds_count"][labels] = below


def merge(parts: Iterable[Samples]) -> Samples:
    """Return the sum over processes; of the revision and the start time the lowest."""
    out: Samples = {}
    for part in parts:
        for name, values in part.items():
            into = out.setdefault(name, {})
            for labels, value in values.items():
                if name in _LOWEST and labels in into:
                    into[labels] = min(into[labels], value)
                else:
                    into[labels] = into.get(labels, 0) + value
    return out


def exposition(samples: Samples) -> bytes:
    """Return the page that Prometheus reads."""
    lines: list[str] = []
    for name, (kind, text) in _KINDS.items():
        lines += (f"# HELP {name} {text}", f"# TYPE {name} {kind}")
        parts = (name + end for end in ("_bucket", "_sum", "_count")) if kind == "histogram" else (name,)
        for part in parts:
            lines += [f"{part}{_braces(labels)} {value}" for labels, value in samples.get(part, {}).items()]
    return ("\n".join(lines) + "\n").encode()


def _braces(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def pack(samples: Samples) -> bytes:
    """Return samples as JSON, for the sibling processes."""
    return msgspec.json.encode({name: list(values.items()) for name, values in samples.items()})


def unpack(raw: bytes) -> Samples:
    """Return what `pack` wrote."""
    listed = msgspec.json.decode(raw, type=dict[str, list[tuple[tuple[tuple[str, str], ...], float]]])
    return {name: _by_labels(values) for name, values in listed.items()}


def _by_labels(values: Iterable[tuple[Labels, float]]) -> dict[Labels, float]:
    made: Mapping[Labels, float] = dict(values)
    return dict(made)
