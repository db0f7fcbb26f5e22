"""`tidemill logged-models …`."""

import click

from tidemill.cli.output import client, common, done, show
from tidemill.cli.runs import pairs
from tidemill.client.client import part
from tidemill.tracking.records import Artifact, LoggedModel, LoggedModelPage

_COLUMNS = ["model_id", "name", "status", "experiment_id", "source_run_id", "created_at"]


@click.group("logged-models")
def logged_models() -> None:
    """Work with models that a run's code kept, registered or not."""


@logged_models.command("list")
@click.option("--experiment", "-e", "experiments", multiple=True, help="Only models of this experiment (repeat it).")
@click.option("--filter", "text", default="", help="Only models that it lets pass, such as \"name = 'delay'\".")
@click.option("--order-by", multiple=True, help="Such as 'metrics.auc DESC' (repeat it).")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The most models to show.")
@common
def list_(experiments: tuple[str, ...], text: str, order_by: tuple[str, ...], limit: int) -> None:
    """List logged models, newest first."""
    body = {
        "experiment_ids": list(experiments),
        "filter": text,
        "order_by": list(order_by),
        "max_results": limit,
    }
    with client() as api:
        page = api.post("/api/v1/logged-models/search", LoggedModelPage, body)
        show(page.models, columns=_COLUMNS, empty="No logged models here.")


@logged_models.command("show")
@click.argument("model_id")
@common
def show_(model_id: str) -> None:
    """Show a logged model."""
    with client() as api:
        show(api.get(_place(model_id), LoggedModel))


@logged_models.command("create")
@click.option("--experiment", "-e", default="Default", show_default=True)
@click.option("--name", default="")
@click.option("--run", "run_id", default="", help="The run that made it.")
@click.option("--type", "model_type", default="", help="What the code calls its kind.")
@click.option("--param", "-p", "params", multiple=True, metavar="KEY=VALUE")
@click.option("--tag", "-t", "tags", multiple=True, metavar="KEY=VALUE", help="A word on the logged model (repeat it).")
@common
def create(
    experiment: str, name: str, run_id: str, model_type: str, params: tuple[str, ...], tags: tuple[str, ...]
) -> None:
    """Begin a logged model: its files follow, then `finalize`."""
    body = {
        "experiment_id": experiment,
        "name": name,
        "source_run_id": run_id,
        "model_type": model_type,
        "params": pairs(params),
        "tags": pairs(tags),
    }
    with client() as api:
        show(api.post("/api/v1/logged-models", LoggedModel, body))


@logged_models.command("finalize")
@click.argument("model_id")
@click.option("--status", default="READY", show_default=True, help="READY or FAILED.")
@click.option("--message", default="", help="What is to be known of that.")
@common
def finalize(model_id: str, status: str, message: str) -> None:
    """Say that a logged model is whole, or that it failed."""
    with client() as api:
        body = {"status": status, "status_message": message}
        show(api.post(f"{_place(model_id)}/finalize", LoggedModel, body), columns=_COLUMNS)


@logged_models.command("tag")
@click.argument("model_id")
@click.argument("tags", nargs=-1, required=True, metavar="KEY=VALUE...")
@common
def tag(model_id: str, tags: tuple[str, ...]) -> None:
    """Set tags of a logged model."""
    with client() as api:
        show(api.post(f"{_place(model_id)}/tags", LoggedModel, {"tags": pairs(tags)}))


@logged_models.command("untag")
@click.argument("model_id")
@click.argument("key")
@common
def untag(model_id: str, key: str) -> None:
    """Delete a tag of a logged model."""
    with client() as api:
        api.delete(f"{_place(model_id)}/tags", type(None), key=key)
    done("Deleted.", model_id=model_id, key=key)


@logged_models.command("params")
@click.argument("model_id")
@click.argument("params", nargs=-1, required=True, metavar="KEY=VALUE...")
@common
def params_(model_id: str, params: tuple[str, ...]) -> None:
    """Say what a logged model was made with."""
    with client() as api:
        api.post(f"{_place(model_id)}/params", type(None), {"params": pairs(params)})
    done("Logged.", model_id=model_id)


@logged_models.command("artifacts")
@click.argument("model_id")
@click.option("--path", default="", help="Only what is at or below this path.")
@common
def artifacts(model_id: str, path: str) -> None:
    """List the files of a logged model."""
    with client() as api:
        show(api.get(f"{_place(model_id)}/artifacts", list[Artifact], path=path), empty="This model has no files.")


@logged_models.command("restore")
@click.argument("model_id")
@common
def restore(model_id: str) -> None:
    """Take a logged model out of the trash."""
    with client() as api:
        show(api.post(f"{_place(model_id)}/restore", LoggedModel), columns=_COLUMNS)


@logged_models.command("delete")
@click.argument("model_id")
@common
def delete(model_id: str) -> None:
    """Delete a logged model; what was registered from it stays."""
    with client() as api:
        api.delete(_place(model_id), type(None))
    done("Deleted.", model_id=model_id)


def _place(model_id: str) -> str:
    return f"/api/v1/logged-models/{part(model_id)}"
