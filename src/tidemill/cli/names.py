"""`tidemill models …`: registered names, the trash, and searches."""

from collections.abc import Callable
from typing import TypeVar

import click

from tidemill.cli.output import client, common, show, talk, wants_json
from tidemill.cli.runs import pairs, view_of
from tidemill.client.client import part
from tidemill.models.records import Model, ModelPage, ModelVersion, ModelVersionPage

_NAMES = ["name", "latest", "aliases", "tags", "updated_at", "description"]
_VERSIONS = ["model", "number", "stage", "aliases", "framework", "run_id", "updated_at", "created_by", "description"]
C = TypeVar("C", bound=Callable[..., None])


def _page(function: C) -> C:
    """Add the options of a search."""
    for option in (
        click.option("--page", "page_token", default="", help="The token that the page before ended with."),
        click.option(
            "--limit", "max_results", type=click.IntRange(1), default=100, show_default=True, help="The most to show."
        ),
        click.option("--order-by", multiple=True, help="Such as 'name DESC' (repeat it)."),
        click.option("--deleted", is_flag=True, help="Those in the trash."),
        click.argument("filter_text", metavar="[FILTER]", default=""),
    ):
        function = option(function)
    return function


@click.command("search")
@_page
@common
def search(filter_text: str, *, order_by: tuple[str, ...], max_results: int, page_token: str, deleted: bool) -> None:
    """Search models: name LIKE 'delay%' AND tags.team = 'ops'."""
    with client() as api:
        page = api.post(
            "/api/v1/models/search", ModelPage, _asked(filter_text, order_by, max_results, page_token, deleted=deleted)
        )
    if wants_json():
        show(page)
    else:
        show(page.models, columns=_NAMES, empty="No model is like that.")
        _next(page.next_page_token)


@click.command("find")
@_page
@common
def find(filter_text: str, *, order_by: tuple[str, ...], max_results: int, page_token: str, deleted: bool) -> None:
    """Search the versions of all models: name = 'delay' AND tags.checked = 'yes'."""
    with client() as api:
        page = api.post(
            "/api/v1/model-versions/search",
            ModelVersionPage,
            _asked(filter_text, order_by, max_results, page_token, deleted=deleted),
        )
    if wants_json():
        show(page)
    else:
        show(page.versions, columns=_VERSIONS, empty="No version is like that.")
        _next(page.next_page_token)


@click.command("create")
@click.argument("name")
@click.option("--description", default="", help="What the model is for.")
@click.option("--tag", "-t", "tags", multiple=True, metavar="KEY=VALUE", help="A word on the model (repeat it).")
@common
def create(name: str, *, description: str, tags: tuple[str, ...]) -> None:
    """Register a name before its first version."""
    with client() as api:
        body = {"name": name, "description": description, "tags": pairs(tags)}
        show(api.post("/api/v1/models", Model, body), columns=_NAMES)


@click.command("info")
@click.argument("name")
@common
def info(name: str) -> None:
    """Show a name, with its aliases and tags."""
    with client() as api:
        show(api.get(f"/api/v1/models/{part(name)}", Model), columns=_NAMES)


@click.command("latest")
@click.argument("name")
@click.option("--stage", "stages", multiple=True, help="Only in this stage; may be given several times.")
@common
def latest(name: str, *, stages: tuple[str, ...]) -> None:
    """Show the newest version in each of MLflow's stages."""
    with client() as api:
        found = api.get(f"/api/v1/models/{part(name)}/latest", list[ModelVersion], stages=list(stages) or None)
    show(found, columns=_VERSIONS, empty="No version is in such a stage.")


@click.command("update")
@click.argument("name")
@click.argument("description")
@common
def update(name: str, description: str) -> None:
    """Say what a model is for."""
    with client() as api:
        show(api.post(f"/api/v1/models/{part(name)}", Model, {"description": description}), columns=_NAMES)


@click.command("rename")
@click.argument("name")
@click.argument("new_name")
@common
def rename(name: str, new_name: str) -> None:
    """Give a model another name."""
    with client() as api:
        show(api.post(f"/api/v1/models/{part(name)}/rename", Model, {"new_name": new_name}), columns=_NAMES)


@click.command("tag")
@click.argument("name")
@click.argument("key")
@click.argument("value")
@common
def tag(name: str, key: str, value: str) -> None:
    """Set a tag of a model."""
    with client() as api:
        api.put(f"/api/v1/models/{part(name)}/tags/{part(key)}", type(None), {"value": value})
    talk(f"Set {key} of {name}.")


@click.command("untag")
@click.argument("name")
@click.argument("key")
@common
def untag(name: str, key: str) -> None:
    """Remove a tag of a model."""
    with client() as api:
        api.delete(f"/api/v1/models/{part(name)}/tags/{part(key)}", type(None))
    talk(f"Removed {key} of {name}.")


@click.command("untag-version")
@click.argument("ref")
@click.argument("key")
@common
def untag_version(ref: str, key: str) -> None:
    """Remove a tag of a version."""
    with client() as api:
        api.delete(f"/api/v1/model-versions/{part(ref)}/tags/{part(key)}", type(None))
    talk(f"Removed {key} of {ref}.")


@click.command("stage")
@click.argument("ref")
@click.argument("stage")
@click.option("--archive", is_flag=True, help="Archive the versions that are in that stage now.")
@common
def stage_(ref: str, stage: str, *, archive: bool) -> None:
    """Move a version to one of MLflow's stages; an alias says the same better."""
    with client() as api:
        body = {"stage": stage, "archive_existing": archive}
        show(api.post(f"/api/v1/model-versions/{part(ref)}/stage", ModelVersion, body), columns=_VERSIONS)


@click.command("delete")
@click.argument("name")
@common
def delete(name: str) -> None:
    """Put a model and its versions into the trash."""
    with client() as api:
        api.delete(f"/api/v1/models/{part(name)}", type(None))
    talk(f"{name} is in the trash. Take it out with `tidemill models restore {name}`.")


@click.command("restore")
@click.argument("name")
@common
def restore(name: str) -> None:
    """Take a model and its versions out of the trash."""
    with client() as api:
        show(api.post(f"/api/v1/models/{part(name)}/restore", Model, {}), columns=_NAMES)


@click.command("delete-version")
@click.argument("ref")
@common
def delete_version(ref: str) -> None:
    """Put a version into the trash."""
    with client() as api:
        api.delete(f"/api/v1/model-versions/{part(ref)}", type(None))
    talk(f"{ref} is in the trash. Take it out with `tidemill models restore-version NAME NUMBER`.")


@click.command("restore-version")
@click.argument("name")
@click.argument("number", type=int)
@common
def restore_version(name: str, number: int) -> None:
    """Take a version out of the trash."""
    with client() as api:
        path = f"/api/v1/models/{part(name)}/versions/{number}/restore"
        show(api.post(path, ModelVersion, {}), columns=_VERSIONS)


def _asked(
    filter_text: str, order_by: tuple[str, ...], max_results: int, page_token: str, *, deleted: bool
) -> dict[str, object]:
    return {
        "filter": filter_text,
        "order_by": order_by,
        "view": view_of(deleted=deleted),
        "max_results": max_results,
        "page_token": page_token,
    }


def _next(token: str) -> None:
    if token:
        talk(f"There is more: --page {token}")


COMMANDS = (
    search,
    find,
    create,
    info,
    latest,
    update,
    rename,
    tag,
    untag,
    untag_version,
    stage_,
    delete,
    restore,
    delete_version,
    restore_version,
)
