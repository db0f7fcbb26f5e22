"""The first page: the loop itself, with its state."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.moments import Moment
from tidemill.projects.reading import parse_project
from tidemill.projects.records import Delivery
from tidemill.projects.spec import ProjectSpec
from tidemill.server.pages import words
from tidemill.server.pages.lineage import Names
from tidemill.server.pages.shell import page, render
from tidemill.server.pages.stations import Station, stations
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute

_RECENT = 8
_EVENTS = 10
_TITLES = {
    "alert.open": "Alert opened",
    "alert.close": "Alert closed",
    "dataset.ingest": "Data ingested",
    "delivery.start": "Delivery began",
    "endpoint.create": "Endpoint made",
    "endpoint.rollback": "Rolled back",
    "gate.approve": "Gate approved",
    "gate.evaluate": "Gate judged",
    "gate.reject": "Gate rejected",
    "model.alias": "Alias moved",
    "model.register": "Model registered",
    "project.apply": "Project applied",
    "rollout.promoted": "Promoted",
    "rollout.rolled_back": "Rollout rolled back",
    "rollout.share": "Traffic moved",
    "rollout.start": "Rollout began",
    "trigger.fire": "Retraining asked for",
    "trigger.settle": "Retraining settled",
}
_TOLD = {
    "delivery.", "project.", "gate.", "rollout.", "endpoint.", "model.register", "model.alias", "dataset.", "alert.",
    "trigger.", "deployment.force", "token.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the timeline."""

    at: Moment
    title: str
    text: str
    tone: str
    by: str
    href: str
    link: str


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the route of the first page."""

    def show(request: Request, actor: Actor) -> Response:
        projects = workspace.projects.list(actor)
        if not projects and not _has_anything(workspace, actor):
            return render(request, "first_steps.html", {"here": "loop", "title": "First steps"})
        wanted = request.query_params.get("project", "")
        project = next((each for each in projects if each.name == wanted), projects[0] if projects else None)
        spec = parse_project(project.text.encode()) if project else ProjectSpec(project="all")
        deliveries = workspace.projects.list_deliveries(actor, project=project.name if project else "", limit=_RECENT)
        found = stations(workspace, actor, spec, deliveries)
        values = {
            "here": "loop",
            "title": project.name if project else "The loop",
            "projects": [each.name for each in projects],
            "project": project,
            "stations": found,
            "verdict": _verdict(found, deliveries),
            "deliveries": [(each, tone_of(each.state.value)) for each in deliveries],
            "events": _events(workspace, actor),
        }
        return render(request, "loop.html", values)

    return [page("/", show)]


def _has_anything(workspace: Workspace, actor: Actor) -> bool:
    return bool(
        workspace.data.list(actor)
        or workspace.tracking.search_runs(actor, max_results=1).runs
        or workspace.models.list(actor)
        or workspace.delivery.list_endpoints(actor)
    )


def _verdict(found: list[Station], deliveries: Sequence[Delivery]) -> tuple[str, str]:
    """Return the tone and the sentence that says how the loop does."""
    bad = [each.stage.lower() for each in found if each.tone == "bad"]
    waits = [each.stage.lower() for each in found if each.tone == "warn"]
    if deliveries and deliveries[0].ended_at is None:
        return "info", f"A delivery is under way, caused by {deliveries[0].cause}."
    if bad:
        return "bad", f"Look at {', '.join(bad)}."
    if waits:
        return "warn", f"Running; {', '.join(waits)} {'wants' if len(waits) == 1 else 'want'} attention."
    if any(each.tone == "good" for each in found):
        return "good", "All is well."
    return "idle", "Nothing has moved yet."


def _events(workspace: Workspace, actor: Actor) -> list[Event]:
    names = Names(workspace, actor)
    found: list[Event] = []
    for event in workspace.governance.audit(actor, limit=120):
        if not any(event.action.startswith(prefix) for prefix in _TOLD):
            continue
        verb = event.action.partition(".")[2]
        share = event.detail.get("share")
        moved = f"{words.percent(share)} to the new version" if isinstance(share, int | float) else ""
        reason = event.detail.get("reason") or event.detail.get("status") or moved
        title = _TITLES.get(event.action) or event.action.replace(".", " ").replace("_", " ").capitalize()
        if found and found[-1].title.partition(" (")[0] == title and event.action.startswith("trigger."):
            times = int(found[-1].title.partition(" (")[2].partition(" ")[0] or 1) + 1
            found[-1] = replace(
                found[-1], title=f"{title} ({times} times)", href="/alerts#triggers", link="all of them"
            )
            continue
        found.append(
            Event(
                at=event.at,
                title=title,
                text=str(reason),
                tone=tone_of(str(reason) if reason in {"shut", "waiting"} else verb),
                by=event.actor,
                href=names.href(event.subject),
                link=names.name(event.subject),
            )
        )
        if len(found) == _EVENTS:
            break
    return found
