"""Experiments: all of them by a search, and one with what people say of it."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission
from tidemill.server.pages.editing import NOTE, About, Fault, Show, Verbs, described, editing, render_about
from tidemill.server.pages.problems import fault_of
from tidemill.server.pages.run_query import Asked
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.permits import StatedRoute
from tidemill.tracking.paging import InvalidPageToken
from tidemill.tracking.records import Experiment, ExperimentPage, View
from tidemill.tracking.search.faults import InvalidFilter

_A_PAGE = 100
_VIEWS = "tidemill.view."
"""What tags begin with that keep views of the table of runs: they are shown there."""
_PATH = "/experiments/{experiment_id}"


@dataclass(frozen=True, slots=True)
class Row:
    """An experiment in the table."""

    experiment: Experiment
    runs: int
    runs_url: str
    about: About


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    tracking = workspace.tracking

    def table(request: Request, actor: Actor) -> Response:
        text, token = request.query_params.get("filter", "").strip(), request.query_params.get("page", "")
        problem, found = None, ExperimentPage(experiments=[])
        try:
            found = tracking.search_experiments(actor, filter=text, max_results=_A_PAGE, page_token=token)
        except (InvalidFilter, InvalidPageToken) as error:
            problem = fault_of(error, text)
        pairs = [("filter", text), ("page", found.next_page_token)]
        values = {
            "here": "runs",
            "title": "Experiments",
            "filter": text,
            "problem": problem,
            "rows": [_row(workspace, actor, each) for each in found.experiments],
            "older": f"/experiments?{urlencode([p for p in pairs if p[1]])}" if found.next_page_token else "",
        }
        return render(request, "experiments.html", values, status=problem.status if problem else 200)

    def show(request: Request, actor: Actor, fault: Fault | None = None) -> Response:
        found = tracking.find_experiment(actor, experiment_id=request.path_params["experiment_id"])
        row = _row(workspace, actor, found, fault)
        values = {"here": "runs", "title": found.name, "row": row, "experiment": found}
        return render_about(request, "experiment.html", values, row.about)

    return [page("/experiments", table), page(_PATH, show), *_changes(workspace, show)]


def _changes(workspace: Workspace, show: Show) -> list[StatedRoute]:
    tracking = workspace.tracking

    def delete(request: Request, actor: Actor) -> Response:
        tracking.delete_experiment(actor, experiment=_id(request))
        return back_to("/trash?said=Moved+to+the+trash.")

    def restore(request: Request, actor: Actor) -> Response:
        tracking.restore_experiment(actor, experiment=_id(request))
        return back_to(f"{_place(request)}?said=Taken+out+of+the+trash.")

    def tag(request: Request, actor: Actor, key: str, value: str) -> None:
        tracking.update_experiment(actor, experiment=_id(request), tags={key: value})

    def untag(request: Request, actor: Actor, key: str) -> None:
        tracking.delete_experiment_tag(actor, experiment=_id(request), key=key)

    def describe(request: Request, actor: Actor, text: str) -> None:
        if text or NOTE in tracking.find_experiment(actor, experiment_id=_id(request)).tags:
            tag(request, actor, NOTE, text) if text else untag(request, actor, NOTE)

    return [
        page(f"{_PATH}/delete", delete, Permission.WRITE, "POST"),
        page(f"{_PATH}/restore", restore, Permission.WRITE, "POST"),
        *editing(_PATH, show, _place, Verbs(tag, untag, describe)),
    ]


def _id(request: Request) -> str:
    return str(request.path_params["experiment_id"])


def _place(request: Request) -> str:
    return f"/experiments/{quote(_id(request), safe='')}"


def _row(workspace: Workspace, actor: Actor, found: Experiment, fault: Fault | None = None) -> Row:
    is_gone = found.lifecycle_stage != "active"
    view: View = "all" if is_gone else "active"
    count = workspace.tracking.count_runs(actor, experiments=[found.experiment_id], view=view).count
    place = f"/experiments/{quote(found.experiment_id, safe='')}"
    tags = {key: value for key, value in found.tags.items() if not key.startswith(_VIEWS)}
    asked = Asked(experiment=found.experiment_id, view=view)
    return Row(found, count, asked.address(), described(place, tags, fault, is_fixed=is_gone))
