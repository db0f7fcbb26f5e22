"""Models, their versions, and everything that stands behind one version."""

from dataclasses import dataclass

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import NotFound
from tidemill.delivery.records import Deployment, GateReport
from tidemill.models.records import ModelVersion
from tidemill.server.pages import words
from tidemill.server.pages.charts.bars import value_bars
from tidemill.server.pages.gates import STATUS_TONE, gate_view
from tidemill.server.pages.lineage import short_lineage
from tidemill.server.pages.shell import page, render
from tidemill.server.permits import StatedRoute

_MOST_IMPORTANT = 12


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version in its table."""

    version: ModelVersion
    gate: GateReport | None
    gate_tone: str
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Served:
    """A deployment of a version."""

    deployment: Deployment
    share: float | None


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    models = workspace.models

    def table(request: Request, actor: Actor) -> Response:
        rows = [(each, _row(workspace, actor, models.get(actor, ref=each.name))) for each in models.list(actor)]
        return render(request, "models.html", {"here": "models", "title": "Models", "rows": rows})

    def versions(request: Request, actor: Actor) -> Response:
        name = request.path_params["name"]
        rows = [_row(workspace, actor, each) for each in models.versions(actor, name=name)]
        heads = sorted({key for row in rows for key in row.metrics})[:6]
        values = {"here": "models", "title": name, "name": name, "rows": rows, "heads": heads}
        return render(request, "model.html", values)

    def version(request: Request, actor: Actor) -> Response:
        found = models.get(actor, ref=f"{request.path_params['name']}@{request.path_params['number']}")
        return render(request, "model_version.html", _version_values(workspace, actor, found))

    return [page("/models", table), page("/models/{name}", versions), page("/models/{name}/{number}", version)]


def _row(workspace: Workspace, actor: Actor, version: ModelVersion) -> VersionRow:
    reports = workspace.delivery.list_gate_reports(actor, model=version.model, version=version.number, limit=1)
    gate = reports[0] if reports else None
    return VersionRow(version, gate, STATUS_TONE[gate.status] if gate else "idle", _metrics(workspace, actor, version))


def _metrics(workspace: Workspace, actor: Actor, version: ModelVersion) -> dict[str, float]:
    if version.run_id is None:
        return {}
    try:
        return workspace.tracking.get_run(actor, run_id=version.run_id).metrics
    except NotFound:
        return {}


def _version_values(workspace: Workspace, actor: Actor, found: ModelVersion) -> dict[str, object]:
    manifest = workspace.models.manifest(found.bundle) if found.is_ready else None
    reports = workspace.delivery.list_gate_reports(actor, model=found.model, version=found.number, limit=10)
    metrics = _metrics(workspace, actor, found)
    return {
        "here": "models",
        "title": found.ref,
        "version": found,
        "manifest": manifest,
        "signature": found.preparation.signature if found.preparation else found.signature,
        "files": workspace.objects.list_tree(found.bundle),
        "importances": _importances(manifest.importances if manifest else {}),
        "metrics": [(key, words.number(value), "") for key, value in sorted(metrics.items())],
        "gates": [gate_view(workspace, actor, report) for report in reports],
        "served": _served(workspace, actor, found),
        "lineage": short_lineage(workspace, actor, f"model_version:{found.id}"),
    }


def _importances(importances: dict[str, float]) -> Markup:
    total = sum(importances.values())
    if total <= 0:
        return Markup("")
    ordered = sorted(importances.items(), key=lambda pair: -pair[1])
    return value_bars(ordered[:_MOST_IMPORTANT], total, unit="of all importance")


def _served(workspace: Workspace, actor: Actor, found: ModelVersion) -> list[Served]:
    delivery = workspace.delivery
    rows = []
    for endpoint in delivery.list_endpoints(actor):
        shares = {target.deployment: target.share for target in endpoint.targets}
        deployments = delivery.list_deployments(actor, endpoint=endpoint.name)
        rows += [Served(each, shares.get(each.id)) for each in deployments if each.model_version_id == found.id]
    return rows
