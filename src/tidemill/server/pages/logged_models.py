"""One logged model: what it was told and measured, on which data, its files, and what came of it."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission
from tidemill.server.pages.editing import About, Fault, Verbs, editing, render_about
from tidemill.server.pages.lineage import short_lineage
from tidemill.server.pages.previews import preview_of
from tidemill.server.pages.run_query import quoted_value
from tidemill.server.pages.shell import back_to, page
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute
from tidemill.tracking.records import LoggedModelStatus

_TONES = {LoggedModelStatus.READY: "good", LoggedModelStatus.FAILED: "bad", LoggedModelStatus.PENDING: "info"}
_MOST_FILES = 1000
_MOST_VERSIONS = 50


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the route of this page."""

    def show(request: Request, actor: Actor, fault: Fault | None = None) -> Response:
        model = workspace.logged_models.get(actor, model_id=request.path_params["model_id"])
        root = f"logged_model:{model.model_id}"
        files = workspace.logged_models.list_artifacts(actor, model_id=model.model_id)
        wanted = request.query_params.get("artifact")
        preview = preview_of(workspace, actor, root, wanted) if wanted else None
        run = f"run_id = {quoted_value(model.source_run_id)}"
        made = workspace.models.search_versions(actor, filter=run, max_results=_MOST_VERSIONS).versions
        values = {
            "here": "models",
            "title": model.name,
            "model": model,
            "tone": _TONES.get(model.status, tone_of(model.status.value)),
            "experiment": workspace.tracking.find_experiment(actor, experiment_id=model.experiment_id).name,
            "files": files[:_MOST_FILES],
            "files_count": len(files),
            "digest": next((each.digest for each in files if each.path == wanted), ""),
            "preview": preview,
            "versions": [each for each in made if each.logged_model_id == model.model_id],
            "lineage": short_lineage(workspace, actor, root),
        }
        return render_about(request, "logged_model.html", values, About(place(request), None, model.tags, fault))

    def place(request: Request) -> str:
        return f"/logged-models/{quote(request.path_params['model_id'], safe='')}"

    def tag(request: Request, actor: Actor, key: str, value: str) -> None:
        workspace.logged_models.set_tags(actor, model_id=request.path_params["model_id"], tags={key: value})

    def untag(request: Request, actor: Actor, key: str) -> None:
        workspace.logged_models.delete_tag(actor, model_id=request.path_params["model_id"], key=key)

    def delete(request: Request, actor: Actor) -> Response:
        workspace.logged_models.delete(actor, model_id=request.path_params["model_id"])
        return back_to("/trash?said=Moved+to+the+trash.")

    path = "/logged-models/{model_id}"
    return [
        page(path, show),
        page(f"{path}/delete", delete, Permission.WRITE, "POST"),
        *editing(path, show, place, Verbs(tag, untag)),
    ]
