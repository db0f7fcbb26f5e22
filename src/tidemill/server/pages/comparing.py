"""Runs side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput
from tidemill.server.pages.charts.figure import Frame
from tidemill.server.pages.charts.lines import Line, Point, line_chart
from tidemill.server.pages.shell import page, render
from tidemill.server.pages.tones import series_tone
from tidemill.server.permits import StatedRoute
from tidemill.tracking.records import Metric, Run

_MOST_COMPARED = 50


class InvalidComparison(InvalidInput):
    """Fewer runs than two, or too many, are asked for side by side."""

    code = "invalid_comparison"


@dataclass(frozen=True, slots=True)
class Compared:
    """One param or metric of several runs."""

    name: str
    cells: list[float | str | None]
    differs: bool


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of this page."""
    tracking = workspace.tracking

    def compare(request: Request, actor: Actor) -> Response:
        asked = [one for text in request.query_params.getlist("ids") for one in text.split(",") if one]
        ids = list(dict.fromkeys(asked))
        if not 2 <= len(ids) <= _MOST_COMPARED:
            raise InvalidComparison(
                f"{len(ids)} runs cannot be put side by side", hint=f"Mark 2 to {_MOST_COMPARED} of them in the table."
            )
        found = [tracking.get_run(actor, run_id=each) for each in ids]
        metrics = _compare([run.metrics for run in found])
        params = _compare([run.params for run in found])
        keys = [row.name for row in metrics]
        histories = {
            key: [
                tracking.metric_points(actor, run_id=run.run_id, key=key) if key in run.metrics else [] for run in found
            ]
            for key in keys[:12]
        }
        differing = sum(row.differs for row in params)
        values = {
            "here": "runs",
            "title": "Compare runs",
            "about": f"{differing} of {len(params)} params differ.",
            "runs": found,
            "metrics": metrics,
            "params": params,
            "charts": [_overlaid(key, found, points) for key, points in histories.items() if has_curve(points)],
        }
        return render(request, "compare.html", values)

    return [page("/runs/compare", compare)]


def _compare(records: Sequence[dict[str, float]] | Sequence[dict[str, str]]) -> list[Compared]:
    keys = dict.fromkeys(key for record in records for key in record)
    rows = []
    for key in keys:
        cells: list[float | str | None] = [record.get(key) for record in records]
        rows.append(Compared(key, cells, len(set(cells)) > 1))
    return sorted(rows, key=lambda row: (not row.differs, row.name))


def has_curve(histories: Sequence[Sequence[Metric]]) -> bool:
    """Return whether a metric was logged more than once by any run."""
    return any(len(points) > 1 for points in histories)


def curve(points: Sequence[Metric]) -> list[Point]:
    """Return a metric's history as points; over its order where every step is the same."""
    by_step = len({point.step for point in points}) > 1
    return [Point(point.step if by_step else at, point.value) for at, point in enumerate(points)]


def _overlaid(key: str, found: Sequence[Run], histories: Sequence[Sequence[Metric]]) -> Markup:
    lines = [
        Line(run.name, curve(points), series_tone(at))
        for at, (run, points) in enumerate(zip(found, histories, strict=True))
        if points
    ]
    return line_chart(Frame(key, f"The history of {key} in {len(lines)} runs."), lines)
