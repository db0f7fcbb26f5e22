"""`tidemill init`, `plan`, `apply`, `deliver`, and `tidemill projects …`, `tidemill deliveries …`."""

import shlex
import time
from pathlib import Path

import click

from tidemill.cli.following import leaving
from tidemill.cli.output import FAILED, client, common, fail_with, show, talk, wants_json
from tidemill.cli.pipelines import scalars
from tidemill.cli.shared import json_option
from tidemill.client import Client
from tidemill.client.client import part
from tidemill.core.lazy import load
from tidemill.delivery.records import GateReport, GateStatus
from tidemill.projects.reading import FILE_NAME, parse_project, read_project
from tidemill.projects.records import Delivery, DeliveryState, Plan, Project

_LOOK_S = 0.2
_FOLDER = click.option(
    "--folder",
    "-f",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="The project's folder.  [default: this one]",
)


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="A CSV or Parquet file."
)
@click.option("--label", required=True, help="The column that the model is to predict.")
@click.option("--time", help="The column that says when a row happened; found when left out.")
@click.option("--key", help="The column that names a row; found when left out.")
@json_option
def init(folder: Path, data: Path, label: str, time: str | None, key: str | None) -> None:
    """Write a small working project in FOLDER for a table of your own."""
    made = load("tidemill.cli.starting").start_project(folder, data, label=label, time=time, key=key)
    if wants_json():
        show({"folder": made.folder, "files": dict(made.files)})
        return
    talk(f"Wrote {made.folder}/:", bold=True)
    for name, what in made.files:
        talk(f"  {name.ljust(14)} {what}")
    talk("Next:", bold=True)
    talk(f"  cd {shlex.quote(str(folder))}   and look at tidemill.yaml")
    talk("  tidemill up     in another terminal: the server, its pages and the endpoint")
    talk("  tidemill apply  ingest, train, judge, deploy")


@click.command("plan")
@_FOLDER
@common
def plan(folder: Path) -> None:
    """Show what applying the project file would change."""
    text = _text(folder)
    with client() as api:
        found = api.post("/api/v1/projects/plan", Plan, {"text": text, "folder": str(folder.absolute())})
    if wants_json():
        show(found)
    else:
        print_plan(found)


@click.command("apply")
@_FOLDER
@click.option("--deliver/--no-deliver", default=True, help="Go round the loop at once: ingest, run, judge, deploy.")
@common
def apply(folder: Path, deliver: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Make the project file the one in force, and deliver by it."""
    text = _text(folder)
    place = str(folder.absolute())
    with client() as api:
        planned = api.post("/api/v1/projects/plan", Plan, {"text": text, "folder": place})
        if not wants_json():
            print_plan(planned)
        project = api.post("/api/v1/projects/apply", Project, {"text": text, "folder": place})
        talk(f"Applied {project.name}, revision {project.revision}.", bold=True)
        if not deliver or parse_project(text.encode()).pipeline is None:
            if wants_json():
                show(project)
            return
        started = api.post(f"/api/v1/projects/{part(project.name)}/deliveries", Delivery, {"cause": "apply"})
        follow(api, started.id)


@click.command("deliver")
@click.argument("project", required=False)
@click.option("--param", "-p", "params", multiple=True, metavar="KEY=VALUE", help="A param of the pipeline.")
@_FOLDER
@common
def deliver(project: str | None, params: tuple[str, ...], folder: Path) -> None:
    """Go round the loop once more: ingest, run, register, judge, deploy."""
    name = project or read_project(folder / FILE_NAME).project
    given = scalars(params)
    with client() as api:
        path = f"/api/v1/projects/{part(name)}/deliveries"
        follow(api, api.post(path, Delivery, {"params": given}).id)


@click.group("projects")
def projects() -> None:
    """Work with project files that were applied."""


@projects.command("list")
@common
def list_projects() -> None:
    """List the projects."""
    with client() as api:
        found = api.get("/api/v1/projects", list[Project])
        show(found, columns=["name", "revision", "applied_at", "applied_by", "folder"], empty="No projects yet.")


@projects.command("show")
@click.argument("name")
@common
def show_project(name: str) -> None:
    """Show a project file as it was applied."""
    with client() as api:
        found = api.get(f"/api/v1/projects/{part(name)}", Project)
    if wants_json():
        show(found)
    else:
        click.echo(found.text, nl=not found.text.endswith("\n"))


@click.group("deliveries")
def deliveries() -> None:
    """Work with the ways round the loop."""


@deliveries.command("list")
@click.option("--project", default="", help="Only those of this project.")
@click.option("--limit", default=20, show_default=True, help="The most deliveries to show.")
@common
def list_deliveries(project: str, limit: int) -> None:
    """List deliveries, newest first."""
    with client() as api:
        found = api.get("/api/v1/deliveries", list[Delivery], project=project, limit=limit)
        columns = ["id", "project", "cause", "state", "model", "started_at", "reason"]
        show(found, columns=columns, empty="No deliveries yet. Start one with `tidemill apply`.")


@deliveries.command("show")
@click.argument("delivery")
@common
def show_delivery(delivery: str) -> None:
    """Show all that happened in a delivery."""
    with client() as api:
        found = api.get(f"/api/v1/deliveries/{part(delivery)}", Delivery)
    if wants_json():
        show(found)
        return
    show(found, columns=["id", "project", "revision", "cause", "state", "reason", "run_id", "model", "gate_report"])
    for event in found.events:
        click.echo(f"  {event.at.astimezone():%H:%M:%S}  {event.act.ljust(10)}  {event.message}")


@deliveries.command("resume")
@click.argument("delivery")
@common
def resume(delivery: str) -> None:
    """Follow a delivery that waits for a person; without a server it goes on only while a command follows it."""
    with client() as api:
        found = api.post(f"/api/v1/deliveries/{part(delivery)}/resume", Delivery)
        if found.ended_at is None:
            follow(api, delivery)
        else:
            _tell_ended(found)


def follow(api: Client, identifier: str) -> None:
    """Tell what a delivery does until it ends or waits for a person; exit 1 when it was refused or failed."""
    with leaving(f"`tidemill deliveries show {identifier}` says how it goes."):
        found = _watched(api, identifier)
    if wants_json():
        show(found)
    if found.state in {DeliveryState.REFUSED, DeliveryState.FAILED}:
        talk(f"{found.state.value}: {found.reason}", bold=True)
        fail_with(FAILED)
    if found.state is DeliveryState.WAITING:
        talk(
            f"It goes on when somebody says `tidemill gates approve {found.gate_report}` or `… reject …`; "
            f"without a server, follow it then with `tidemill deliveries resume {found.id}`."
        )


def _watched(api: Client, identifier: str) -> Delivery:
    """Tell what happens in a delivery as it happens, and return it once it is over or waits for a person."""
    told = 0
    while True:
        found = api.get(f"/api/v1/deliveries/{part(identifier)}", Delivery)
        for event in found.events[told:]:
            talk(f"  {event.act.ljust(10)} {event.message}")
        told = len(found.events)
        if found.state is not DeliveryState.RUNNING and not _goes_on(api, found):
            return found
        time.sleep(_LOOK_S)


def _tell_ended(delivery: Delivery) -> None:
    """Say that there is nothing to go on with, and end with exit code 1."""
    if wants_json():
        show(delivery)
    talk(f"{delivery.id} ended before: {delivery.state.value}{', ' if delivery.reason else ''}{delivery.reason}")
    talk(f"`tidemill deliveries show {delivery.id}` tells its story; `tidemill deliver {delivery.project}` starts one.")
    fail_with(FAILED)


def _goes_on(api: Client, delivery: Delivery) -> bool:
    """Return whether a person has decided what a delivery waits for, so that it goes on in a moment."""
    if delivery.state is not DeliveryState.WAITING or delivery.gate_report is None:
        return False
    report = api.get(f"/api/v1/gate-reports/{part(delivery.gate_report)}", GateReport)
    return report.status is not GateStatus.WAITING


def print_plan(plan: Plan) -> None:
    """Write a plan as a diff that a person reads."""
    if not plan.changes and not plan.source_changed:
        talk(f"{plan.project}: nothing would change.")
        return
    talk(f"{plan.project}: {len(plan.changes)} change{'s' if len(plan.changes) != 1 else ''}", bold=True)
    signs = {"add": ("+", "green"), "remove": ("-", "red"), "change": ("~", "yellow")}
    for change in plan.changes:
        sign, colour = signs[change.action]
        value = f"{change.before} -> {change.after}" if change.action == "change" else change.after or change.before
        click.secho(f"  {sign} {change.path}: {value}", fg=colour)
    if plan.source_changed:
        click.secho("  ~ code: the project's files changed", fg="yellow")


def _text(folder: Path) -> str:
    read_project(folder / FILE_NAME)
    return (folder / FILE_NAME).read_text()
