"""Deliveries: each is one way round the loop, told as a story."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission
from tidemill.projects.records import Delivery, DeliveryEvent, DeliveryState
from tidemill.server.pages import forms, words
from tidemill.server.pages.gates import gate_view
from tidemill.server.pages.lineage import Names
from tidemill.server.pages.rollouts import rollout_view
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute

_ACT_TONES = {"refused": "warn", "failed": "bad", "waiting": "warn", "deployed": "good", "done": "good"}


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the story."""

    event: DeliveryEvent
    tone: str
    text: Markup


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    projects = workspace.projects

    def table(request: Request, actor: Actor) -> Response:
        project = request.query_params.get("project", "")
        found = projects.list_deliveries(actor, project=project, limit=200)
        values = {
            "here": "deliveries",
            "title": "Deliveries",
            "rows": [(each, tone_of(each.state.value)) for each in found],
            "projects": [each.name for each in projects.list(actor)],
            "project": project,
        }
        return render(request, "deliveries.html", values)

    def show(request: Request, actor: Actor) -> Response:
        found = projects.get_delivery(actor, id=request.path_params["id"])
        return render(request, "delivery.html", _values(workspace, actor, found))

    def start(request: Request, actor: Actor) -> Response:
        project = forms.need(forms.read(request), "project")
        return back_to(f"/deliveries/{projects.deliver(actor, project=project).id}?said=Started.")

    return [
        page("/deliveries", table),
        page("/deliveries", start, Permission.WRITE, "POST"),
        page("/deliveries/{id}", show),
    ]


def _values(workspace: Workspace, actor: Actor, found: Delivery) -> dict[str, object]:
    delivery = workspace.delivery
    names = Names(workspace, actor)
    rollout = delivery.get_rollout(actor, id=found.rollout) if found.rollout else None
    deployments = (
        {each.id: each for each in delivery.list_deployments(actor, endpoint=rollout.endpoint)} if rollout else {}
    )
    report = delivery.get_gate_report(actor, id=found.gate_report) if found.gate_report else None
    return {
        "here": "deliveries",
        "title": f"Delivery of {found.project}",
        "delivery": found,
        "tone": tone_of(found.state.value),
        "running": found.state is DeliveryState.RUNNING,
        "acts": [_act(names, event) for event in found.events],
        "gate": gate_view(workspace, actor, report) if report else None,
        "rollout": rollout_view(rollout, deployments) if rollout else None,
        "run": workspace.tracking.get_run(actor, run_id=found.run_id) if found.run_id else None,
    }


def _act(names: Names, event: DeliveryEvent) -> Act:
    return Act(event, _ACT_TONES.get(event.act, "info"), linked(event.message, event.refs, names.name, names.href))


def linked(message: str, refs: Sequence[str], name_of: Callable[[str], str], href_of: Callable[[str], str]) -> Markup:
    """Return a message in which what it is about is a link; what it does not mention follows."""
    text = words.told(message)
    for ref in refs:
        name = words.visible(name_of(ref))
        link = Markup('<a href="{}" title="{}">{}</a>').format(href_of(ref), words.visible(ref), name)
        short = words.told(ref.partition(":")[2]).removeprefix("<bdi>").removesuffix("</bdi>")
        for mention in (short, escape(name)):
            if mention in text:
                text = Markup(text.replace(mention, link, 1))  # noqa: S704 - both sides are escaped
                break
        else:
            text = text + Markup(" ") + link
    return text
