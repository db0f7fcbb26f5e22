"""How records look on MLflow's wire: absent fields are left out, times are milliseconds, numbers beyond JSON are text.

Source:
    MLflow REST API, data structures.
"""

from collections.abc import Sequence

import msgspec

from tidemill.core.moments import to_ms
from tidemill.server.faces.mlflow.words import STATUS_NAMES, Tag, WireMetric, listed, metric_of, number_of, tags_of
from tidemill.tracking.places import logged_model_uri, run_uri
from tidemill.tracking.records import (
    Experiment,
    Input,
    InputDataset,
    LoggedModel,
    Run,
)

_CONTEXT = "mlflow.data.context"


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


class WireLoggedModelInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a logged model is."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    model_type: str
    source_run_id: str
    status_message: str = ""
    tags: list[Tag] = []


class WireLoggedModelData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was recorded of a logged model."""

    params: list[Tag] = []
    metrics: list[WireMetric] = []


class WireLoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model."""

    info: WireLoggedModelInfo
    data: WireLoggedModelData


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


def info_of(run: Run) -> WireRunInfo:
    """Return what a run is."""
    return WireRunInfo(
        run_id=run.run_id,
        run_uuid=run.run_id,
        run_name=run.name,
        experiment_id=run.experiment_id,
        user_id=run.user,
        status=run.status.value,
        start_time=to_ms(run.start_time),
        end_time=to_ms(run.end_time) if run.end_time else None,
        artifact_uri=run_uri(run.artifact_location, run.experiment_id, run.run_id),
        lifecycle_stage=run.lifecycle_stage,
    )


def run_of(run: Run) -> WireRun:
    """Return a run with all that it recorded."""
    latest = run.latest
    metrics = [
        WireMetric(key=key, value=number_of(value), step=latest[key][0], timestamp=latest[key][1])
        for key, value in run.metrics.items()
    ]
    return WireRun(
        info=info_of(run),
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
        status=STATUS_NAMES[model.status],
        status_message=model.status_message,
        model_type=model.model_type,
        source_run_id=model.source_run_id,
        tags=listed(model.tags),
    )
    data = WireLoggedModelData(params=listed(model.params), metrics=[metric_of(each) for each in model.metrics])
    return WireLoggedModel(info=info, data=data)
