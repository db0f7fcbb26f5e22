"""`tidemill runs …`."""

from pathlib import Path

import click

from tidemill.cli.lazy_group import SectionedGroup
from tidemill.cli.output import client, common, done, show, talk, wants_json
from tidemill.client.client import part
from tidemill.tracking.numbers import said
from tidemill.tracking.records import (
    Artifact,
    MetricHistory,
    MetricPage,
    Run,
    RunCount,
    RunGroup,
    RunKeys,
    RunPage,
    RunStatus,
    View,
)

_COLUMNS = ["run_id", "name", "status", "start_time", "metrics"]


_SECTIONS = {
    "Look": ["list", "show", "count", "groups", "keys", "metric", "metrics", "artifacts"],
    "Log": ["create", "log", "attach", "input", "dataset", "output", "end", "restart"],
    "Keep tidy": ["update", "untag", "delete", "restore"],
}


@click.group(cls=SectionedGroup, sections=_SECTIONS)
def runs() -> None:
    """Work with executions: their params, metrics and artifacts."""


@runs.command("list")
@click.option("--experiment", "-e", "experiments", multiple=True, help="Only runs of this experiment (repeat it).")
@click.option("--filter", "text", default="", help="Only runs that it lets pass, such as 'metrics.auc > 0.9'.")
@click.option("--order-by", multiple=True, help="Such as 'metrics.auc DESC' (repeat it).")
@click.option(
    "--status",
    type=click.Choice([status.value for status in RunStatus], case_sensitive=False),
    help="Only runs with this status.",
)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The most runs to show.")
@click.option("--deleted", is_flag=True, help="The runs in the trash.")
@common
def list_(
    experiments: tuple[str, ...],
    text: str,
    order_by: tuple[str, ...],
    status: str | None,
    limit: int,
    deleted: bool,  # noqa: FBT001 - a flag of the command line
) -> None:
    """List runs, newest first."""
    body = {
        "experiments": list(experiments),
        "filter": text,
        "order_by": list(order_by),
        "status": status,
        "max_results": limit,
        "view": view_of(deleted=deleted),
    }
    with client() as api:
        page = api.post("/api/v1/runs/search", RunPage, body)
        show(page.runs, columns=_COLUMNS, empty="No runs here. Start one with `tidemill run`.")


@runs.command("count")
@click.option("--experiment", "-e", "experiments", multiple=True, help="Only runs of this experiment (repeat it).")
@click.option("--filter", "text", default="", help="Only runs that it lets pass, such as 'metrics.auc > 0.9'.")
@click.option("--deleted", is_flag=True, help="The runs in the trash.")
@common
def count(experiments: tuple[str, ...], text: str, deleted: bool) -> None:  # noqa: FBT001 - a flag
    """Say how many runs there are."""
    body = {"experiments": list(experiments), "filter": text, "view": view_of(deleted=deleted)}
    with client() as api:
        show(api.post("/api/v1/runs/count", RunCount, body))


@runs.command("groups")
@click.argument("by")
@click.option("--experiment", "-e", "experiments", multiple=True, help="Only runs of this experiment (repeat it).")
@click.option("--filter", "text", default="", help="Only runs that it lets pass, such as 'metrics.auc > 0.9'.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The most groups to show.")
@common
def groups(by: str, experiments: tuple[str, ...], text: str, limit: int) -> None:
    """Count runs by a tag or param, such as tags.team."""
    body = {"by": by, "experiments": list(experiments), "filter": text, "max_results": limit}
    with client() as api:
        found = api.post("/api/v1/runs/groups", list[RunGroup], body)
        show(found, columns=["value", "count"], empty=f"No run has {by}.")


@runs.command("keys")
@click.option(
    "--limit", type=click.IntRange(1), default=200, show_default=True, help="The most keys of each kind to show."
)
@common
def keys(limit: int) -> None:
    """Show the keys of metrics, params and tags."""
    with client() as api:
        show(api.get("/api/v1/run-keys", RunKeys, max_results=limit))


@runs.command("show")
@click.argument("run_id")
@common
def show_(run_id: str) -> None:
    """Show a run."""
    with client() as api:
        show(api.get(f"/api/v1/runs/{part(run_id)}", Run))


@runs.command("create")
@click.option("--experiment", "-e", default="Default", show_default=True, help="The experiment of the run.")
@click.option("--name", default="", help="What to call it; one is made up when left out.")
@click.option("--param", "-p", "params", multiple=True, metavar="KEY=VALUE", help="A setting of the run (repeat it).")
@click.option("--tag", "-t", "tags", multiple=True, metavar="KEY=VALUE", help="A word on the run (repeat it).")
@common
def create(experiment: str, name: str, params: tuple[str, ...], tags: tuple[str, ...]) -> None:
    """Start a run that you log to yourself."""
    with client() as api:
        body = {"experiment": experiment, "name": name, "params": pairs(params), "tags": pairs(tags)}
        show(api.post("/api/v1/runs", Run, body))


@runs.command("log")
@click.argument("run_id")
@click.option("--metric", "-m", "metrics", multiple=True, metavar="KEY=NUMBER", help="A measured value (repeat it).")
@click.option("--step", default=0, show_default=True, help="The step that the metrics were measured at.")
@click.option("--param", "-p", "params", multiple=True, metavar="KEY=VALUE", help="A setting of the run (repeat it).")
@click.option("--tag", "-t", "tags", multiple=True, metavar="KEY=VALUE", help="A word on the run (repeat it).")
@common
def log(run_id: str, metrics: tuple[str, ...], step: int, params: tuple[str, ...], tags: tuple[str, ...]) -> None:
    """Log metrics, params and tags of a run."""
    points = [{"key": key, "value": said(number(text, key)), "step": step} for key, text in pairs(metrics).items()]
    with client() as api:
        body = {"metrics": points, "params": pairs(params), "tags": pairs(tags)}
        api.post(f"/api/v1/runs/{part(run_id)}/log", type(None), body)
    done("Logged.", run_id=run_id)


@runs.command("end")
@click.argument("run_id")
@click.option(
    "--status",
    type=click.Choice(["FINISHED", "FAILED", "KILLED"], case_sensitive=False),
    default="FINISHED",
    show_default=True,
    help="How it ended.",
)
@common
def end(run_id: str, status: str) -> None:
    """End a run."""
    with client() as api:
        show(api.post(f"/api/v1/runs/{part(run_id)}/end", Run, {"status": status}), columns=_COLUMNS)


@runs.command("restart")
@click.argument("run_id")
@common
def restart(run_id: str) -> None:
    """Let a run go on that had ended."""
    with client() as api:
        show(api.post(f"/api/v1/runs/{part(run_id)}/restart", Run), columns=_COLUMNS)


@runs.command("delete")
@click.argument("run_id")
@common
def delete(run_id: str) -> None:
    """Put a run in the trash."""
    with client() as api:
        api.delete(f"/api/v1/runs/{part(run_id)}", type(None))
    done(f"Deleted. Take it back with `tidemill runs restore {run_id}`.", run_id=run_id)


@runs.command("restore")
@click.argument("run_id")
@common
def restore(run_id: str) -> None:
    """Take a run out of the trash."""
    with client() as api:
        api.post(f"/api/v1/runs/{part(run_id)}/restore", type(None))
    done("Restored.", run_id=run_id)


@runs.command("input")
@click.argument("run_id")
@click.argument("ref")
@click.option("--context", default="", help="What it was used for, such as training.")
@common
def input_(run_id: str, ref: str, context: str) -> None:
    """Record that a run used REF, such as dataset_version:ID."""
    with client() as api:
        api.post(f"/api/v1/runs/{part(run_id)}/inputs", type(None), {"ref": ref, "context": context})
    done("Recorded.", run_id=run_id, ref=ref)


@runs.command("update")
@click.argument("run_id")
@click.option("--name", help="Its new name.")
@click.option("--status", help="RUNNING, SCHEDULED, FINISHED, FAILED or KILLED.")
@common
def update(run_id: str, name: str | None, status: str | None) -> None:
    """Rename a run, or say where it stands."""
    if name is None and status is None:
        raise click.UsageError("Give --name or --status.")
    with client() as api:
        body = {"name": name, "status": status}
        show(api.post(f"/api/v1/runs/{part(run_id)}/update", Run, body), columns=_COLUMNS)


@runs.command("untag")
@click.argument("run_id")
@click.argument("key")
@common
def untag(run_id: str, key: str) -> None:
    """Delete a tag of a run."""
    with client() as api:
        api.delete(f"/api/v1/runs/{part(run_id)}/tags", type(None), key=key)
    done("Deleted.", run_id=run_id, key=key)


@runs.command("dataset")
@click.argument("run_id")
@click.argument("name")
@click.argument("digest")
@click.option("--source", default="", help="Where it is from; `tidemill:flights@3` names a version here.")
@click.option("--source-type", default="", help="What kind of source that is.")
@click.option("--context", default="", help="What it was used for, such as training.")
@common
def dataset(run_id: str, name: str, digest: str, source: str, source_type: str, context: str) -> None:
    """Record that a run used a dataset, by what its code calls it."""
    described = {"name": name, "digest": digest, "source": source, "source_type": source_type, "context": context}
    with client() as api:
        api.post(f"/api/v1/runs/{part(run_id)}/datasets", type(None), {"datasets": [described]})
    done("Recorded.", run_id=run_id, dataset=name)


@runs.command("output")
@click.argument("run_id")
@click.argument("model_id")
@click.option("--step", default=0, show_default=True, help="The step that the model was made at.")
@common
def output(run_id: str, model_id: str, step: int) -> None:
    """Record that a run made a logged model."""
    with client() as api:
        body = {"outputs": [{"model_id": model_id, "step": step}]}
        api.post(f"/api/v1/runs/{part(run_id)}/outputs", type(None), body)
    done("Recorded.", run_id=run_id, model_id=model_id)


@runs.command("metric")
@click.argument("run_id")
@click.argument("key")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="The most points to show.")
@common
def metric(run_id: str, key: str, limit: int) -> None:
    """Show the history of a metric."""
    with client() as api:
        page = api.get(f"/api/v1/runs/{part(run_id)}/metrics", MetricPage, key=key, max_results=limit)
        points = [
            {"key": each.key, "value": said(each.value), "step": each.step, "timestamp": each.timestamp}
            for each in page.metrics
        ]
        show(points, empty=f"No metric {key}.")
    if page.next_page_token:
        talk("There are more points: raise --limit.")


@runs.command("metrics")
@click.argument("key")
@click.argument("run_ids", nargs=-1, required=True)
@click.option("--points", default=20, show_default=True, help="About how many points of each run.")
@common
def metrics_(key: str, run_ids: tuple[str, ...], points: int) -> None:
    """Show a metric of several runs."""
    with client() as api:
        found = api.get("/api/v1/metrics", list[MetricHistory], key=key, run_ids=run_ids, max_points=points)
    if wants_json():
        show(found)
        return
    rows = [
        {"run_id": history.run_id, "step": each.step, "value": each.value}
        for history in found
        for each in history.points
    ]
    show(rows, empty=f"None of these runs has a metric {key}.")


@runs.command("artifacts")
@click.argument("run_id")
@click.option("--path", default="", help="Only what is at or below this path.")
@common
def artifacts(run_id: str, path: str) -> None:
    """List what a run produced."""
    with client() as api:
        found = api.get(f"/api/v1/runs/{part(run_id)}/artifacts", list[Artifact], path=path)
        show(found, empty="This run has no artifacts.")


@runs.command("attach")
@click.argument("run_id")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--path", default="", help="Its path in the run; the file's name when left out.")
@common
def attach(run_id: str, file: Path, path: str) -> None:
    """Keep FILE as an artifact of a run."""
    with client() as api:
        digest = api.upload(file.read_bytes())
        body = {"path": path or file.name, "digest": digest}
        show(api.post(f"/api/v1/runs/{part(run_id)}/artifacts", Artifact, body))


def view_of(*, deleted: bool) -> View:
    """Return what a list is to see."""
    return "deleted" if deleted else "active"


def pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """Return what several KEY=VALUE texts say."""
    for text in texts:
        if "=" not in text:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE")
    return dict(text.partition("=")[::2] for text in texts)


def number(text: str, key: str) -> float:
    """Return the number that a text holds."""
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"{key} is {text!r}, not a number") from None
