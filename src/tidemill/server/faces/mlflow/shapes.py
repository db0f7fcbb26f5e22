"""How records look on MLflow's wire: absent fields are left out, times are milliseconds, numbers beyond JSON are text.

Source:
    MLflow REST API, data structures.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from tidemill.core.moments import Moment, from_ms, to_ms
from tidemill.core.names import shown
from tidemill.models.records import Model, ModelVersion
from tidemill.server.faces.mlflow.requests import InvalidParameter
from tidemill.tracking.places import logged_model_uri, run_uri
from tidemill.tracking.records import (
    Experiment,
    Input,
    InputDataset,
    LoggedModel,
    LoggedModelStatus,
    Metric,
    Run,
    RunStatus,
    View,
)

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
_STATUS_NAMES = {status: name for name, status in _MODEL_STATUSES.items() if isinstance(name, str)}
_CONTEXT = "mlflow.data.context"


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


class WireExperiment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An experiment."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    creation_time: int
    last_update_time: int
    tags: list[Tag] = []


class WireRunInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run is."""

    run_id: str
    run_uuid: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    artifact_uri: str
    lifecycle_stage: str
    end_time: int | None = None


class WireRunData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run recorded."""

    metrics: list[WireMetric] = []
    params: list[Tag] = []
    tags: list[Tag] = []


class WireDataset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dataset, as the code that used it described it."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""


class WireDatasetInput(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that a run used, and what for."""

    dataset: WireDataset
    tags: list[Tag] = []


class WireModelInput(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model that a run used."""

    model_id: str


class WireModelOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model that a run made."""

    model_id: str
    step: int = 0


class WireInputs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run used."""

    dataset_inputs: list[WireDatasetInput] = []
    model_inputs: list[WireModelInput] = []


class WireOutputs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run made."""

    model_outputs: list[WireModelOutput] = []


class WireRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run."""

    info: WireRunInfo
    data: WireRunData
    inputs: WireInputs
    outputs: WireOutputs


class WireAlias(msgspec.Struct, frozen=True, kw_only=True):
    """Where an alias points."""

    alias: str
    version: str


class WireVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a registered model."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    current_stage: str
    description: str | None = None
    source: str
    run_id: str | None = None
    status: str
    run_link: str | None = None
    user_id: str = ""
    model_id: str = ""
    tags: list[Tag] = []
    aliases: list[str] = []


class WireModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A registered model."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    user_id: str = ""
    description: str | None = None
    latest_versions: list[WireVersion] = []
    tags: list[Tag] = []
    aliases: list[WireAlias] = []


class WireLoggedModelInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a logged model is."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    status_message: str = ""
    model_type: str = ""
    source_run_id: str = ""
    tags: list[Tag] = []


class WireLoggedModelData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was recorded of a logged model."""

    params: list[Tag] = []
    metrics: list[WireMetric] = []


class WireLoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model."""

    info: WireLoggedModelInfo
    data: WireLoggedModelData


def tags_of(tags: Sequence[Tag]) -> dict[str, str]:
    """Return tags or params as a mapping; of a key given twice the last counts."""
    return {tag.key: tag.value for tag in tags}


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


def experiment_of(experiment: Experiment) -> WireExperiment:
    """Return an experiment."""
    return WireExperiment(
        experiment_id=experiment.experiment_id,
        name=experiment.name,
        artifact_location=experiment.artifact_location or f"mlflow-artifacts:/{experiment.experiment_id}",
        lifecycle_stage=experiment.lifecycle_stage,
        creation_time=to_ms(experiment.created_at),
        last_update_time=to_ms(experiment.updated_at),
        tags=listed(experiment.tags),
    )


def info_of(run: Run, location: str) -> WireRunInfo:
    """Return what a run is.

    Args:
        run: The run.
        location: Where its experiment keeps artifacts; empty for this server.
    """
    return WireRunInfo(
        run_id=run.run_id,
        run_uuid=run.run_id,
        run_name=run.name,
        experiment_id=run.experiment_id,
        user_id=run.user,
        status=run.status.value,
        start_time=to_ms(run.start_time),
        end_time=to_ms(run.end_time) if run.end_time else None,
        artifact_uri=run_uri(location, run.experiment_id, run.run_id),
        lifecycle_stage=run.lifecycle_stage,
    )


def run_of(run: Run, location: str) -> WireRun:
    """Return a run with all that it recorded."""
    latest = run.latest
    metrics = [
        WireMetric(key=key, value=number_of(value), step=latest[key][0], timestamp=latest[key][1])
        for key, value in run.metrics.items()
    ]
    return WireRun(
        info=info_of(run, location),
        data=WireRunData(metrics=metrics, params=listed(run.params), tags=listed(run.tags)),
        inputs=_inputs(run.inputs),
        outputs=WireOutputs(
            model_outputs=[WireModelOutput(model_id=each.model_id, step=each.step) for each in run.outputs]
        ),
    )


def _inputs(inputs: Sequence[Input]) -> WireInputs:
    datasets, models = [], []
    for each in inputs:
        kind, _, identifier = each.ref.partition(":")
        if kind == "logged_model":
            models.append(WireModelInput(model_id=identifier))
        elif each.dataset is not None:
            tags = {_CONTEXT: each.context} if each.context else {}
            datasets.append(WireDatasetInput(dataset=_dataset(each.dataset), tags=listed({**tags, **each.tags})))
    return WireInputs(dataset_inputs=datasets, model_inputs=models)


def _dataset(found: InputDataset) -> WireDataset:
    return WireDataset(
        name=found.name,
        digest=found.digest,
        source_type=found.source_type,
        source=found.source,
        schema=found.schema,
        profile=found.profile,
    )


def input_of(given: WireDatasetInput) -> InputDataset:
    """Return a dataset that a client says a run used."""
    tags = tags_of(given.tags)
    context = tags.pop(_CONTEXT, "")
    return InputDataset(
        name=given.dataset.name,
        digest=given.dataset.digest,
        source_type=given.dataset.source_type,
        source=given.dataset.source,
        schema=given.dataset.schema,
        profile=given.dataset.profile,
        context=context,
        tags=tags,
    )


def logged_model_of(model: LoggedModel, location: str) -> WireLoggedModel:
    """Return a logged model.

    Args:
        model: The model.
        location: Where its experiment keeps artifacts; empty for this server.
    """
    info = WireLoggedModelInfo(
        model_id=model.model_id,
        experiment_id=model.experiment_id,
        name=model.name,
        creation_timestamp_ms=to_ms(model.created_at),
        last_updated_timestamp_ms=to_ms(model.updated_at),
        artifact_uri=logged_model_uri(location, model.experiment_id, model.model_id),
        status=_STATUS_NAMES[model.status],
        status_message=model.status_message,
        model_type=model.model_type,
        source_run_id=model.source_run_id,
        tags=listed(model.tags),
    )
    data = WireLoggedModelData(params=listed(model.params), metrics=[metric_of(each) for each in model.metrics])
    return WireLoggedModel(info=info, data=data)


def version_of(version: ModelVersion, *, with_aliases: bool = True) -> WireVersion:
    """Return a version of a registered model."""
    return WireVersion(
        name=version.model,
        version=str(version.number),
        creation_timestamp=to_ms(version.created_at),
        last_updated_timestamp=to_ms(version.updated_at),
        current_stage=version.stage,
        description=version.description,
        source=version.source or f"mlflow-artifacts:/versions/{version.id}/artifacts",
        run_id=version.run_id or "",
        status="READY",
        run_link=version.run_link,
        user_id=version.created_by,
        model_id=version.logged_model_id,
        tags=listed(version.tags),
        aliases=list(version.aliases) if with_aliases else [],
    )


def model_of(model: Model, latest: Sequence[ModelVersion]) -> WireModel:
    """Return a registered model."""
    return WireModel(
        name=model.name,
        creation_timestamp=to_ms(model.created_at),
        last_updated_timestamp=to_ms(model.updated_at),
        user_id=model.created_by,
        description=model.description,
        latest_versions=[version_of(each, with_aliases=False) for each in latest],
        tags=listed(model.tags),
        aliases=[WireAlias(alias=alias, version=str(number)) for alias, number in model.aliases.items()],
    )


def _one_of(known: Mapping[str | int, T], word: str | int, name: str) -> T:
    key = int(word) if isinstance(word, str) and word.isdecimal() else word
    if key not in known:
        names = ", ".join(str(each) for each in known if isinstance(each, str))
        raise InvalidParameter(
            f"Invalid value {shown(str(word))} for parameter '{name}' supplied", hint=f"Give one of {names}"
        )
    return known[key]
