"""Runs side by side: what differs, curves, dots by two columns, strands through many."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput
from tidemill.server.pages.charts.figure import Frame
from tidemill.server.pages.charts.lines import line_chart
from tidemill.server.pages.charts.scatter import Dot, scatter
from tidemill.server.pages.curves import WAYS, Look, drawn, has_curve, read_look
from tidemill.server.pages.run_query import read_asked
from tidemill.server.pages.run_rows import Reader
from tidemill.server.pages.runs import MOST_COMPARED, check
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.pages.strands import Option, column_of, strands_of
from tidemill.server.pages.tones import strand_tone
from tidemill.server.permits import StatedRoute
from tidemill.tracking.records import Run

MOST_BESIDE = 50
"""Of so many at most curves are drawn and params stand in columns; more are strands with a table of rows."""
_MOST_CURVES, _CURVES_SUGGESTED = 24, 6
_PARAMS_SUGGESTED, _METRICS_SUGGESTED = 5, 2
_MOST_POINTS = 800


class InvalidComparison(InvalidInput):
    """Fewer runs than two, or too many, are asked for side by side."""

    code = "invalid_comparison"


@dataclass(frozen=True, slots=True)
class Compared:
    """One param or metric of several runs."""

    name: str
    cells: list[float | str | None]
    differs: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One of the runs, its tone, and the address without it."""

    run: Run
    tone: str
    without: str


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of this page."""

    def compare(request: Request, actor: Actor) -> Response:
        ids = _ids(request)
        found = [workspace.tracking.get_run(actor, run_id=each) for each in ids]
        metrics, params = compared([run.metrics for run in found]), compared([run.params for run in found])
        differing = [row for row in params if row.differs]
        is_whole = request.query_params.get("all", "") == "1"
        is_beside = len(found) <= MOST_BESIDE
        values = {
            "here": "runs",
            "title": "Compare runs",
            "about": f"{len(differing)} of {len(params)} params differ.",
            "sides": _sides(request, found, ids),
            "ids": ids,
            "metrics": metrics,
            "params": params if is_whole else differing,
            "alike": len(params) - len(differing),
            "is_whole": is_whole,
            "is_beside": is_beside,
            "most_beside": MOST_BESIDE,
            "whole_url": _address(request, all="" if is_whole else "1"),
            **(_curves(workspace, actor, request, found) if is_beside else {}),
            **_columns(request, found, metrics, differing),
        }
        return render(request, "compare.html", values)

    def compare_found(request: Request, actor: Actor) -> Response:
        asked = replace(read_asked(request.query_params.multi_items()), start=0)
        check(asked)
        runs = Reader(workspace, actor).runs(asked, 0, MOST_COMPARED)
        return back_to(f"/runs/compare?{urlencode({'ids': ','.join(run.run_id for run in runs)})}")

    return [page("/runs/compare", compare), page("/runs/compare/found", compare_found)]


def _ids(request: Request) -> list[str]:
    asked = [one for text in request.query_params.getlist("ids") for one in text.split(",") if one]
    ids = list(dict.fromkeys(asked))
    if not 2 <= len(ids) <= MOST_COMPARED:
        raise InvalidComparison(
            f"{len(ids)} runs cannot be put side by side", hint=f"Mark 2 to {MOST_COMPARED} of them in the table."
        )
    return ids


def _sides(request: Request, found: Sequence[Run], ids: Sequence[str]) -> list[Side]:
    def without(run: Run) -> str:
        rest = [each for each in ids if each != run.run_id]
        return _address(request, ids=",".join(rest)) if len(rest) > 1 else ""

    return [Side(run, strand_tone(at), without(run)) for at, run in enumerate(found)]


def _address(request: Request, **changed: str) -> str:
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in changed]
    return f"{request.url.path}?{urlencode([*kept, *(pair for pair in changed.items() if pair[1])])}"


def compared(records: Sequence[dict[str, float]] | Sequence[dict[str, str]]) -> list[Compared]:
    """Return params or metrics of several runs, those that differ first."""
    keys = dict.fromkeys(key for record in records for key in record)
    rows = []
    for key in keys:
        cells: list[float | str | None] = [record.get(key) for record in records]
        rows.append(Compared(key, cells, len({repr(cell) for cell in cells}) > 1))
    return sorted(rows, key=lambda row: (not row.differs, row.name))


def _curves(workspace: Workspace, actor: Actor, request: Request, found: Sequence[Run]) -> dict[str, object]:
    """Return the curves of the chosen metrics, and how they can be looked at."""
    query = request.query_params
    look = read_look(query.get)
    known = sorted({key for run in found for key in run.metrics})
    chosen = [key for key in dict.fromkeys(query.getlist("metric")) if key in known][:_MOST_CURVES]
    charts = []
    for key in chosen or known[:_MOST_CURVES]:
        charts += _overlaid(workspace, actor, found, key, look)
        if not chosen and len(charts) == _CURVES_SUGGESTED:
            break
    return {
        "charts": charts,
        "look": look,
        "ways": list(WAYS.items()),
        "metric_options": [Option(key, key in chosen) for key in known],
    }


def _overlaid(workspace: Workspace, actor: Actor, found: Sequence[Run], key: str, look: Look) -> list[Markup]:
    ids = [run.run_id for run in found if key in run.metrics]
    histories = workspace.tracking.metric_histories(actor, run_ids=ids, key=key, max_points=_MOST_POINTS)
    points = {each.run_id: each.points for each in histories}
    if not has_curve(list(points.values())):
        return []
    named = [(run.name, strand_tone(at), points.get(run.run_id, [])) for at, run in enumerate(found)]
    lines, axes = drawn(named, look)
    about = f"The history of {key} in {len(points)} runs."
    if any(each.is_thinned for each in histories):
        about += f" Where a run has more points, about {_MOST_POINTS} of them."
    title = f"{key} over {axes.x_name}s" if look.across == "relative" else key
    return [line_chart(Frame(title, about), lines, axes)]


def _columns(
    request: Request, found: Sequence[Run], metrics: Sequence[Compared], params: Sequence[Compared]
) -> dict[str, object]:
    """Return the drawings of chosen columns."""
    query = request.query_params
    differing = [f"metrics.{row.name}" for row in metrics if row.differs]
    known = [f"params.{row.name}" for row in params] + [f"metrics.{row.name}" for row in metrics]
    numbers = [key for key in known if any(isinstance(each, float) for each in column_of(found, key).values)]
    across = _one_of(query.get("across", ""), numbers, 0)
    up = _one_of(query.get("up", ""), numbers, next((at for at, key in enumerate(numbers) if key in differing), 0))
    suggested = [f"params.{row.name}" for row in params][:_PARAMS_SUGGESTED] + differing[:_METRICS_SUGGESTED]
    return {
        "numbers": numbers,
        "across": across,
        "up": up,
        "scatter": _scatter(found, across, up) if numbers else Markup(""),
        "strands": strands_of(query, found, known, suggested),
    }


def _one_of(asked: str, known: Sequence[str], usual: int) -> str:
    return asked if asked in known else known[usual] if known else ""


def _scatter(found: Sequence[Run], across: str, up: str) -> Markup:
    xs, ys = column_of(found, across), column_of(found, up)
    dots = [
        Dot(run.name, x, y, strand_tone(at), f"/runs/{run.run_id}")
        for at, (run, x, y) in enumerate(zip(found, xs.values, ys.values, strict=True))
        if isinstance(x, float) and isinstance(y, float) and x - x == 0 and y - y == 0
    ]
    frame = Frame(f"{ys.name} by {xs.name}", f"{len(dots)} runs, each a dot.")
    return scatter(frame, dots, xs.name, ys.name)
