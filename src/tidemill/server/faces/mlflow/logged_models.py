"""Logged models, which MLflow knows since version 3."""

from typing import Any

import msgspec

from tidemill.core.access import Permission
from tidemill.server.faces.mlflow.artifacts import ListedFiles, listed_files
from tidemill.server.faces.mlflow.dispatch import Call, Spoken
from tidemill.server.faces.mlflow.requests import missing
from tidemill.server.faces.mlflow.shapes import WireLoggedModel, logged_model_of
from tidemill.server.faces.mlflow.words import Tag, kept_params, kept_tags, model_status_of, moment_of
from tidemill.tracking.places import ArtifactPlace
from tidemill.tracking.records import InputDataset, LoggedModel
from tidemill.tracking.search.parser import parse_order
from tidemill.tracking.search.syntax import Order


class CreateLoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """`POST logged-models`; our own client chooses the id, and says when the model was made, which others leave out."""

    experiment_id: str
    model_id: str = ""
    creation_timestamp_ms: int = 0
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[Tag] = []
    tags: list[Tag] = []


class LoggedModelId(msgspec.Struct, frozen=True, kw_only=True):
    """What names a logged model."""

    model_id: str


class Finalize(LoggedModelId, frozen=True, kw_only=True):
    """`PATCH logged-models/{model_id}`."""

    status: str | int


class LoggedModelTags(LoggedModelId, frozen=True, kw_only=True):
    """`PATCH logged-models/{model_id}/tags`."""

    tags: list[Tag] = []


class LoggedModelTagKey(LoggedModelId, frozen=True, kw_only=True):
    """`DELETE logged-models/{model_id}/tags/{tag_key}`."""

    tag_key: str


class LoggedModelParams(LoggedModelId, frozen=True, kw_only=True):
    """`POST logged-models/{model_id}/params`."""

    params: list[Tag] = []


class Directory(LoggedModelId, frozen=True, kw_only=True):
    """`GET logged-models/{model_id}/artifacts/directories`."""

    artifact_directory_path: str = ""


class MeasuredOn(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that metrics were measured on."""

    dataset_name: str
    dataset_digest: str = ""


class OrderBy(msgspec.Struct, frozen=True, kw_only=True):
    """One key of an order."""

    field_name: str
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class SearchLoggedModels(msgspec.Struct, frozen=True, kw_only=True):
    """`POST logged-models/search`."""

    experiment_ids: list[str] = []
    filter: str = ""
    datasets: list[MeasuredOn] = []
    max_results: int = 50
    order_by: list[OrderBy] = []
    page_token: str = ""


def _create(call: Call, given: CreateLoggedModel) -> dict[str, WireLoggedModel]:
    made = call.workspace.logged_models.create(
        call.actor,
        experiment_id=given.experiment_id,
        name=given.name,
        source_run_id=given.source_run_id,
        model_type=given.model_type,
        params=kept_params(given.params),
        tags=kept_tags(given.tags),
        created_at=moment_of(given.creation_timestamp_ms, "creation_timestamp_ms")
        if given.creation_timestamp_ms
        else None,
        model_id=given.model_id,
    )
    return _answer(call, made)


def _get(call: Call, given: LoggedModelId) -> dict[str, WireLoggedModel]:
    return _answer(call, call.workspace.logged_models.get(call.actor, model_id=given.model_id))


def _finalize(call: Call, given: Finalize) -> dict[str, WireLoggedModel]:
    status = model_status_of(given.status)
    return _answer(call, call.workspace.logged_models.finalize(call.actor, model_id=given.model_id, status=status))


def _delete(call: Call, given: LoggedModelId) -> None:
    call.workspace.logged_models.delete(call.actor, model_id=given.model_id)


def _set_tags(call: Call, given: LoggedModelTags) -> None:
    call.workspace.logged_models.set_tags(call.actor, model_id=given.model_id, tags=kept_tags(given.tags))


def _delete_tag(call: Call, given: LoggedModelTagKey) -> None:
    call.workspace.logged_models.delete_tag(call.actor, model_id=given.model_id, key=given.tag_key)


def _log_params(call: Call, given: LoggedModelParams) -> None:
    call.workspace.logged_models.log_params(call.actor, model_id=given.model_id, params=kept_params(given.params))


def _list(call: Call, given: Directory) -> ListedFiles:
    model = call.workspace.logged_models.get(call.actor, model_id=given.model_id)
    place = ArtifactPlace("logged_model", given.model_id, given.artifact_directory_path)
    return listed_files(call, place, root_uri=_wire(call, model).info.artifact_uri)


def _search(call: Call, given: SearchLoggedModels) -> dict[str, object]:
    if not given.experiment_ids:
        raise missing("experiment_ids")
    page = call.workspace.logged_models.find(
        call.actor,
        experiment_ids=given.experiment_ids,
        filter=given.filter,
        order_by=[_order(each) for each in given.order_by],
        datasets=[InputDataset(name=each.dataset_name, digest=each.dataset_digest) for each in given.datasets],
        max_results=given.max_results,
        page_token=given.page_token,
    )
    answer: dict[str, object] = {"models": [_wire(call, each) for each in page.models]} if page.models else {}
    return {**answer, "next_page_token": page.next_page_token} if page.next_page_token else answer


def _order(given: OrderBy) -> Order:
    order = parse_order(f"{given.field_name} {'ASC' if given.ascending else 'DESC'}")
    return msgspec.structs.replace(order, dataset_name=given.dataset_name, dataset_digest=given.dataset_digest)


def _answer(call: Call, model: LoggedModel) -> dict[str, WireLoggedModel]:
    return {"model": _wire(call, model)}


def _wire(call: Call, model: LoggedModel) -> WireLoggedModel:
    home = call.workspace.tracking.find_experiment(call.actor, experiment_id=model.experiment_id)
    return logged_model_of(model, home.artifact_location)


ROUTES: tuple[Spoken[Any], ...] = (
    Spoken("POST", "/logged-models", CreateLoggedModel, _create, Permission.WRITE),
    Spoken("POST", "/logged-models/search", SearchLoggedModels, _search, Permission.READ),
    Spoken("GET", "/logged-models/{model_id}", LoggedModelId, _get, Permission.READ),
    Spoken("PATCH", "/logged-models/{model_id}", Finalize, _finalize, Permission.WRITE),
    Spoken("DELETE", "/logged-models/{model_id}", LoggedModelId, _delete, Permission.WRITE),
    Spoken("PATCH", "/logged-models/{model_id}/tags", LoggedModelTags, _set_tags, Permission.WRITE),
    Spoken("DELETE", "/logged-models/{model_id}/tags/{tag_key:path}", LoggedModelTagKey, _delete_tag, Permission.WRITE),
    Spoken("POST", "/logged-models/{model_id}/params", LoggedModelParams, _log_params, Permission.WRITE),
    Spoken("GET", "/logged-models/{model_id}/artifacts/directories", Directory, _list, Permission.READ),
)
