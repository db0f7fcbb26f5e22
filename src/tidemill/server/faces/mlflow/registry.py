"""Registered models and their aliases, as MLflow's clients speak of them."""

from typing import Any

import msgspec

from tidemill.core.access import Permission
from tidemill.core.errors import NotFound
from tidemill.models.records import Model
from tidemill.models.rules import AliasNotFound, check_alias
from tidemill.server.faces.mlflow.dispatch import Call, Spoken
from tidemill.server.faces.mlflow.registered import WireModel, WireVersion, model_of, version_of
from tidemill.server.faces.mlflow.requests import InvalidParameter
from tidemill.server.faces.mlflow.words import Tag, tags_of


class CreateModel(msgspec.Struct, frozen=True, kw_only=True):
    """`registered-models/create`."""

    name: str
    description: str = ""
    tags: list[Tag] = []


class ModelName(msgspec.Struct, frozen=True, kw_only=True):
    """What names a registered model."""

    name: str


class RenameModel(ModelName, frozen=True, kw_only=True):
    """`registered-models/rename`."""

    new_name: str


class UpdateModel(ModelName, frozen=True, kw_only=True):
    """`registered-models/update`."""

    description: str = ""


class SearchModels(msgspec.Struct, frozen=True, kw_only=True):
    """`registered-models/search`."""

    filter: str = ""
    max_results: int = 100
    order_by: list[str] = []
    page_token: str = ""


class LatestVersions(ModelName, frozen=True, kw_only=True):
    """`registered-models/get-latest-versions`."""

    stages: list[str] = []


class ModelTag(ModelName, frozen=True, kw_only=True):
    """`registered-models/set-tag`."""

    key: str
    value: str = ""


class ModelTagKey(ModelName, frozen=True, kw_only=True):
    """`registered-models/delete-tag`."""

    key: str


class SetAlias(ModelName, frozen=True, kw_only=True):
    """`POST registered-models/alias`."""

    alias: str
    version: str


class AliasName(ModelName, frozen=True, kw_only=True):
    """`GET` and `DELETE registered-models/alias`."""

    alias: str


def number_of(version: str) -> int:
    """Return a version's number.

    Raises:
        InvalidParameter: If it is none.
    """
    if version.isascii() and version.isdigit() and len(version) <= 9:
        return int(version)
    raise InvalidParameter(
        f"Model version must be an integer, got '{version[:60]}'", hint="Give the version as it was answered"
    )


def _create(call: Call, given: CreateModel) -> dict[str, WireModel]:
    made = call.workspace.models.create(
        call.actor, name=given.name, description=given.description, tags=tags_of(given.tags)
    )
    return {"registered_model": model_of(made, ())}


def _get(call: Call, given: ModelName) -> dict[str, WireModel]:
    return {"registered_model": _wire(call, call.workspace.models.get_model(call.actor, name=given.name))}


def _wire(call: Call, model: Model) -> WireModel:
    return model_of(model, call.workspace.models.latest_versions(call.actor, name=model.name))


def _rename(call: Call, given: RenameModel) -> dict[str, WireModel]:
    renamed = call.workspace.models.rename(call.actor, name=given.name, new_name=given.new_name)
    return {"registered_model": _wire(call, renamed)}


def _update(call: Call, given: UpdateModel) -> dict[str, WireModel]:
    updated = call.workspace.models.update(call.actor, name=given.name, description=given.description)
    return {"registered_model": _wire(call, updated)}


def _delete(call: Call, given: ModelName) -> None:
    call.workspace.models.delete(call.actor, name=given.name)


def _search(call: Call, given: SearchModels) -> dict[str, object]:
    page = call.workspace.models.search(
        call.actor,
        filter=given.filter,
        order_by=given.order_by,
        max_results=given.max_results,
        page_token=given.page_token,
    )
    answer: dict[str, object] = {}
    if page.models:
        answer["registered_models"] = [_wire(call, each) for each in page.models]
    return {**answer, "next_page_token": page.next_page_token} if page.next_page_token else answer


def _latest(call: Call, given: LatestVersions) -> dict[str, list[WireVersion]]:
    found = call.workspace.models.latest_versions(call.actor, name=given.name, stages=given.stages or None)
    return {"model_versions": [version_of(each, with_aliases=False) for each in reversed(found)]} if found else {}


def _set_tag(call: Call, given: ModelTag) -> None:
    call.workspace.models.set_tag(call.actor, name=given.name, key=given.key, value=given.value)


def _delete_tag(call: Call, given: ModelTagKey) -> None:
    call.workspace.models.delete_tag(call.actor, name=given.name, key=given.key)


def _set_alias(call: Call, given: SetAlias) -> None:
    number = number_of(given.version)
    call.workspace.models.set_alias(call.actor, name=given.name, alias=given.alias, version=number)


def _delete_alias(call: Call, given: AliasName) -> None:
    call.workspace.models.get_model(call.actor, name=given.name)
    try:
        call.workspace.models.delete_alias(call.actor, name=given.name, alias=given.alias)
    except (AliasNotFound, NotFound):
        return  # gone already, which is what was asked


def _by_alias(call: Call, given: AliasName) -> dict[str, WireVersion]:
    models = call.workspace.models
    models.get_model(call.actor, name=given.name)
    found = models.get(call.actor, ref=f"{given.name}@{check_alias(given.alias)}")
    return {"model_version": version_of(found)}


ROUTES: tuple[Spoken[Any], ...] = (
    Spoken("POST", "/registered-models/create", CreateModel, _create, Permission.WRITE),
    Spoken("GET", "/registered-models/get", ModelName, _get, Permission.READ),
    Spoken("POST", "/registered-models/rename", RenameModel, _rename, Permission.WRITE),
    Spoken("PATCH", "/registered-models/update", UpdateModel, _update, Permission.WRITE),
    Spoken("DELETE", "/registered-models/delete", ModelName, _delete, Permission.WRITE),
    Spoken("GET", "/registered-models/search", SearchModels, _search, Permission.READ),
    Spoken("POST", "/registered-models/get-latest-versions", LatestVersions, _latest, Permission.READ),
    Spoken("GET", "/registered-models/get-latest-versions", LatestVersions, _latest, Permission.READ),
    Spoken("POST", "/registered-models/set-tag", ModelTag, _set_tag, Permission.WRITE),
    Spoken("DELETE", "/registered-models/delete-tag", ModelTagKey, _delete_tag, Permission.WRITE),
    Spoken("POST", "/registered-models/alias", SetAlias, _set_alias, Permission.WRITE),
    Spoken("DELETE", "/registered-models/alias", AliasName, _delete_alias, Permission.WRITE),
    Spoken("GET", "/registered-models/alias", AliasName, _by_alias, Permission.READ),
)
