"""Versions of registered models, as MLflow's clients speak of them."""

from typing import Any

import msgspec

from tidemill.core.access import Permission
from tidemill.server.faces.mlflow.dispatch import Call, Spoken
from tidemill.server.faces.mlflow.registered import WireVersion, version_of
from tidemill.server.faces.mlflow.registry import number_of
from tidemill.server.faces.mlflow.words import Tag, tags_of
from tidemill.tracking.places import version_uri


class CreateVersion(msgspec.Struct, frozen=True, kw_only=True):
    """`model-versions/create`."""

    name: str
    source: str
    run_id: str = ""
    tags: list[Tag] = []
    run_link: str = ""
    description: str = ""
    model_id: str = ""


class VersionName(msgspec.Struct, frozen=True, kw_only=True):
    """What names a version."""

    name: str
    version: str


class UpdateVersion(VersionName, frozen=True, kw_only=True):
    """`model-versions/update`."""

    description: str = ""


class TransitionStage(VersionName, frozen=True, kw_only=True):
    """`model-versions/transition-stage`."""

    stage: str
    archive_existing_versions: bool = False


class SearchVersions(msgspec.Struct, frozen=True, kw_only=True):
    """`model-versions/search`."""

    filter: str = ""
    max_results: int = 200_000
    order_by: list[str] = []
    page_token: str = ""


class VersionTag(VersionName, frozen=True, kw_only=True):
    """`model-versions/set-tag`."""

    key: str
    value: str = ""


class VersionTagKey(VersionName, frozen=True, kw_only=True):
    """`model-versions/delete-tag`."""

    key: str


def _ref(given: VersionName) -> str:
    return f"{given.name}@{number_of(given.version)}"


def _create(call: Call, given: CreateVersion) -> dict[str, WireVersion]:
    call.workspace.models.get_model(call.actor, name=given.name)  # MLflow's clients make the name first
    made = call.workspace.models.create_version(
        call.actor,
        name=given.name,
        source=given.source,
        run_id=given.run_id or None,
        logged_model_id=given.model_id,
        description=given.description,
        tags=tags_of(given.tags),
        run_link=given.run_link,
    )
    return {"model_version": version_of(made, with_aliases=False)}


def _get(call: Call, given: VersionName) -> dict[str, WireVersion]:
    return {"model_version": version_of(call.workspace.models.get(call.actor, ref=_ref(given)))}


def _update(call: Call, given: UpdateVersion) -> dict[str, WireVersion]:
    found = call.workspace.models.describe(call.actor, ref=_ref(given), description=given.description)
    return {"model_version": version_of(found, with_aliases=False)}


def _transition(call: Call, given: TransitionStage) -> dict[str, WireVersion]:
    found = call.workspace.models.transition_stage(
        call.actor, ref=_ref(given), stage=given.stage, archive_existing=given.archive_existing_versions
    )
    return {"model_version": version_of(found, with_aliases=False)}


def _delete(call: Call, given: VersionName) -> None:
    call.workspace.models.delete_version(call.actor, ref=_ref(given))


def _search(call: Call, given: SearchVersions) -> dict[str, object]:
    page = call.workspace.models.search_versions(
        call.actor,
        filter=given.filter,
        order_by=given.order_by,
        max_results=given.max_results,
        page_token=given.page_token,
    )
    answer: dict[str, object] = (
        {"model_versions": [version_of(each, with_aliases=False) for each in page.versions]} if page.versions else {}
    )
    return {**answer, "next_page_token": page.next_page_token} if page.next_page_token else answer


def _download_uri(call: Call, given: VersionName) -> dict[str, str]:
    found = call.workspace.models.get(call.actor, ref=_ref(given))
    # What was registered is what is loaded, whatever comes of the run; only files in another store are read there.
    return {"artifact_uri": version_uri(found.id) if found.size or not found.source else found.source}


def _set_tag(call: Call, given: VersionTag) -> None:
    call.workspace.models.describe(call.actor, ref=_ref(given), tags={given.key: given.value})


def _delete_tag(call: Call, given: VersionTagKey) -> None:
    call.workspace.models.delete_version_tag(call.actor, ref=_ref(given), key=given.key)


ROUTES: tuple[Spoken[Any], ...] = (
    Spoken("POST", "/model-versions/create", CreateVersion, _create, Permission.WRITE),
    Spoken("GET", "/model-versions/get", VersionName, _get, Permission.READ),
    Spoken("PATCH", "/model-versions/update", UpdateVersion, _update, Permission.WRITE),
    Spoken("POST", "/model-versions/transition-stage", TransitionStage, _transition, Permission.WRITE),
    Spoken("DELETE", "/model-versions/delete", VersionName, _delete, Permission.WRITE),
    Spoken("GET", "/model-versions/search", SearchVersions, _search, Permission.READ),
    Spoken("GET", "/model-versions/get-download-uri", VersionName, _download_uri, Permission.READ),
    Spoken("POST", "/model-versions/set-tag", VersionTag, _set_tag, Permission.WRITE),
    Spoken("DELETE", "/model-versions/delete-tag", VersionTagKey, _delete_tag, Permission.WRITE),
)
