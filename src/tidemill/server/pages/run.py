"""One run: what it was told, measured, used and made; its steps and why each ran or did not."""

from dataclasses import dataclass

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import NotFound, TidemillError
from tidemill.pipelines.records import PipelineRun, StepExecution, StepStatus
from tidemill.server.pages import words
from tidemill.server.pages.addresses import link_to
from tidemill.server.pages.charts.figure import Frame
from tidemill.server.pages.charts.lines import Line, line_chart
from tidemill.server.pages.curves import curve
from tidemill.server.pages.lineage import short_lineage
from tidemill.server.pages.previews import preview_of
from tidemill.server.pages.shell import page, render
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute
from tidemill.tracking.records import Input, Run, RunStatus

_MOST_CHARTS = 12
_MOST_LOG = 200_000


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a step."""

    name: str
    state: str
    tone: str
    running: bool
    why: str
    from_run: str
    took: float | None
    cpu: float | None
    memory: int | None
    output: str
    log: str


@dataclass(frozen=True, slots=True)
class Used:
    """Something that the run used."""

    link: Markup
    context: str


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of this page."""
    tracking = workspace.tracking

    def show(request: Request, actor: Actor) -> Response:
        run = tracking.get_run(actor, run_id=request.path_params["run_id"])
        artifacts = tracking.list_artifacts(actor, run_id=run.run_id)
        pipeline, steps = _steps(workspace, actor, run)
        wanted = request.query_params.get("artifact")
        status = run.status.value.lower()
        values = {
            "here": "runs",
            "title": run.name,
            "run": run,
            "experiment": _experiment(workspace, actor, run),
            "status": status,
            "tone": tone_of(status),
            "running": run.status is RunStatus.RUNNING,
            "failure": pipeline.failure if pipeline else None,
            "latest": [(key, words.number(value), "") for key, value in sorted(run.metrics.items())],
            "charts": _charts(workspace, actor, run),
            "steps": steps,
            "inputs": [Used(link_to(each.ref, _name(workspace, actor, each)), each.context) for each in run.inputs],
            "artifacts": artifacts,
            "artifacts_size": sum(each.size for each in artifacts),
            "preview": preview_of(workspace, actor, run.run_id, wanted, artifacts) if wanted else None,
            "lineage": short_lineage(workspace, actor, f"run:{run.run_id}"),
        }
        return render(request, "run.html", values)

    return [page("/runs/{run_id}", show)]


def _experiment(workspace: Workspace, actor: Actor, run: Run) -> str:
    return workspace.tracking.get_experiment(actor, name=run.experiment_id).name


def _charts(workspace: Workspace, actor: Actor, run: Run) -> list[Markup]:
    charts = []
    for key in sorted(run.metrics)[:_MOST_CHARTS]:
        points = workspace.tracking.metric_points(actor, run_id=run.run_id, key=key)
        if len(points) > 1:
            told = f"{key} from {words.number(points[0].value)} to {words.number(points[-1].value)}."
            charts.append(line_chart(Frame(key, told), [Line(key, curve(points))]))
    return charts


def _name(workspace: Workspace, actor: Actor, used: Input) -> str:
    return used.dataset.name if used.dataset else input_name(workspace, actor, used.ref)


def input_name(workspace: Workspace, actor: Actor, ref: str) -> str:
    """Return how a person calls an input, such as `flights@2`."""
    kind, _, identifier = ref.partition(":")
    if kind != "dataset_version":
        return ""
    try:
        return workspace.data.get(actor, ref=identifier).ref
    except NotFound:
        return ""


def _steps(workspace: Workspace, actor: Actor, run: Run) -> tuple[PipelineRun | None, list[Step]]:
    """Return what the pipeline says of the run; nothing when no pipeline made it."""
    pipelines = workspace.pipelines
    try:
        found = pipelines.get(actor, run_id=run.run_id)
    except NotFound:
        return None, []
    executions = pipelines.steps(actor, run_id=run.run_id)
    return found, [_step(workspace, actor, each) for each in executions]


def _step(workspace: Workspace, actor: Actor, each: StepExecution) -> Step:
    took = (each.ended_at - each.started_at).total_seconds() if each.started_at and each.ended_at else None
    has_run = each.status is not StepStatus.CACHED
    return Step(
        name=each.step,
        state="cache hit" if each.status is StepStatus.CACHED else each.status.value,
        tone=tone_of(each.status.value),
        running=each.status is StepStatus.RUNNING,
        why=_why(workspace, actor, each),
        from_run=each.cached_from,
        took=each.usage.wall_s or took if has_run else None,
        cpu=each.usage.cpu_s if has_run and each.usage.cpu_s else None,
        memory=each.usage.memory_bytes or None,
        output=each.output.text if each.output else "",
        log=_log(workspace, actor, each),
    )


def _why(workspace: Workspace, actor: Actor, each: StepExecution) -> str:
    if each.failure:
        return each.failure.message
    try:
        return workspace.pipelines.why(actor, run_id=each.run_id, step=each.step).text
    except TidemillError:
        return ""


def _log(workspace: Workspace, actor: Actor, each: StepExecution) -> str:
    if each.log is None:
        return ""
    text = workspace.pipelines.log(actor, run_id=each.run_id, step=each.step)
    return text if len(text) <= _MOST_LOG else f"… the last {_MOST_LOG} characters:\n{text[-_MOST_LOG:]}"
