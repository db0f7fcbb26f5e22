"""Endpoints, and one endpoint: who answers, how well, how fast, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission
from tidemill.core.errors import MissingExtra, NotFound
from tidemill.delivery.records import Deployment, Endpoint, Rollout, RolloutState
from tidemill.monitoring.records import FeedbackReport, Prediction, Status
from tidemill.server.pages import forms, watches
from tidemill.server.pages.alerts import grouped
from tidemill.server.pages.charts.bars import Share, share_bar
from tidemill.server.pages.rollouts import RolloutView, rollout_view
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.pages.tones import series_tone
from tidemill.server.pages.windows import windows_of
from tidemill.server.permits import StatedRoute

_RECENT = 12


@dataclass(frozen=True, slots=True)
class TargetView:
    """Who gets which share of the traffic."""

    deployment: Deployment
    share: float
    route: str
    tone: str


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint in its table."""

    endpoint: Endpoint
    targets: list[TargetView]
    bar: str
    status: Status | None
    alerts: int


@dataclass(frozen=True, slots=True)
class Recent:
    """A prediction in the list of the latest."""

    prediction: Prediction
    outputs: str
    truth: str


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    delivery = workspace.delivery

    def table(request: Request, actor: Actor) -> Response:
        rows = [view_of(workspace, actor, each) for each in delivery.list_endpoints(actor)]
        return render(request, "endpoints.html", {"here": "endpoints", "title": "Endpoints", "rows": rows})

    def show(request: Request, actor: Actor) -> Response:
        endpoint = delivery.get_endpoint(actor, name=request.path_params["name"])
        return render(request, "endpoint.html", _values(workspace, actor, endpoint))

    def promote(request: Request, actor: Actor) -> Response:
        name = request.path_params["name"]
        reason = forms.read(request).get("reason", "").strip()
        delivery.promote(actor, endpoint=name, reason=reason)
        return back_to(f"/endpoints/{quote(name, safe='')}?said=Promoted.")

    def rollback(request: Request, actor: Actor) -> Response:
        name = request.path_params["name"]
        fields = forms.read(request)
        delivery.rollback(actor, endpoint=name, to=fields.get("to") or None, reason=fields.get("reason", "").strip())
        return back_to(f"/endpoints/{quote(name, safe='')}?said=Rolled+back.")

    def retrain(request: Request, actor: Actor) -> Response:
        name = request.path_params["name"]
        reason = forms.read(request).get("reason", "").strip()
        fired = workspace.monitoring.fire(actor, endpoint=name, reason=reason)
        return back_to(
            f"/endpoints/{quote(name, safe='')}?said={quote(f'Trigger {fired.state.value}: {fired.reason}')}"
        )

    return [
        page("/endpoints", table),
        page("/endpoints/{name}", show),
        page("/endpoints/{name}/promote", promote, Permission.WRITE, "POST"),
        page("/endpoints/{name}/rollback", rollback, Permission.WRITE, "POST"),
        page("/endpoints/{name}/retrain", retrain, Permission.WRITE, "POST"),
    ]


def view_of(workspace: Workspace, actor: Actor, endpoint: Endpoint) -> EndpointView:
    """Return an endpoint with who answers."""
    targets = targets_of(workspace, actor, endpoint)
    status = status_of(workspace, actor, endpoint.name)
    return EndpointView(endpoint, targets, _bar(targets), status, len(status.alerts) if status else 0)


def targets_of(workspace: Workspace, actor: Actor, endpoint: Endpoint) -> list[TargetView]:
    """Return who gets which share; the tone of a version is the same all over the page."""
    found = []
    for target in endpoint.targets:
        deployment = workspace.delivery.get_deployment(actor, id=target.deployment)
        tone = series_tone(deployment.version - 1)
        found.append(TargetView(deployment, target.share, target.route, tone))
    return found


def _bar(targets: Sequence[TargetView]) -> str:
    shares = [
        Share(f"{each.deployment.model}@{each.deployment.version} ({each.route})", each.share, each.tone)
        for each in targets
    ]
    return share_bar(shares, "Traffic by version") if shares else ""


def status_of(workspace: Workspace, actor: Actor, name: str, windows: int = 60) -> Status | None:
    """Return what monitoring says of an endpoint; None where the libraries that it needs are not installed."""
    try:
        return workspace.monitoring.status(actor, endpoint=name, windows=windows)
    except MissingExtra:
        return None


def _values(workspace: Workspace, actor: Actor, endpoint: Endpoint) -> dict[str, object]:
    delivery = workspace.delivery
    targets = targets_of(workspace, actor, endpoint)
    status = status_of(workspace, actor, endpoint.name, windows=180)
    rollouts = delivery.list_rollouts(actor, endpoint=endpoint.name, limit=20)
    deployments = {each.id: each for each in delivery.list_deployments(actor, endpoint=endpoint.name)}
    running = next((each for each in rollouts if each.state is RolloutState.RUNNING), None)
    return {
        "here": "endpoints",
        "title": endpoint.name,
        "endpoint": endpoint,
        "predict_url": f"{workspace.serving_url}/v1/endpoints/{endpoint.name}/predict" if workspace.serving_url else "",
        "targets": targets,
        "bar": _bar(targets),
        "status": status,
        "figures": watches.figures(status) if status else [],
        "charts": watches.charts(status) if status else None,
        "windows": windows_of(status) if status else [],
        "triggers": grouped(status.triggers)[:5] if status else [],
        "feedback": _feedback(workspace, actor, endpoint.name),
        "rollout": _rollout(workspace, actor, rollouts, deployments),
        "is_moving": running is not None,
        "can_go_back": len(deployments) > 1,
        "history": [_row(each, deployments) for each in rollouts],
        "deployments": list(deployments.values()),
        "recent": _recent(workspace, actor, endpoint.name),
    }


def _rollout(
    workspace: Workspace, actor: Actor, rollouts: Sequence[Rollout], deployments: dict[str, Deployment]
) -> RolloutView | None:
    if not rollouts:
        return None
    return rollout_view(workspace.delivery.get_rollout(actor, id=rollouts[0].id), deployments)


def _row(rollout: Rollout, deployments: dict[str, Deployment]) -> RolloutView:
    return rollout_view(rollout, deployments)


def _feedback(workspace: Workspace, actor: Actor, name: str) -> FeedbackReport | None:
    try:
        return workspace.monitoring.feedback_report(actor, endpoint=name)
    except (MissingExtra, NotFound):
        return None


def _recent(workspace: Workspace, actor: Actor, name: str) -> list[Recent]:
    try:
        found = workspace.monitoring.predictions(actor, endpoint=name, limit=_RECENT)
    except MissingExtra:
        return []
    return [Recent(each, watches.brief(each.outputs), watches.brief_value(each.truth)) for each in found]
