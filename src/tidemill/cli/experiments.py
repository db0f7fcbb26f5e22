"""`tidemill experiments …`."""

import click

from tidemill.cli.output import client, common, done, show
from tidemill.cli.runs import pairs, view_of
from tidemill.client.client import part
from tidemill.tracking.records import Experiment, ExperimentPage


@click.group()
def experiments() -> None:
    """Work with named groups of runs."""


@experiments.command("create")
@click.argument("name")
@click.option("--tag", "-t", "tags", multiple=True, metavar="KEY=VALUE", help="A word on the experiment (repeat it).")
@click.option("--artifact-location", default="", help="Where MLflow's clients are told to keep files.")
@common
def create(name: str, tags: tuple[str, ...], artifact_location: str) -> None:
    """Create an experiment."""
    with client() as api:
        body = {"name": name, "tags": pairs(tags), "artifact_location": artifact_location}
        show(api.post("/api/v1/experiments", Experiment, body))


@experiments.command("list")
@click.option("--filter", "text", default="", help="Only those that it lets pass, such as \"name LIKE 'delay%'\".")
@click.option("--order-by", multiple=True, help="Such as 'name ASC' (repeat it).")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The most experiments to show.")
@click.option("--deleted", is_flag=True, help="Those in the trash.")
@common
def list_(text: str, order_by: tuple[str, ...], limit: int, deleted: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """List experiments, newest first."""
    with client() as api:
        page = api.get(
            "/api/v1/experiments",
            ExperimentPage,
            filter=text,
            order_by=order_by,
            max_results=limit,
            view=view_of(deleted=deleted),
        )
        show(page.experiments, columns=["experiment_id", "name", "created_at", "tags"], empty="No experiments here.")


@experiments.command("show")
@click.argument("name")
@common
def show_(name: str) -> None:
    """Show an experiment by its name or id."""
    with client() as api:
        show(api.get(f"/api/v1/experiments/{part(name)}", Experiment))


@experiments.command("update")
@click.argument("experiment")
@click.option("--name", help="Its new name.")
@click.option("--tag", "-t", "tags", multiple=True, metavar="KEY=VALUE", help="On top of the tags that it has.")
@common
def update(experiment: str, name: str | None, tags: tuple[str, ...]) -> None:
    """Rename an experiment, or set tags of it."""
    if name is None and not tags:
        raise click.UsageError("Give --name or --tag.")
    with client() as api:
        show(api.post(_place(experiment, "/update"), Experiment, {"name": name, "tags": pairs(tags)}))


@experiments.command("delete")
@click.argument("experiment")
@common
def delete(experiment: str) -> None:
    """Put an experiment and its runs in the trash."""
    with client() as api:
        api.delete(_place(experiment), type(None))
    done(f"Deleted. Take it back with `tidemill experiments restore {experiment}`.", experiment=experiment)


@experiments.command("restore")
@click.argument("experiment")
@common
def restore(experiment: str) -> None:
    """Take an experiment out of the trash, with the runs that went there with it."""
    with client() as api:
        show(api.post(_place(experiment, "/restore"), Experiment))


@experiments.command("untag")
@click.argument("experiment")
@click.argument("key")
@common
def untag(experiment: str, key: str) -> None:
    """Delete a tag of an experiment."""
    with client() as api:
        api.delete(_place(experiment, "/tags"), type(None), key=key)
    done("Deleted.", experiment=experiment, key=key)


def _place(experiment: str, verb: str = "") -> str:
    return f"/api/v1/experiments/{part(experiment)}{verb}"
