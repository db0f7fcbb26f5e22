"""The table of runs, and runs side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput
from tidemill.server.pages.charts.figure import Frame
from tidemill.server.pages.charts.lines import Line, Point, line_chart
from tidemill.server.pages.shell import page, render
from tidemill.server.pages.tones import series_tone, tone_of
from tidemill.server.permits import StatedRoute
from tidemill.tracking.records import Metric, Run, RunStatus

_A_PAGE = 50
_MOST_COMPARED = 6
_MOST_SEARCHED = 2000
_MOST_EXPERIMENTS = 50_000
_COLUMNS_SHOWN = 5


class InvalidComparison(InvalidInput):
    """Fewer runs than two, or too many, are asked for side by side."""

    code = "invalid_comparison"


@dataclass(frozen=True, slots=True)
class Column:
    """A param or metric that the table can show."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """One run of the table."""

    run: Run
    experiment: str
    status: str
    tone: str
    running: bool
    cells: list[float | str | None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the filter says."""

    text: str
    experiment: str
    status: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One param or metric of several runs."""

    name: str
    cells: list[float | str | None]
    differs: bool


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    tracking = workspace.tracking

    def table(request: Request, actor: Actor) -> Response:
        query = request.query_params
        chosen = Chosen(query.get("text", "").strip(), query.get("experiment", ""), query.get("status", ""))
        groups = tracking.search_experiments(actor, max_results=_MOST_EXPERIMENTS).experiments
        names = {each.experiment_id: each.name for each in groups}
        found, newer, older = _search(workspace, actor, request, chosen, set(names.values()))
        columns = _columns(found)
        shown = [key for key in query.getlist("show") if key in {column.key for column in columns}]
        shown = shown or [column.key for column in columns if column.key.startswith("metric.")][:_COLUMNS_SHOWN]
        values = {
            "here": "runs",
            "title": "Runs",
            "chosen": chosen,
            "experiments": sorted(names.values()),
            "statuses": [each.value for each in RunStatus],
            "columns": columns,
            "shown": shown,
            "heads": [key.partition(".")[2] for key in shown],
            "rows": [_row(run, names.get(run.experiment_id, run.experiment_id), shown) for run in found],
            "is_live": any(run.status is RunStatus.RUNNING for run in found),
            "newer": newer,
            "older": older,
        }
        return render(request, "runs.html", values)

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

    return [page("/runs", table), page("/runs/compare", compare)]


def _search(
    workspace: Workspace, actor: Actor, request: Request, chosen: Chosen, known: set[str]
) -> tuple[list[Run], str, str]:
    """Return the runs of the page that is asked for, and the addresses of the newer and older pages."""
    tracking = workspace.tracking
    status = RunStatus(chosen.status) if chosen.status in set(RunStatus) else None
    experiments = [chosen.experiment] if chosen.experiment in known else None
    if chosen.experiment and experiments is None:
        return [], "", ""
    start = int(text) if (text := request.query_params.get("start", "0")).isascii() and text.isdigit() else 0
    if not chosen.text:
        token = request.query_params.get("page", "")
        found = tracking.search_runs(
            actor, experiments=experiments, status=status, max_results=_A_PAGE, page_token=token
        )
        older = _address(request, page=found.next_page_token) if found.next_page_token else ""
        return found.runs, _address(request, page="") if token else "", older
    matching = [run for run in _all(workspace, actor, experiments, status) if _holds(run, chosen.text.lower())]
    part = matching[start : start + _A_PAGE]
    newer = _address(request, start=max(start - _A_PAGE, 0)) if start else ""
    older = _address(request, start=start + _A_PAGE) if len(matching) > start + _A_PAGE else ""
    return part, newer, older


def _all(workspace: Workspace, actor: Actor, experiments: list[str] | None, status: RunStatus | None) -> Iterable[Run]:
    token, seen = "", 0
    while seen < _MOST_SEARCHED:
        found = workspace.tracking.search_runs(
            actor, experiments=experiments, status=status, max_results=500, page_token=token
        )
        yield from found.runs
        token, seen = found.next_page_token, seen + len(found.runs)
        if not token:
            return


def _holds(run: Run, text: str) -> bool:
    words = [run.name, run.run_id, run.user, *run.params, *run.params.values(), *run.tags.values()]
    return any(text in word.lower() for word in words)


def _address(request: Request, **changed: object) -> str:
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in changed]
    new = [(key, str(value)) for key, value in changed.items() if value not in {"", 0}]
    return f"{request.url.path}?{urlencode([*kept, *new])}"


def _columns(found: Sequence[Run]) -> list[Column]:
    metrics = dict.fromkeys(key for run in found for key in run.metrics)
    params = dict.fromkeys(key for run in found for key in run.params)
    return [
        *(Column(f"metric.{key}", key) for key in sorted(metrics)),
        *(Column(f"param.{key}", key) for key in sorted(params)),
    ]


def _row(run: Run, experiment: str, shown: Sequence[str]) -> Row:
    cells: list[float | str | None] = []
    for column in shown:
        kind, _, key = column.partition(".")
        cells.append(run.metrics.get(key) if kind == "metric" else run.params.get(key, ""))
    status = run.status.value.lower()
    return Row(run, experiment, status, tone_of(status), run.status is RunStatus.RUNNING, cells)


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
