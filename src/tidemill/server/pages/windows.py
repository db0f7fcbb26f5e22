"""What an endpoint saw in a window: its profile, beside that of the rows that the model was trained on."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput
from tidemill.core.moments import Moment
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.profile.relations import relations_of
from tidemill.monitoring.profiling.records import TRUTH, WindowProfile
from tidemill.monitoring.records import Drift, Performance, Status, Window
from tidemill.server.pages import words
from tidemill.server.pages.besides import MOST_MOVED, beside_of, detail_beside, window_name
from tidemill.server.pages.dataset_columns import ColumnNotFound, together_of
from tidemill.server.pages.profiles import KINDS, Asked, asked_of, relation_views, section_of
from tidemill.server.pages.shell import page, render
from tidemill.server.pages.targets import TargetView, target_view
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute

LATEST = "latest"
MOST_LISTED = 12
_MOST_WINDOWS = 400
_MOST_RELATED = 24


class WindowUnreadable(InvalidInput):
    """The address of a window holds no moment."""

    code = "window_unreadable"


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""

    def found_of(request: Request, actor: Actor) -> WindowProfile:
        moment = moment_of(request.path_params["start"])
        return workspace.window_profiles.profile(actor, endpoint=request.path_params["name"], window=moment)

    def window(request: Request, actor: Actor) -> Response:
        found = found_of(request, actor)
        asked = asked_of(request.query_params)
        default = TRUTH if found.truths else found.score
        asked = asked if "target" in request.query_params else _with_target(asked, default)
        further = _page(request.query_params.get("moved", ""))
        beside = beside_of(found, (further - 1) * MOST_MOVED)
        values = {
            "here": "endpoints",
            "title": f"{found.endpoint}, {window_name(found)}",
            "found": found,
            "name": window_name(found),
            "figures": _figures(found),
            "beside": beside,
            "further": further,
            "has_more": further * MOST_MOVED < len(found.moved),
            "section": section_of(found.profile, asked),
            "kinds": KINDS,
            "url": window_url(found.endpoint, found.start),
            **_neighbours(workspace, actor, found),
        }
        return render(request, "window.html", values)

    def column(request: Request, actor: Actor) -> Response:
        found = found_of(request, actor)
        wanted = request.path_params["column"]
        names = [each.name for each in found.profile.columns]
        if wanted not in names:
            raise ColumnNotFound(f"{found.endpoint} saw no column {shown(wanted)}", hint=did_you_mean(wanted, names))
        at = names.index(wanted)
        kept = found.profile.columns[at]
        beside = beside_of(found)
        related = relations_of(found.profile.relations, wanted)[:_MOST_RELATED]
        default = TRUTH if found.truths and wanted != TRUTH else related[0].second if related else ""
        partner = request.query_params.get("with", default)
        values = {
            "here": "endpoints",
            "title": f"{wanted} of {found.endpoint}, {window_name(found)}",
            "found": found,
            "name": window_name(found),
            "url": window_url(found.endpoint, found.start),
            "column": kept,
            "detail": detail_beside(kept, beside),
            "beside": beside if beside and beside.profile.column(wanted) else None,
            "change": next((each for each in found.moved if each.column == wanted), None),
            "place_in_table": f"{words.count(at + 1)} of {words.count(len(names))}",
            "before": column_url(found, names[at - 1]) if at else "",
            "after": column_url(found, names[at + 1]) if at + 1 < len(names) else "",
            "related": relation_views(related),
            "together": together_of(found.profile, kept, partner, request.query_params.get("positive", "")),
            "trained": _in_training(found, wanted, partner, request.query_params.get("positive", "")),
            "here_url": column_url(found, wanted),
        }
        return render(request, "window_column.html", values)

    return [
        page("/endpoints/{name}/windows/{start}", window),
        page("/endpoints/{name}/windows/{start}/columns/{column:path}", column),
    ]


@dataclass(frozen=True, slots=True)
class WindowLine:
    """A window in the list of an endpoint's page: where its page is, and the tone and the word of each verdict."""

    window: Window
    url: str
    drift: tuple[str, str]
    performance: tuple[str, str]


def windows_of(status: Status) -> list[WindowLine]:
    """Return the latest windows that have answered rows, newest first."""
    filled = [each for each in reversed(status.windows) if each.rows][:MOST_LISTED]
    return [
        WindowLine(each, window_url(status.endpoint, each.start), _verdict(each.drift), _verdict(each.performance))
        for each in filled
    ]


def _verdict(judged: Drift | Performance | None) -> tuple[str, str]:
    return (tone_of(judged.verdict), judged.verdict) if judged else ("", "")


def moment_of(text: str) -> Moment | None:
    """Return the moment that stands in an address; None for the latest window.

    Raises:
        WindowUnreadable: If it is neither.
    """
    if text == LATEST:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "Open the window from the page of its endpoint."
        raise WindowUnreadable(f"{shown(text)} is no moment", hint=hint) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def window_url(endpoint: str, start: Moment) -> str:
    """Return the address of the page of a window."""
    return f"/endpoints/{quote(endpoint, safe='')}/windows/{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def column_url(found: WindowProfile, column: str) -> str:
    """Return the address of the page of a column in a window."""
    return f"{window_url(found.endpoint, found.start)}/columns/{quote(column, safe='')}"


def _in_training(found: WindowProfile, column: str, partner: str, positive: str) -> TargetView | None:
    """Return how the training rows' target followed a column, where one is drawn for the window.

    What became true is held against the target: the one column of the training rows that no request gives.
    """
    trained = found.training.profile if found.training else None
    held = trained.column(column) if trained else None
    if trained is None or held is None:
        return None
    if partner == TRUTH and len(found.missing) == 1:
        partner = found.missing[0]
    view = target_view(trained.relations, held, trained.column(partner), positive)
    return view if view and view.drawing else None


def _with_target(asked: Asked, target: str) -> Asked:
    return replace(asked, target=target)


def _page(text: str) -> int:
    return int(text) if text.isdecimal() and 0 < len(text) < 5 and int(text) else 1


def _figures(found: WindowProfile) -> list[tuple[str, str, str]]:
    figures = [
        ("Rows", words.count(found.rows), ""),
        ("Truths", words.count(found.truths), words.percent(found.truths / found.rows) if found.rows else ""),
        ("Columns", words.count(len(found.profile.columns)), ""),
    ]
    training = found.training
    if training is not None and training.profile is not None:
        figures.append(("Training rows", words.count(training.rows), ""))
    return figures


def _neighbours(workspace: Workspace, actor: Actor, found: WindowProfile) -> dict[str, object]:
    """Return the addresses of the windows before and after that have rows, and what was judged of this one."""
    status = workspace.monitoring.status(actor, endpoint=found.endpoint, windows=_MOST_WINDOWS)
    filled = [each for each in status.windows if each.rows]
    earlier = [each for each in filled if each.start < found.start]
    later = [each for each in filled if each.start > found.start]
    judged = next((each for each in filled if each.start == found.start), None)
    return {
        "earlier": window_url(found.endpoint, earlier[-1].start) if earlier else "",
        "later": window_url(found.endpoint, later[0].start) if later else "",
        "judged": judged,
        "drift_tone": _verdict(judged.drift)[0] if judged else "",
        "performance_tone": _verdict(judged.performance)[0] if judged else "",
    }
