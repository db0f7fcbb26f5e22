"""MLflow's words and numbers: views, statuses, moments, tags, points of metrics."""

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from tidemill.core.moments import Moment, from_ms
from tidemill.core.names import shown
from tidemill.server.faces.mlflow.requests import InvalidParameter
from tidemill.tracking.records import LoggedModelStatus, Metric, RunStatus, View
from tidemill.tracking.rules import LONGEST_PARAM, LONGEST_TAG, cut

T = TypeVar("T")
_LARGEST = 1.7976931348623157e308
_VIEWS: dict[str | int, View] = {
    "ACTIVE_ONLY": "active",
    "DELETED_ONLY": "deleted",
    "ALL": "all",
    1: "active",
    2: "deleted",
    3: "all",
}
_RUN_STATUSES: dict[str | int, RunStatus] = {
    **{status.value: status for status in RunStatus},
    1: RunStatus.RUNNING,
    2: RunStatus.SCHEDULED,
    3: RunStatus.FINISHED,
    4: RunStatus.FAILED,
    5: RunStatus.KILLED,
}
_MODEL_STATUSES: dict[str | int, LoggedModelStatus] = {
    "LOGGED_MODEL_PENDING": LoggedModelStatus.PENDING,
    "LOGGED_MODEL_READY": LoggedModelStatus.READY,
    "LOGGED_MODEL_UPLOAD_FAILED": LoggedModelStatus.FAILED,
    1: LoggedModelStatus.PENDING,
    2: LoggedModelStatus.READY,
    3: LoggedModelStatus.FAILED,
}
STATUS_NAMES = {status: name for name, status in _MODEL_STATUSES.items() if isinstance(name, str)}


class Tag(msgspec.Struct, frozen=True, gc=False):
    """A key and its text: a tag or a param."""

    key: str
    value: str = ""


class WireMetric(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A point of a metric."""

    key: str
    value: float | str
    timestamp: int
    step: int
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""
    run_id: str = ""


def tags_of(tags: Sequence[Tag]) -> dict[str, str]:
    """Return tags or params as a mapping; of a key given twice the last counts."""
    return {tag.key: tag.value for tag in tags}


def kept_params(params: Sequence[Tag]) -> dict[str, str]:
    """Return params, cut where MLflow's server cuts them: its clients say that too long a value is."""
    return cut(tags_of(params), LONGEST_PARAM)


def kept_tags(tags: Sequence[Tag]) -> dict[str, str]:
    """Return the tags of a run or a logged model, cut as params are."""
    return cut(tags_of(tags), LONGEST_TAG)


def listed(texts: Mapping[str, str]) -> list[Tag]:
    """Return a mapping as tags."""
    return [Tag(key, value) for key, value in texts.items()]


def view_of(word: str | int) -> View:
    """Return which part of a list a client asks for."""
    return _one_of(_VIEWS, word, "view_type")


def run_status_of(word: str | int) -> RunStatus:
    """Return the status of a run."""
    return _one_of(_RUN_STATUSES, word, "status")


def model_status_of(word: str | int) -> LoggedModelStatus:
    """Return the status of a logged model."""
    return _one_of(_MODEL_STATUSES, word, "status")


def moment_of(milliseconds: int, name: str) -> Moment:
    """Return a moment on the wire.

    Raises:
        InvalidParameter: If no calendar has it.
    """
    try:
        return from_ms(milliseconds)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidParameter(
            f"Invalid value {milliseconds} for parameter '{name}' supplied", hint="Give milliseconds since 1970"
        ) from error


def number_of(value: float) -> float | str:
    """Return a number as JSON can carry it, in the way in which MLflow's server does."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else math.copysign(_LARGEST, value)


def metric_of(metric: Metric) -> WireMetric:
    """Return a point of a metric."""
    return WireMetric(
        key=metric.key,
        value=number_of(metric.value),
        timestamp=metric.timestamp,
        step=metric.step,
        model_id=metric.model_id,
        dataset_name=metric.dataset_name,
        dataset_digest=metric.dataset_digest,
        run_id=metric.run_id,
    )


def _one_of(known: Mapping[str | int, T], word: str | int, name: str) -> T:
    key = int(word) if isinstance(word, str) and word.isdecimal() else word
    if key not in known:
        names = ", ".join(str(each) for each in known if isinstance(each, str))
        raise InvalidParameter(
            f"Invalid value {shown(str(word))} for parameter '{name}' supplied", hint=f"Give one of {names}"
        )
    return known[key]
