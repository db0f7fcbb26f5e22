"""Alerts, their notifications, and the triggers that followed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission
from tidemill.monitoring.records import AlertState, Trigger, TriggerState
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.permits import StatedRoute

_TRIGGER_TONES = {
    TriggerState.PENDING: "idle",
    TriggerState.STARTED: "info",
    TriggerState.SUPPRESSED: "warn",
    TriggerState.HELPED: "good",
    TriggerState.NO_HELP: "warn",
    TriggerState.FAILED: "bad",
}


@dataclass(frozen=True, slots=True)
class TriggerView:
    """A trigger, with how many older ones like it were not followed either."""

    trigger: Trigger
    tone: str
    like_it: int


def grouped(triggers: Sequence[Trigger]) -> list[TriggerView]:
    """Return triggers, newest first; those in a row that were not followed are one."""
    found: list[TriggerView] = []
    for each in triggers:
        last = found[-1] if found else None
        if (
            last
            and each.state is last.trigger.state is TriggerState.SUPPRESSED
            and (each.cause, each.endpoint) == (last.trigger.cause, last.trigger.endpoint)
        ):
            found[-1] = replace(last, like_it=last.like_it + 1)
        else:
            found.append(TriggerView(each, _TRIGGER_TONES[each.state], 0))
    return found


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of this page."""
    monitoring = workspace.monitoring

    def table(request: Request, actor: Actor) -> Response:
        query = request.query_params
        endpoint = query.get("endpoint", "")
        word = query.get("state", "")
        state = AlertState(word) if word in set(AlertState) else None
        triggers = monitoring.list_triggers(actor, endpoint=endpoint, limit=200)
        started = {each.trigger: each for each in workspace.projects.list_deliveries(actor) if each.trigger}
        values = {
            "here": "alerts",
            "title": "Alerts",
            "alerts": monitoring.list_alerts(actor, endpoint=endpoint, state=state),
            "triggers": [(each, started.get(each.trigger.id)) for each in grouped(triggers)],
            "notifications": monitoring.list_notifications(actor, limit=30),
            "endpoints": [each.name for each in workspace.delivery.list_endpoints(actor)],
            "endpoint": endpoint,
            "state": word,
        }
        return render(request, "alerts.html", values)

    def acknowledge(request: Request, actor: Actor) -> Response:
        monitoring.acknowledge(actor, id=request.path_params["id"])
        return back_to("/alerts?said=Acknowledged.")

    return [page("/alerts", table), page("/alerts/{id}/acknowledge", acknowledge, Permission.WRITE, "POST")]
