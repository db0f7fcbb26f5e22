"""One run: what it was told, measured, used and made; its steps and why each ran or did not."""

from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission
from tidemill.core.errors import NotFound, TidemillError
from tidemill.pipelines.records import PipelineRun, StepExecution, StepStatus
from tidemill.server.pages import words
from tidemill.server.pages.addresses import link_to
from tidemill.server.pages.charts.figure import Frame
from tidemill.server.pages.charts.lines import line_chart
from tidemill.server.pages.curves import WAYS, Look, drawn, read_look
from tidemill.server.pages.editing import NOTE, Fault, Verbs, described, editing, render_about
from tidemill.server.pages.lineage import short_lineage
from tidemill.server.pages.previews import preview_of
from tidemill.server.pages.run_query import PARENT, Asked, written
from tidemill.server.pages.shell import back_to, page
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute
from tidemill.tracking.records import Input, Run, RunStatus

_CHARTS_SHOWN, _MOST_CHARTS = 12, 200
_MOST_POINTS = 800
_MOST_FILES = 1000
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

    def show(request: Request, actor: Actor, fault: Fault | None = None) -> Response:
        run = tracking.get_run(actor, run_id=request.path_params["run_id"])
        artifacts = tracking.list_artifacts(actor, run_id=run.run_id)
        pipeline, steps = _steps(workspace, actor, run)
        wanted = request.query_params.get("artifact")
        look, is_whole = read_look(request.query_params.get), request.query_params.get("charts") == "all"
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
            "charts": _charts(workspace, actor, run, look, _MOST_CHARTS if is_whole else _CHARTS_SHOWN),
            "look": look,
            "ways": list(WAYS.items()),
            "is_many": len(run.metrics) > _CHARTS_SHOWN,
            "is_whole": is_whole,
            "pipeline": pipeline,
            "steps": steps,
            "inputs": [Used(link_to(each.ref, _name(workspace, actor, each)), each.context) for each in run.inputs],
            "outputs": [_made(workspace, actor, each.model_id) for each in run.outputs],
            "nested": _nested(workspace, actor, run),
            "nested_url": Asked(group="parent", within=f"={run.run_id}").address(),
            "parent": run.tags.get(PARENT, ""),
            "artifacts": artifacts[:_MOST_FILES],
            "artifacts_count": len(artifacts),
            "artifacts_size": sum(each.size for each in artifacts),
            "preview": preview_of(workspace, actor, f"run:{run.run_id}", wanted) if wanted else None,
            "lineage": short_lineage(workspace, actor, f"run:{run.run_id}"),
        }
        about = described(place(request), run.tags, fault, is_fixed=run.lifecycle_stage != "active")
        return render_about(request, "run.html", values, about)

    def place(request: Request) -> str:
        return f"/runs/{quote(request.path_params['run_id'], safe='')}"

    def delete(request: Request, actor: Actor) -> Response:
        run_id = request.path_params["run_id"]
        tracking.delete_run(actor, run_id=run_id)
        return back_to(f"/runs/{run_id}?said=Moved+to+the+trash.")

    def restore(request: Request, actor: Actor) -> Response:
        run_id = request.path_params["run_id"]
        tracking.restore_run(actor, run_id=run_id)
        return back_to(f"/runs/{run_id}?said=Taken+out+of+the+trash.")

    return [
        page("/runs/{run_id}", show),
        page("/runs/{run_id}/delete", delete, Permission.WRITE, "POST"),
        page("/runs/{run_id}/restore", restore, Permission.WRITE, "POST"),
        *editing("/runs/{run_id}", show, place, _verbs(workspace)),
    ]


def _verbs(workspace: Workspace) -> Verbs:
    tracking = workspace.tracking

    def tag(request: Request, actor: Actor, key: str, value: str) -> None:
        tracking.log_batch(actor, run_id=request.path_params["run_id"], tags={key: value})

    def untag(request: Request, actor: Actor, key: str) -> None:
        tracking.delete_run_tag(actor, run_id=request.path_params["run_id"], key=key)

    def describe(request: Request, actor: Actor, text: str) -> None:
        if text or NOTE in tracking.get_run(actor, run_id=request.path_params["run_id"]).tags:
            tag(request, actor, NOTE, text) if text else untag(request, actor, NOTE)

    return Verbs(tag, untag, describe)


def _experiment(workspace: Workspace, actor: Actor, run: Run) -> str:
    return workspace.tracking.get_experiment(actor, name=run.experiment_id).name


def _charts(workspace: Workspace, actor: Actor, run: Run, look: Look, most: int) -> list[Markup]:
    charts: list[Markup] = []
    for key in sorted(run.metrics)[:_MOST_CHARTS]:
        found = workspace.tracking.metric_histories(actor, run_ids=[run.run_id], key=key, max_points=_MOST_POINTS)
        points = found[0].points if found else []
        if len(points) > 1:
            lines, axes = drawn([(key, "1", points)], look)
            told = f"{key} from {words.number(points[0].value)} to {words.number(points[-1].value)}."
            title = f"{key} over {axes.x_name}s" if look.across == "relative" else key
            charts.append(line_chart(Frame(title, told), lines, axes))
        if len(charts) == most:
            break
    return charts


def _nested(workspace: Workspace, actor: Actor, run: Run) -> int:
    nested = f"{written(f'tags.{PARENT}')} = '{run.run_id}'"
    return workspace.tracking.count_runs(actor, filter=nested).count


def _made(workspace: Workspace, actor: Actor, model_id: str) -> Markup:
    try:
        found = workspace.logged_models.get(actor, model_id=model_id)
    except NotFound:
        return Markup("{} (deleted)").format(words.visible(model_id))
    return link_to(f"logged_model:{model_id}", found.name)


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
