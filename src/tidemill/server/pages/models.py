"""Models, their versions, and everything that stands behind one version."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission
from tidemill.core.errors import NotFound
from tidemill.delivery.records import Deployment, GateReport
from tidemill.models.records import Model, ModelPage, ModelVersion
from tidemill.server.pages import aliases, words
from tidemill.server.pages.addresses import version_url
from tidemill.server.pages.charts.bars import value_bars
from tidemill.server.pages.editing import About, Fault, Verbs, editing, render_about
from tidemill.server.pages.gates import STATUS_TONE, gate_view
from tidemill.server.pages.lineage import short_lineage
from tidemill.server.pages.problems import fault_of
from tidemill.server.pages.run_query import quoted_value
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.permits import StatedRoute
from tidemill.tracking.paging import InvalidPageToken
from tidemill.tracking.records import View
from tidemill.tracking.search.faults import InvalidFilter

_MOST_IMPORTANT = 12
_A_PAGE = 100
_VERSION = "/models/{name}/{number:int}"


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
        query = request.query_params
        text, is_trash = query.get("filter", "").strip(), query.get("view") == "deleted"
        problem, found = None, ModelPage(models=[])
        try:
            found = models.search(
                actor, filter=text, view=_view(is_trash=is_trash), max_results=_A_PAGE, page_token=query.get("page", "")
            )
        except (InvalidFilter, InvalidPageToken) as error:
            problem = fault_of(error, text)
        values = {
            "here": "models",
            "title": "Models",
            "filter": text,
            "is_trash": is_trash,
            "problem": problem,
            "rows": [(each, None if is_trash else _newest(workspace, actor, each)) for each in found.models],
            "older": _next(text, is_trash=is_trash, token=found.next_page_token),
        }
        return render(request, "models.html", values, status=problem.status if problem else 200)

    def versions(request: Request, actor: Actor, fault: Fault | None = None) -> Response:
        name = request.path_params["name"]
        model = models.get_model(actor, name=name)
        rows = [_row(workspace, actor, each) for each in models.versions(actor, name=name)]
        heads = sorted({key for row in rows for key in row.metrics})[:6]
        gone = models.search_versions(actor, filter=f"name = {quoted_value(name)}", view="deleted", max_results=200)
        values = {
            "here": "models",
            "title": name,
            "name": name,
            "model": model,
            "rows": rows,
            "heads": heads,
            "has_stages": any(row.version.stage != "None" for row in rows),
            "gone": gone.versions,
        }
        return render_about(request, "model.html", values, About(_place(request), model.description, model.tags, fault))

    def version(request: Request, actor: Actor, fault: Fault | None = None) -> Response:
        found = models.get(actor, ref=f"{request.path_params['name']}@{request.path_params['number']}")
        place = version_url(found.model, found.number)
        endpoint = workspace.delivery.serving(found.model, found.number)
        values = _version_values(workspace, actor, found) | {"endpoint": endpoint}
        about = About(place, found.description, found.tags, fault)
        return render_about(request, "model_version.html", values, about)

    return [
        page("/models", table),
        page("/models/{name}", versions),
        page("/models/{name}/{number}", version),
        *_changes(workspace),
        *editing("/models/{name}", versions, _place, _model_verbs(workspace)),
        *editing(_VERSION, version, _version_place, _version_verbs(workspace)),
        *aliases.routes(workspace, _VERSION, version, _version_place),
    ]


def _place(request: Request) -> str:
    return f"/models/{quote(request.path_params['name'], safe='')}"


def _version_place(request: Request) -> str:
    return version_url(request.path_params["name"], request.path_params["number"])


def _model_verbs(workspace: Workspace) -> Verbs:
    models = workspace.models

    def tag(request: Request, actor: Actor, key: str, value: str) -> None:
        models.set_tag(actor, name=request.path_params["name"], key=key, value=value)

    def untag(request: Request, actor: Actor, key: str) -> None:
        models.delete_tag(actor, name=request.path_params["name"], key=key)

    def describe(request: Request, actor: Actor, text: str) -> None:
        models.update(actor, name=request.path_params["name"], description=text)

    return Verbs(tag, untag, describe)


def _version_verbs(workspace: Workspace) -> Verbs:
    models = workspace.models

    def ref(request: Request) -> str:
        return f"{request.path_params['name']}@{request.path_params['number']}"

    def tag(request: Request, actor: Actor, key: str, value: str) -> None:
        models.describe(actor, ref=ref(request), tags={key: value})

    def untag(request: Request, actor: Actor, key: str) -> None:
        models.delete_version_tag(actor, ref=ref(request), key=key)

    def describe(request: Request, actor: Actor, text: str) -> None:
        models.describe(actor, ref=ref(request), description=text)

    return Verbs(tag, untag, describe)


def _changes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes into the trash and out of it."""
    models = workspace.models

    def delete(request: Request, actor: Actor) -> Response:
        models.delete(actor, name=request.path_params["name"])
        return back_to("/models?said=Moved+to+the+trash.")

    def restore(request: Request, actor: Actor) -> Response:
        name = models.restore(actor, name=request.path_params["name"]).name
        return back_to(f"/models/{quote(name, safe='')}?said=Taken+out+of+the+trash.")

    def delete_version(request: Request, actor: Actor) -> Response:
        name, number = request.path_params["name"], request.path_params["number"]
        models.delete_version(actor, ref=f"{name}@{number}")
        return back_to(f"/models/{quote(name, safe='')}?said=Moved+to+the+trash.")

    def restore_version(request: Request, actor: Actor) -> Response:
        name, number = request.path_params["name"], request.path_params["number"]
        models.restore_version(actor, name=name, number=number)
        return back_to(f"{version_url(name, number)}?said=Taken+out+of+the+trash.")

    return [
        page("/models/{name}/delete", delete, Permission.WRITE, "POST"),
        page("/models/{name}/restore", restore, Permission.WRITE, "POST"),
        page(f"{_VERSION}/delete", delete_version, Permission.WRITE, "POST"),
        page(f"{_VERSION}/restore", restore_version, Permission.WRITE, "POST"),
    ]


def _view(*, is_trash: bool) -> View:
    return "deleted" if is_trash else "active"


def _next(text: str, *, is_trash: bool, token: str) -> str:
    pairs = [("filter", text), ("view", "deleted" if is_trash else ""), ("page", token)]
    return f"/models?{urlencode([pair for pair in pairs if pair[1]])}" if token else ""


def _newest(workspace: Workspace, actor: Actor, model: Model) -> VersionRow | None:
    """Return the newest version of a name; nothing for one that has none yet."""
    if not model.latest:
        return None
    return _row(workspace, actor, workspace.models.get(actor, ref=f"{model.name}@{model.latest}"))


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
