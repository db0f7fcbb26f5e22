"""`tidemill run`, `tidemill why`, and `tidemill pipelines …`."""

from pathlib import Path

import click
import msgspec

from tidemill.cli.following import follow, print_failure
from tidemill.cli.lazy_group import SectionedGroup
from tidemill.cli.output import cell, client, common, show, talk, wants_json
from tidemill.cli.runs import pairs
from tidemill.client.client import part
from tidemill.pipelines.records import (
    PipelineRun,
    Plan,
    Reason,
    RunEvent,
    Scalar,
    SourceSnapshot,
    StepExecution,
    StoredValue,
)
from tidemill.projects.reading import FILE_NAME, read_project
from tidemill.projects.spec import PipelineSpec

_RUNS = "/api/v1/pipelines/runs"
_PARAM = click.option("--param", "-p", "params", multiple=True, metavar="KEY=VALUE", help="A param of the pipeline.")
_FOLDER = click.option(
    "--folder",
    "-f",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="The project's folder.  [default: this one]",
)


@click.command("run")
@click.argument("pipeline", required=False)
@_PARAM
@_FOLDER
@click.option("--experiment", "-e", help="The experiment of the run.")
@click.option("--no-cache", is_flag=True, help="Run every step, whatever earlier runs computed.")
@common
def run(pipeline: str | None, *, params: tuple[str, ...], folder: Path, experiment: str | None, no_cache: bool) -> None:
    """Run PIPELINE, such as pipeline.py:train; that of tidemill.yaml when left out. Exit code 1 when it failed."""
    spec = _spec(pipeline, folder)
    body = {
        "pipeline": spec.run,
        "folder": str(folder.absolute()),
        "params": {**spec.params, **scalars(params)},
        "experiment": spec.experiment if experiment is None else experiment,
        "use_cache": not no_cache,
    }
    with client() as api:
        started = api.post(_RUNS, PipelineRun, body)
        talk(f"{started.pipeline}  run {started.run_id}", bold=True)
        follow(api, started.run_id)


@click.command("why")
@click.argument("run_id", metavar="RUN")
@click.argument("step")
@common
def why(run_id: str, step: str) -> None:
    """Tell why a step ran or came from the cache: what changed since the execution before."""
    with client() as api:
        found = api.get(f"{_RUNS}/{part(run_id)}/steps/{part(step)}/why", Reason)
    if wants_json():
        show(found)
        return
    click.echo(f"{step}: {found.text}")
    for change in found.changes:
        click.echo(f"  {change.part} {change.name}: {cell(change.old)} -> {cell(change.new)}")


_SECTIONS = {
    "Run": ["plan", "run", "resume", "cancel", "snapshot"],
    "Look": ["list", "show", "steps", "why", "events", "log", "output"],
}


@click.group("pipelines", cls=SectionedGroup, sections=_SECTIONS)
def pipelines() -> None:
    """Work with pipelines and their runs."""


pipelines.add_command(run)
pipelines.add_command(why)


@pipelines.command("plan")
@click.argument("pipeline", required=False)
@_PARAM
@_FOLDER
@common
def plan(pipeline: str | None, params: tuple[str, ...], folder: Path) -> None:
    """Show which steps a run would execute, and why."""
    spec = _spec(pipeline, folder)
    body = {
        "pipeline": spec.run,
        "folder": str(folder.absolute()),
        "params": {**spec.params, **scalars(params)},
    }
    with client() as api:
        found = api.post("/api/v1/pipelines/plan", Plan, body)
    if wants_json():
        show(found)
        return
    for ref, label in found.datasets.items():
        click.echo(f"  {ref} is {label}")
    width = max((len(step.name) for step in found.steps), default=0)
    states = {True: ("cached", "green"), False: ("runs", "yellow"), None: ("depends", "cyan")}
    for step in found.steps:
        word, colour = states[step.hit]
        click.echo(f"  {step.name.ljust(width)}  {click.style(word.ljust(7), fg=colour)}  {step.reason.text}")


@pipelines.command("list")
@click.option("--pipeline", default="", help="Only runs of this pipeline.")
@click.option("--status", default="", help="Only runs with this status, such as failed.")
@click.option("--before", default="", metavar="RUN", help="Only runs before this one: the next page.")
@click.option("--limit", default=20, show_default=True, help="The most runs to show.")
@common
def list_(pipeline: str, status: str, before: str, limit: int) -> None:
    """List runs of pipelines, newest first."""
    with client() as api:
        found = api.get(_RUNS, list[PipelineRun], pipeline=pipeline, status=status, before=before, limit=limit)
    columns = ["run_id", "pipeline", "status", "steps", "params", "created_at", "ended_at", "actor"]
    show(found, columns=columns, empty="No runs. Start one with `tidemill run`.")


@pipelines.command("show")
@click.argument("run_id", metavar="RUN")
@common
def show_(run_id: str) -> None:
    """Show the run of a pipeline, and its failure if it has one."""
    with client() as api:
        found = api.get(f"{_RUNS}/{part(run_id)}", PipelineRun)
    if wants_json():
        show(found)
        return
    show(found, columns=[name for name in found.__struct_fields__ if name not in {"result", "failure"}])
    if found.result is not None:
        _show_value(found.result, "result")
    if found.failure is not None:
        print_failure(found.failure)


@pipelines.command("steps")
@click.argument("run_id", metavar="RUN")
@common
def steps(run_id: str) -> None:
    """List what a run did about each step."""
    with client() as api:
        found = api.get(f"{_RUNS}/{part(run_id)}/steps", list[StepExecution])
    if wants_json():
        show(found)
        return
    rows = [
        {
            "step": one.step,
            "status": one.status.value,
            "attempt": one.attempt,
            "seconds": round(one.usage.wall_s, 3),
            "cached_from": one.cached_from,
            "output": one.output.text if one.output else "",
            "failure": one.failure.message if one.failure else "",
        }
        for one in found
    ]
    show(rows, empty="The pipeline has no steps.")


@pipelines.command("events")
@click.argument("run_id", metavar="RUN")
@click.option("--after", default=0, show_default=True, help="Only events after this number.")
@click.option("--limit", default=500, show_default=True, help="The most events to show.")
@common
def events(run_id: str, after: int, limit: int) -> None:
    """List what happened in a run, in order."""
    with client() as api:
        found = api.get(f"{_RUNS}/{part(run_id)}/events", list[RunEvent], after=after, limit=limit)
    show(found, columns=["seq", "at", "kind", "step", "body"], empty="Nothing happened yet.")


@pipelines.command("log")
@click.argument("run_id", metavar="RUN")
@click.argument("step")
@common
def log(run_id: str, step: str) -> None:
    """Write what a step printed."""
    with client() as api:
        text = api.get(f"{_RUNS}/{part(run_id)}/steps/{part(step)}/log", str)
    if wants_json():
        show({"run_id": run_id, "step": step, "text": text})
    elif text:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        talk(f"{step} printed nothing.")


@pipelines.command("output")
@click.argument("run_id", metavar="RUN")
@click.argument("name", default="")
@common
def output(run_id: str, name: str) -> None:
    """Show what a run returned, or the output NAME of it."""
    with client() as api:
        found = api.get(f"{_RUNS}/{part(run_id)}/output", StoredValue, name=name)
    if wants_json():
        show(found)
    else:
        _show_value(found, name or "result")


@pipelines.command("resume")
@click.argument("run_id", metavar="RUN")
@common
def resume(run_id: str) -> None:
    """Let a run go on that failed or was cancelled: finished steps stay finished."""
    with client() as api:
        before = api.get(f"{_RUNS}/{part(run_id)}/events", list[RunEvent], limit=5000)
        api.post(f"{_RUNS}/{part(run_id)}/resume", PipelineRun)
        follow(api, run_id, after=before[-1].seq if before else 0)


@pipelines.command("cancel")
@click.argument("run_id", metavar="RUN")
@common
def cancel(run_id: str) -> None:
    """Ask a run to stop; its steps are killed within seconds."""
    with client() as api:
        found = api.post(f"{_RUNS}/{part(run_id)}/cancel", PipelineRun)
    if wants_json():
        show(found)
    else:
        talk(f"Asked {run_id} to stop. Let it go on with `tidemill pipelines resume {run_id}`.")


@pipelines.command("snapshot")
@_FOLDER
@common
def snapshot(folder: Path) -> None:
    """Store a project's code as it is now."""
    with client() as api:
        body = {"folder": str(folder.absolute())}
        show(api.post("/api/v1/pipelines/snapshots", SourceSnapshot, body))


def scalars(texts: tuple[str, ...]) -> dict[str, Scalar]:
    """Return params: numbers, true, false and null as JSON writes them, everything else as text."""
    return {key: _scalar(text) for key, text in pairs(texts).items()}


def _scalar(text: str) -> Scalar:
    try:
        value: Scalar = msgspec.json.decode(text, type=Scalar)
    except msgspec.MsgspecError:
        return text
    return value


def _spec(pipeline: str | None, folder: Path) -> PipelineSpec:
    """Return the pipeline that was named, or that of the project file with its params and experiment."""
    if pipeline is not None:
        return PipelineSpec(run=pipeline)
    spec = read_project(folder / FILE_NAME).pipeline_spec()
    if spec is None:
        raise click.UsageError(f"{FILE_NAME} names no pipeline; give one, such as pipeline.py:train.")
    return spec


def _show_value(value: StoredValue, name: str) -> None:
    click.echo(f"{name}: {value.codec}, {value.size} bytes{', ' + value.text if value.text else ''}")
    for key, inner in (value.items or {}).items():
        click.echo(f"  {key}: {inner.codec}, {inner.size} bytes{', ' + inner.text if inner.text else ''}")
