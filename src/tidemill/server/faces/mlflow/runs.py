"""Runs and what they record, as MLflow's clients speak of them."""

from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import msgspec

from tidemill.core.access import Permission
from tidemill.server.faces.mlflow.dispatch import Call, Spoken, SpokenSoon
from tidemill.server.faces.mlflow.requests import InvalidParameter, missing
from tidemill.server.faces.mlflow.shapes import (
    WireDatasetInput,
    WireModelInput,
    WireModelOutput,
    WireRun,
    WireRunInfo,
    info_of,
    input_of,
    run_of,
)
from tidemill.server.faces.mlflow.words import Tag, kept_params, kept_tags, moment_of, run_status_of, view_of
from tidemill.tracking.records import Metric, Output
from tidemill.tracking.rules import ExperimentNotFound

_MOST_AT_ONCE = {"metrics": 1000, "params": 100, "tags": 100}
_MOST_TOGETHER = 1000
_USER, _NAME = "mlflow.user", "mlflow.runName"


class CreateRun(msgspec.Struct, frozen=True, kw_only=True):
    """`runs/create`."""

    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: int = 0
    tags: list[Tag] = []


class RunId(msgspec.Struct, frozen=True, kw_only=True):
    """What names a run: old clients call it `run_uuid`."""

    run_id: str = ""
    run_uuid: str = ""


class UpdateRun(RunId, frozen=True, kw_only=True):
    """`runs/update`."""

    status: str | int | None = None
    end_time: int | None = None
    run_name: str = ""


class SearchRuns(msgspec.Struct, frozen=True, kw_only=True):
    """`runs/search`."""

    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: str | int = "ACTIVE_ONLY"
    max_results: int = 1000
    order_by: list[str] = []
    page_token: str = ""


class LogMetric(RunId, frozen=True, kw_only=True):
    """`runs/log-metric`."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class LogParameter(RunId, frozen=True, kw_only=True):
    """`runs/log-parameter`, `runs/set-tag`."""

    key: str
    value: str | None = None


class TagKey(RunId, frozen=True, kw_only=True):
    """`runs/delete-tag`."""

    key: str


class BatchMetric(Metric, frozen=True, kw_only=True, gc=False):
    """A point in a batch, which must say its time."""

    timestamp: int


class LogBatch(RunId, frozen=True, kw_only=True):
    """`runs/log-batch`."""

    metrics: list[BatchMetric] = []
    params: list[Tag] = []
    tags: list[Tag] = []


class LogInputs(RunId, frozen=True, kw_only=True):
    """`runs/log-inputs`."""

    datasets: list[WireDatasetInput] = []
    models: list[WireModelInput] = []


class LogOutputs(RunId, frozen=True, kw_only=True):
    """`runs/outputs`."""

    models: list[WireModelOutput] = []


class LogModel(RunId, frozen=True, kw_only=True):
    """`runs/log-model`, of clients before logged models."""

    model_json: str


def _id(given: RunId) -> str:
    found = given.run_id or given.run_uuid
    if not found:
        raise missing("run_id")
    return found


def _create(call: Call, given: CreateRun) -> dict[str, WireRun]:
    tracking = call.workspace.tracking
    tags = kept_tags(given.tags)
    made = tracking.create_run(
        call.actor,
        experiment_id=given.experiment_id or "0",
        name=given.run_name or tags.get(_NAME, ""),
        user=given.user_id or tags.get(_USER, ""),
        tags=tags,
        start_time=moment_of(given.start_time, "start_time") if given.start_time else None,
    )
    return {"run": run_of(made)}


def _get(call: Call, given: RunId) -> dict[str, WireRun]:
    run = call.workspace.tracking.get_run(call.actor, run_id=_id(given))
    return {"run": run_of(run)}


def _update(call: Call, given: UpdateRun) -> dict[str, WireRunInfo]:
    run = call.workspace.tracking.update_run(
        call.actor,
        run_id=_id(given),
        name=given.run_name or None,
        status=run_status_of(given.status) if given.status is not None else None,
        end_time=moment_of(given.end_time, "end_time") if given.end_time else None,
    )
    return {"run_info": info_of(run)}


def _search(call: Call, given: SearchRuns) -> dict[str, object]:
    experiments = list(_known(call, given.experiment_ids))
    if not experiments:
        return {}
    page = call.workspace.tracking.search_runs(
        call.actor,
        experiments=experiments,
        filter=given.filter,
        order_by=given.order_by,
        view=view_of(given.run_view_type),
        max_results=given.max_results,
        page_token=given.page_token,
    )
    answer: dict[str, object] = {"runs": [run_of(run) for run in page.runs]} if page.runs else {}
    return {**answer, "next_page_token": page.next_page_token} if page.next_page_token else answer


def _known(call: Call, experiment_ids: Iterable[str]) -> Iterable[str]:
    """Yield the ids of the experiments that there are: one that is not has no runs."""
    for experiment_id in experiment_ids:
        with suppress(ExperimentNotFound):
            yield call.workspace.tracking.find_experiment(call.actor, experiment_id=experiment_id).experiment_id


def _delete(call: Call, given: RunId) -> None:
    call.workspace.tracking.delete_run(call.actor, run_id=_id(given))


def _restore(call: Call, given: RunId) -> None:
    call.workspace.tracking.restore_run(call.actor, run_id=_id(given))


def _log_metric(call: Call, given: LogMetric) -> "Future[None]":
    point = Metric(
        key=given.key,
        value=given.value,
        step=given.step,
        timestamp=given.timestamp,
        model_id=given.model_id,
        dataset_name=given.dataset_name,
        dataset_digest=given.dataset_digest,
    )
    return call.workspace.tracking.log_soon(call.actor, run_id=_id(given), metrics=[point])


def _log_batch(call: Call, given: LogBatch) -> "Future[None]":
    sizes = {"metrics": len(given.metrics), "params": len(given.params), "tags": len(given.tags)}
    for name, size in {**sizes, "values": sum(sizes.values())}.items():
        most = _MOST_AT_ONCE.get(name, _MOST_TOGETHER)
        if size > most:
            raise InvalidParameter(
                f"A batch logging request can contain at most {most} {name}, and this one has {size}",
                hint="Send them in several batches",
            )
    return call.workspace.tracking.log_soon(
        call.actor,
        run_id=_id(given),
        metrics=[*given.metrics],
        params=_params(given.params),
        tags=kept_tags(given.tags),
    )


def _params(given: list[Tag]) -> dict[str, str]:
    params = kept_params(given)
    if len(params) != len(given):
        keys = [each.key for each in given]
        twice = next(key for key in keys if keys.count(key) > 1)
        values = sorted({each.value for each in given if each.key == twice})
        if len(values) > 1:
            raise InvalidParameter(
                f"Changing param values is not allowed. Param '{twice}' is given {len(values)} values",
                hint="Give each param once",
            )
    return params


def _log_parameter(call: Call, given: LogParameter) -> "Future[None]":
    params = kept_params([Tag(given.key, _value(given))])
    return call.workspace.tracking.log_soon(call.actor, run_id=_id(given), params=params)


def _set_tag(call: Call, given: LogParameter) -> "Future[None]":
    tags = kept_tags([Tag(given.key, _value(given))])
    return call.workspace.tracking.log_soon(call.actor, run_id=_id(given), tags=tags)


def _value(given: LogParameter) -> str:
    if given.value is None:
        raise missing("value")
    return given.value


def _delete_tag(call: Call, given: TagKey) -> None:
    call.workspace.tracking.delete_run_tag(call.actor, run_id=_id(given), key=given.key)


def _log_inputs(call: Call, given: LogInputs) -> None:
    call.workspace.tracking.log_inputs(
        call.actor,
        run_id=_id(given),
        datasets=[input_of(each) for each in given.datasets],
        models=[each.model_id for each in given.models],
    )


def _log_outputs(call: Call, given: LogOutputs) -> None:
    outputs = [Output(model_id=each.model_id, step=each.step) for each in given.models]
    call.workspace.tracking.log_outputs(call.actor, run_id=_id(given), outputs=outputs)


def _log_model(call: Call, given: LogModel) -> None:
    tracking, key = call.workspace.tracking, "mlflow.log-model.history"
    try:
        described = msgspec.json.decode(given.model_json, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidParameter(
            f"Malformed model info: {error}", hint="Give a JSON object in parameter 'model_json'"
        ) from error
    run = tracking.get_run(call.actor, run_id=_id(given))
    try:
        history = msgspec.json.decode(run.tags.get(key, "[]"), type=list[dict[str, Any]])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidParameter(
            f"The run's tag {key} is no list of models: {error}", hint="Delete the tag, and log the model again"
        ) from error
    history = [each for each in history if each != described]  # a client that heard no answer says it again
    tags = {key: msgspec.json.encode([*history, described]).decode()}
    tracking.log_batch(call.actor, run_id=run.run_id, tags=tags)


ROUTES: tuple[Spoken[Any] | SpokenSoon[Any], ...] = (
    Spoken("POST", "/runs/create", CreateRun, _create, Permission.WRITE),
    Spoken("GET", "/runs/get", RunId, _get, Permission.READ),
    Spoken("POST", "/runs/update", UpdateRun, _update, Permission.WRITE),
    Spoken("POST", "/runs/search", SearchRuns, _search, Permission.READ),
    Spoken("POST", "/runs/delete", RunId, _delete, Permission.WRITE),
    Spoken("POST", "/runs/restore", RunId, _restore, Permission.WRITE),
    SpokenSoon("/runs/log-metric", LogMetric, _log_metric),
    SpokenSoon("/runs/log-batch", LogBatch, _log_batch),
    SpokenSoon("/runs/log-parameter", LogParameter, _log_parameter),
    SpokenSoon("/runs/set-tag", LogParameter, _set_tag),
    Spoken("POST", "/runs/delete-tag", TagKey, _delete_tag, Permission.WRITE),
    Spoken("POST", "/runs/log-inputs", LogInputs, _log_inputs, Permission.WRITE),
    Spoken("POST", "/runs/outputs", LogOutputs, _log_outputs, Permission.WRITE),
    Spoken("POST", "/runs/log-model", LogModel, _log_model, Permission.WRITE),
)
