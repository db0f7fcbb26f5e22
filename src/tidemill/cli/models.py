"""`tidemill models …`."""

import click

from tidemill.cli import names
from tidemill.cli.lazy_group import SectionedGroup
from tidemill.cli.output import client, common, done, show, wants_json
from tidemill.cli.runs import pairs
from tidemill.client.client import part
from tidemill.models.records import Model, ModelVersion

_COLUMNS = ["number", "aliases", "framework", "kind", "size", "run_id", "created_at", "created_by", "description"]


_SECTIONS = {
    "Names": ["list", "search", "info", "create", "update", "rename", "tag", "untag"],
    "Versions": ["versions", "find", "show", "of-run", "add", "register", "prepare", "describe", "untag-version"],
    "Aliases": ["alias", "unalias", "latest", "stage"],
    "Trash": ["delete", "restore", "delete-version", "restore-version"],
}


@click.group(cls=SectionedGroup, sections=_SECTIONS)
def models() -> None:
    """Work with registered models, their versions and aliases."""


for _command in names.COMMANDS:
    models.add_command(_command)


@models.command("list")
@click.option("--search", default="", help="Only models whose name holds this text.")
@click.option("--deleted", is_flag=True, help="Those in the trash.")
@common
def list_(search: str, deleted: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """List the models."""
    with client() as api:
        found = api.get("/api/v1/models", list[Model], search=search, deleted=deleted)
    columns = ["name", "latest", "aliases", "created_at", "created_by", "description"]
    show(found, columns=columns, empty="No models. Register one with `tidemill models register`.")


@models.command("versions")
@click.argument("name")
@common
def versions(name: str) -> None:
    """List the versions of a model, newest first."""
    with client() as api:
        show(api.get(f"/api/v1/models/{part(name)}/versions", list[ModelVersion]), columns=_COLUMNS)


@models.command("show")
@click.argument("ref")
@common
def show_(ref: str) -> None:
    """Show a version, such as delay, delay@3 or delay@champion."""
    with client() as api:
        _show_version(api.get(f"/api/v1/model-versions/{part(ref)}", ModelVersion))


@models.command("register")
@click.argument("name")
@click.argument("digest")
@click.option("--run", "run_id", help="The run that made it.")
@click.option("--description", default="", help="What is to be known of the version.")
@click.option("--tag", "-t", "tags", multiple=True, metavar="KEY=VALUE", help="A word on the version (repeat it).")
@click.option("--trust", "trusted", multiple=True, metavar="TYPE", help="A type in the model that you vouch for.")
@common
def register(
    name: str, digest: str, *, run_id: str | None, description: str, tags: tuple[str, ...], trusted: tuple[str, ...]
) -> None:
    """Make the stored model folder DIGEST the next version of NAME."""
    body = {
        "tree": digest,
        "run_id": run_id,
        "description": description,
        "tags": pairs(tags),
        "trusted": trusted or None,
    }
    with client() as api:
        _show_version(api.post(f"/api/v1/models/{part(name)}/versions", ModelVersion, body))


@models.command("alias")
@click.argument("name")
@click.argument("alias")
@click.argument("version", type=int)
@common
def alias_(name: str, alias: str, version: int) -> None:
    """Let ALIAS point at a version; it moves when it pointed at another."""
    with client() as api:
        path = f"/api/v1/models/{part(name)}/aliases/{part(alias)}"
        show(api.put(path, ModelVersion, {"version": version}), columns=["model", "number", "aliases"])


@models.command("unalias")
@click.argument("name")
@click.argument("alias")
@common
def unalias(name: str, alias: str) -> None:
    """Remove an alias of a model; the version stays."""
    with client() as api:
        api.delete(f"/api/v1/models/{part(name)}/aliases/{part(alias)}", type(None))
    done(f"Removed {name}@{alias}.", model=name, alias=alias)


@models.command("describe")
@click.argument("ref")
@click.option("--description", help="What is to be known of the version.")
@click.option("--tag", "-t", "tags", multiple=True, metavar="KEY=VALUE", help="On top of the tags that it has.")
@common
def describe(ref: str, description: str | None, tags: tuple[str, ...]) -> None:
    """Say what is to be known of a version."""
    if description is None and not tags:
        raise click.UsageError("Give --description or --tag.")
    with client() as api:
        body = {"description": description, "tags": pairs(tags)}
        _show_version(api.post(f"/api/v1/model-versions/{part(ref)}/describe", ModelVersion, body))


@models.command("prepare")
@click.argument("ref")
@click.option("--trust", "trusted", multiple=True, metavar="TYPE", help="A type in the model that you vouch for.")
@common
def prepare(ref: str, trusted: tuple[str, ...]) -> None:
    """Make a version that MLflow's client logged ready for gates and endpoints.

    This happens by itself at the version's first use; here you see why it cannot, and vouch for types.
    """
    with client() as api:
        path = f"/api/v1/model-versions/{part(ref)}/prepare"
        _show_version(api.post(path, ModelVersion, {"trusted": trusted or None}))


@models.command("of-run")
@click.argument("run_id")
@common
def of_run(run_id: str) -> None:
    """List the versions that a run made, newest first."""
    with client() as api:
        found = api.get(f"/api/v1/runs/{part(run_id)}/models", list[ModelVersion])
    show(found, columns=["model", *_COLUMNS], empty="This run made no registered model.")


@models.command("add")
@click.argument("name")
@click.argument("source")
@click.option("--run", "run_id", help="The run that made it.")
@click.option("--description", default="", help="What is to be known of the version.")
@click.option("--tag", "-t", "tags", multiple=True, metavar="KEY=VALUE", help="A word on the version (repeat it).")
@common
def add(name: str, source: str, *, run_id: str | None, description: str, tags: tuple[str, ...]) -> None:
    """Make what a run logged the next version of NAME.

    SOURCE is runs:/RUN/PATH, models:/m-ID, models:/NAME/VERSION, or a place in a store elsewhere.
    """
    body = {"source": source, "run_id": run_id, "description": description, "tags": pairs(tags)}
    with client() as api:
        _show_version(api.post(f"/api/v1/models/{part(name)}/logged", ModelVersion, body))


def _show_version(version: ModelVersion) -> None:
    if wants_json():
        show(version)
        return
    made = version.preparation
    shown = [name for name in version.__struct_fields__ if name not in {"signature", "preparation"}]
    show(version, columns=shown)
    if made is not None:
        show(made, columns=[name for name in made.__struct_fields__ if name != "signature"])
    signature = made.signature if made else version.signature
    for title, fields in (("takes", signature.inputs), ("gives", signature.outputs)):
        click.secho(f"{title}:", bold=True)
        for field in fields:
            click.echo(f"  {field.name}: {field.type}{'' if field.required else ', may be missing'}")
