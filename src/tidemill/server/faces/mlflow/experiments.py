"""Experiments, as MLflow's clients speak of them."""

from typing import Any

import msgspec

from tidemill.core.access import Permission
from tidemill.server.faces.mlflow.dispatch import Call, Spoken
from tidemill.server.faces.mlflow.shapes import WireExperiment, experiment_of
from tidemill.server.faces.mlflow.words import Tag, tags_of, view_of


class CreateExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """`experiments/create`."""

    name: str
    artifact_location: str = ""
    tags: list[Tag] = []


class ExperimentId(msgspec.Struct, frozen=True, kw_only=True):
    """What names an experiment."""

    experiment_id: str


class ExperimentName(msgspec.Struct, frozen=True, kw_only=True):
    """`experiments/get-by-name`."""

    experiment_name: str


class SearchExperiments(msgspec.Struct, frozen=True, kw_only=True):
    """`experiments/search`."""

    max_results: int = 1000
    page_token: str = ""
    filter: str = ""
    order_by: list[str] = []
    view_type: str | int = "ACTIVE_ONLY"


class UpdateExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """`experiments/update`."""

    experiment_id: str
    new_name: str


class ExperimentTag(msgspec.Struct, frozen=True, kw_only=True):
    """`experiments/set-experiment-tag`."""

    experiment_id: str
    key: str
    value: str = ""


class ExperimentTagKey(msgspec.Struct, frozen=True, kw_only=True):
    """`experiments/delete-experiment-tag`."""

    experiment_id: str
    key: str


def _create(call: Call, given: CreateExperiment) -> dict[str, str]:
    made = call.workspace.tracking.create_experiment(
        call.actor, name=given.name, artifact_location=given.artifact_location, tags=tags_of(given.tags)
    )
    return {"experiment_id": made.experiment_id}


def _get(call: Call, given: ExperimentId) -> dict[str, WireExperiment]:
    found = call.workspace.tracking.find_experiment(call.actor, experiment_id=given.experiment_id)
    return {"experiment": experiment_of(found)}


def _get_by_name(call: Call, given: ExperimentName) -> dict[str, WireExperiment]:
    found = call.workspace.tracking.find_experiment(call.actor, name=given.experiment_name)
    return {"experiment": experiment_of(found)}


def _search(call: Call, given: SearchExperiments) -> dict[str, object]:
    page = call.workspace.tracking.search_experiments(
        call.actor,
        filter=given.filter,
        order_by=given.order_by,
        view=view_of(given.view_type),
        max_results=given.max_results,
        page_token=given.page_token,
    )
    answer: dict[str, object] = {"experiments": [experiment_of(each) for each in page.experiments]}
    return {**answer, "next_page_token": page.next_page_token} if page.next_page_token else answer


def _update(call: Call, given: UpdateExperiment) -> None:
    call.workspace.tracking.update_experiment(call.actor, experiment=given.experiment_id, name=given.new_name)


def _delete(call: Call, given: ExperimentId) -> None:
    call.workspace.tracking.delete_experiment(call.actor, experiment=given.experiment_id)


def _restore(call: Call, given: ExperimentId) -> None:
    call.workspace.tracking.restore_experiment(call.actor, experiment=given.experiment_id)


def _set_tag(call: Call, given: ExperimentTag) -> None:
    call.workspace.tracking.update_experiment(call.actor, experiment=given.experiment_id, tags={given.key: given.value})


def _delete_tag(call: Call, given: ExperimentTagKey) -> None:
    call.workspace.tracking.delete_experiment_tag(call.actor, experiment=given.experiment_id, key=given.key)


ROUTES: tuple[Spoken[Any], ...] = (
    Spoken("POST", "/experiments/create", CreateExperiment, _create, Permission.WRITE),
    Spoken("GET", "/experiments/get", ExperimentId, _get, Permission.READ),
    Spoken("GET", "/experiments/get-by-name", ExperimentName, _get_by_name, Permission.READ),
    Spoken("POST", "/experiments/search", SearchExperiments, _search, Permission.READ),
    Spoken("GET", "/experiments/search", SearchExperiments, _search, Permission.READ),
    Spoken("POST", "/experiments/update", UpdateExperiment, _update, Permission.WRITE),
    Spoken("POST", "/experiments/delete", ExperimentId, _delete, Permission.WRITE),
    Spoken("POST", "/experiments/restore", ExperimentId, _restore, Permission.WRITE),
    Spoken("POST", "/experiments/set-experiment-tag", ExperimentTag, _set_tag, Permission.WRITE),
    Spoken("POST", "/experiments/delete-experiment-tag", ExperimentTagKey, _delete_tag, Permission.WRITE),
)
