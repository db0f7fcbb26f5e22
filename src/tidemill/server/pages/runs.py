"""The table of runs: filtered, ordered, grouped, and as long as it is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission
from tidemill.core.errors import TidemillError
from tidemill.core.names import check_text
from tidemill.server.answers import answer
from tidemill.server.pages import forms
from tidemill.server.pages.problems import Problem, fault_of
from tidemill.server.pages.run_query import (
    PARENT,
    WIDTHS,
    Asked,
    heads,
    is_column,
    read_asked,
    table_width,
    written,
)
from tidemill.server.pages.run_rows import A_PAGE, Reader, Stretch, suggested
from tidemill.server.pages.shell import back_to, fragment, page, render
from tidemill.server.permits import StatedRoute
from tidemill.tracking.records import RunKeys, RunStatus
from tidemill.tracking.search.faults import InvalidFilter
from tidemill.tracking.search.parser import parse

_VIEW_TAG = "tidemill.view."
"""What tags of experiments begin with that keep a view of the table: the rest is its name, the value its query."""
_EVERYWHERE = "0"
"""The experiment that keeps the views of all experiments: Default."""
_LONGEST_VIEW_NAME = 80
_REFRESH_S = 3
MOST_COMPARED = 200
"""How many runs can be put side by side."""


@dataclass(frozen=True, slots=True)
class SavedView:
    """A state of the table under a name."""

    name: str
    href: str
    experiment: str
    experiment_id: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A column, or a way to group, that can be chosen."""

    key: str
    name: str
    chosen: bool


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""

    def table(request: Request, actor: Actor) -> Response:
        asked = read_asked(request.query_params.multi_items())
        reader = Reader(workspace, actor)
        problem, stretch, columns = None, Stretch([], [], 0, 0), list(asked.shown)
        try:
            check(asked)
            first = [] if asked.groups_texts else reader.runs(asked, asked.start)
            columns = columns or suggested(first or reader.runs(replace(asked, group="", within="", order=""), 0))
            stretch = reader.stretch(asked, columns, asked.start, first)
        except TidemillError as error:
            problem = problem_of(error, asked)
        keys = workspace.tracking.list_run_keys(actor)
        values = _values(asked, columns, stretch, reader, keys) | {"problem": problem, "views": _views(reader, asked)}
        return render(request, "runs.html", values, status=problem.status if problem else 200)

    def rows(request: Request, actor: Actor) -> Response:
        asked = read_asked(request.query_params.multi_items())
        columns = [key for key in request.query_params.getlist("column") if is_column(key)]
        reader = Reader(workspace, actor)
        check(asked)
        if ids := request.query_params.get("ids", ""):
            stretch = reader.refreshed(asked, columns, ids.split(","))
        elif request.query_params.get("only") == "total":
            total = len(reader.groups(asked)) if asked.groups_texts else reader.count(asked)
            stretch = Stretch([], [], 0, total)
        else:
            stretch = reader.stretch(asked, columns, asked.start)
        values = {"stretch": stretch, "asked": asked, "wide": len(columns) + 6}
        return answer({"total": stretch.total, "start": stretch.start, "html": fragment("run_rows.html", values)})

    return [
        page("/runs", table),
        page("/runs/rows", rows),
        page("/runs/views", _keep_view(workspace), Permission.WRITE, "POST"),
        page("/runs/views/delete", _drop_view(workspace), Permission.WRITE, "POST"),
    ]


def check(asked: Asked) -> None:
    """Let a filter pass that is in the language by itself, without the conditions that are put beside it.

    Raises:
        InvalidFilter: If it is not.
    """
    parse(asked.filter)


def _values(asked: Asked, columns: list[str], stretch: Stretch, reader: Reader, keys: RunKeys) -> dict[str, object]:
    older = stretch.start + A_PAGE
    found = heads(asked, columns)
    names = reader.names()
    known = [f"{kind}.{key}" for kind in ("metrics", "params", "tags") for key in getattr(keys, kind)]
    ways = [("", "nothing"), ("parent", "the run around them")]
    ways += [(key, key) for key in known if not key.startswith("metrics.") and key != f"tags.{PARENT}" and written(key)]
    chosen = {asked.experiment, names.get(asked.experiment, asked.experiment)}
    return {
        "here": "runs",
        "title": "Runs",
        "asked": asked,
        "heads": found,
        "width": table_width(found),
        "widths": WIDTHS,
        "columns": columns,
        "stretch": stretch,
        "wide": len(columns) + 6,
        "experiment": next(
            (each for each in reader.experiments() if {each.experiment_id, each.name} & {asked.experiment}), None
        ),
        "experiments": [Choice(name, name, name in chosen) for name in sorted(names.values())],
        "statuses": [each.value for each in RunStatus],
        "choices": [Choice(key, key, key in columns) for key in dict.fromkeys([*columns, *known])],
        "ways": [Choice(key, name, key == asked.group) for key, name in ways],
        "member": _member(asked),
        "refresh_s": _REFRESH_S,
        "most_compared": MOST_COMPARED,
        "newer": asked.address(start=max(asked.start - A_PAGE, 0)) if asked.start else "",
        "older": asked.address(start=older) if older < stretch.total else "",
    }


def _member(asked: Asked) -> str:
    """Return which group's runs are shown, in words."""
    if not asked.within:
        return ""
    value = asked.within[1:]
    if asked.group == "parent":
        return f"nested in {value}"
    return f"{asked.group} is {value}" if asked.within.startswith("=") else f"without {asked.group}"


def problem_of(error: TidemillError, asked: Asked) -> Problem:
    """Return what is wrong with a search, with its place in the filter that was written."""
    text = asked.filter
    plain = bool(text) and not any(mark in text for mark in "'\"=<>()`%")
    instead = asked.address(filter=f"run_name ILIKE '%{text}%'", start=0) if plain else ""
    return fault_of(error, text, _offset(asked), instead)


def _offset(asked: Asked) -> int:
    """Return how many characters were put before the filter: none where it is not in the language by itself."""
    try:
        check(asked)
    except InvalidFilter:
        return 0
    return max(asked.conditions().rfind(asked.filter), 0)


def _views(reader: Reader, asked: Asked) -> list[SavedView]:
    found = []
    for experiment in reader.experiments():
        for key, value in experiment.tags.items():
            if key.startswith(_VIEW_TAG):
                kept = read_asked(parse_qsl(value))
                found.append(
                    SavedView(
                        name=key.removeprefix(_VIEW_TAG),
                        href=kept.address(),
                        experiment="" if experiment.experiment_id == _EVERYWHERE else experiment.name,
                        experiment_id=experiment.experiment_id,
                        is_open=kept == replace(asked, start=0),
                    )
                )
    return sorted(found, key=lambda view: (view.experiment, view.name))


def _keep_view(workspace: Workspace) -> Callable[[Request, Actor], Response]:
    def keep(request: Request, actor: Actor) -> Response:
        fields = forms.read(request)
        name = check_text(forms.need(fields, "name"), "the view's name", _LONGEST_VIEW_NAME)
        asked = replace(read_asked(parse_qsl(fields.get("query", ""))), start=0, within="")
        check(asked)
        home = asked.experiment or _EVERYWHERE
        workspace.tracking.update_experiment(actor, experiment=home, tags={f"{_VIEW_TAG}{name}": asked.query})
        return back_to(asked.address())

    return keep


def _drop_view(workspace: Workspace) -> Callable[[Request, Actor], Response]:
    def drop(request: Request, actor: Actor) -> Response:
        fields = forms.read(request)
        key = f"{_VIEW_TAG}{forms.need(fields, 'name')}"
        workspace.tracking.delete_experiment_tag(actor, experiment=forms.need(fields, "experiment"), key=key)
        return back_to("/runs")

    return drop
