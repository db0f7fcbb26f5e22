"""`tidemill experiments …`."""

import click

from tidemill.cli.output import client, common, show
from tidemill.client.client import part
from tidemill.tracking.records import Experiment


@click.group()
def experiments() -> None:
    """Work with named groups of runs."""


@experiments.command("create")
@click.argument("name")
@common
def create(name: str) -> None:
    """Create an experiment."""
    with client() as api:
        show(api.post("/api/v1/experiments", Experiment, {"name": name}))


@experiments.command("list")
@common
def list_() -> None:
    """List the experiments, newest first."""
    with client() as api:
        found = api.get("/api/v1/experiments", list[Experiment])
        show(found, columns=["experiment_id", "name", "created_at"], empty="No experiments yet.")


@experiments.command("show")
@click.argument("name")
@common
def show_(name: str) -> None:
    """Show an experiment by its name or id."""
    with client() as api:
        show(api.get(f"/api/v1/experiments/{part(name)}", Experiment))
