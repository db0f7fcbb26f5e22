"""Labelling: the tasks, and the page on which a person answers row by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission, allows
from tidemill.core.errors import TidemillError
from tidemill.data.labels.records import LabelKind, LabelRow, LabelTask, Value
from tidemill.server.pages import forms, words
from tidemill.server.pages.editing import Fault
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.permits import StatedRoute
from tidemill.server.status import status_of
from tidemill.server.threads import in_thread

_FILE_POLICY = "sandbox; default-src 'none'; frame-ancestors 'self'"
_KEYS = 9


@dataclass(frozen=True, slots=True)
class Choice:
    """A button: what it answers, what stands on it, and its key."""

    value: str
    text: str
    key: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as the page shows it: its values, its picture, and what stands in its form."""

    row: LabelRow
    picture: str
    answered: str
    offered: str


def said(value: Value | None) -> str:
    """Return an answer as a person reads it and as a form sends it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def place_of(task: LabelTask) -> str:
    """Return the address of a task's page."""
    return f"/labels/{quote(task.name, safe='')}"


def choices_of(task: LabelTask) -> list[Choice]:
    """Return the buttons of a task; none where people type."""
    if task.plan.kind is LabelKind.YES_NO:
        return [Choice("yes", "Yes", "y"), Choice("no", "No", "n")]
    return [
        Choice(choice, choice, str(at) if at <= _KEYS else "") for at, choice in enumerate(task.plan.choices, start=1)
    ]


def shown_row(task: LabelTask, row: LabelRow) -> Shown:
    """Return a row as the page shows it."""
    picture = f"{place_of(task)}/files/{row.item}" if row.media else ""
    return Shown(row, picture, said(row.answer), said(row.answer if row.answer is not None else row.suggestion))


def fault_of(error: TidemillError, form: str, fields: dict[str, str]) -> Fault:
    """Return why a form was refused."""
    return Fault(form, error.code, error.message, error.hint, status_of(error), fields, error.details)


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    return [*_list_routes(workspace), *_work_routes(workspace)]


def _list_routes(workspace: Workspace) -> list[StatedRoute]:
    labels = workspace.labels

    def table(request: Request, actor: Actor, fault: Fault | None = None) -> Response:
        values = {
            "here": "labels",
            "title": "Labels",
            "tasks": [(task, place_of(task)) for task in labels.list(actor)],
            "datasets": [each.name for each in workspace.data.list(actor)],
            "fault": fault,
            "place": "/labels" if fault else "",
            "asked": request.query_params.get("dataset", ""),
        }
        return render(request, "labels.html", values, status=fault.status if fault else 200)

    def create(request: Request, actor: Actor) -> Response:
        fields = forms.read(request)
        try:
            task = labels.create(actor, **_order(fields))  # type: ignore[arg-type]  # the verb's own words
        except TidemillError as error:
            return table(request, actor, fault_of(error, "create", fields))
        return back_to(place_of(task))

    return [page("/labels", table), page("/labels", create, Permission.WRITE, "POST")]


def _work_routes(workspace: Workspace) -> list[StatedRoute]:
    labels = workspace.labels

    def work(request: Request, actor: Actor, fault: Fault | None = None) -> Response:
        task = labels.get(actor, task=request.path_params["task"])
        asked = (fault.fields if fault else request.query_params).get("item", "")
        row = None
        if asked.isdecimal() and int(asked) < task.rows:
            row = labels.row(actor, task=task.name, item=int(asked))
        elif allows(actor, Permission.WRITE):
            row = next(iter(labels.deal(actor, task=task.name).rows), None)
        return render(request, "label_work.html", _work_values(task, row, fault), status=fault.status if fault else 200)

    def answer(request: Request, actor: Actor) -> Response:
        fields = {name: value.replace("\r\n", "\n") for name, value in forms.read(request).items()}
        name = request.path_params["task"]
        try:
            item = forms.need(fields, "item")
            if not item.isdecimal():
                raise forms.InvalidForm("The form names no row", hint="Use the buttons of the page.")
            skip = fields.get("reason", "") if fields.get("skip") else None
            value = None if skip is not None else fields.get("value", "")
            labels.answer(actor, name, int(item), value=value, skip=skip, note=fields.get("note", ""))
        except TidemillError as error:
            return work(request, actor, fault_of(error, "answer", fields))
        return back_to(f"/labels/{quote(name, safe='')}")

    async def file(request: Request) -> Response:
        found = request.path_params
        content, media = await in_thread(labels.file, request.state.actor, task=found["task"], item=found["item"])
        headers = {"Content-Security-Policy": _FILE_POLICY, "Cache-Control": "private, max-age=300"}
        if not media:
            headers["Content-Disposition"] = "attachment"
        return Response(content, headers=headers, media_type=media or "application/octet-stream")

    return [
        page("/labels/{task}", work),
        page("/labels/{task}", answer, Permission.WRITE, "POST"),
        StatedRoute("/labels/{task}/files/{item:int}", file, Permission.READ),
    ]


def _work_values(task: LabelTask, row: LabelRow | None, fault: Fault | None) -> dict[str, object]:
    plan = task.plan
    settings = {
        "task": task.name,
        "kind": plan.kind.value,
        "column": plan.column,
        "choices": [[each.value, each.text, each.key] for each in choices_of(task)],
        "people": plan.people,
        "row": row,
    }
    return {
        "here": "labels",
        "title": task.name,
        "task": task,
        "task_place": place_of(task),
        "place": place_of(task) if fault else "",
        "choices": choices_of(task),
        "shown": shown_row(task, row) if row else None,
        "fault": fault,
        "asks": asks(task),
        "range": _range(task),
        "settings": msgspec.json.encode(settings).decode(),
    }


def asks(task: LabelTask) -> str:
    """Return in a sentence what a task is about."""
    plan = task.plan
    parts = [f"{words.count(task.rows)} rows of {task.version}"]
    if plan.people > 1:
        parts.append(f"{plan.people} people each")
    if plan.where:
        parts.append(f"where {words.clip(plan.where, 80)}")
    if plan.least_certain:
        parts.append(f"lowest {plan.least_certain} first")
    elif plan.sample:
        parts.append("drawn by chance")
    return ", ".join(parts)


def _range(task: LabelTask) -> str:
    low, high = task.plan.low, task.plan.high
    if low is None and high is None:
        return ""
    if high is None:
        return f"{low:g} or more"
    return f"{high:g} or less" if low is None else f"{low:g} to {high:g}"


def _order(fields: dict[str, str]) -> dict[str, object]:
    """Return what the form for a new task orders."""
    order: dict[str, object] = {
        "dataset": forms.need(fields, "dataset"),
        "column": forms.need(fields, "column"),
        "kind": fields.get("kind", ""),
        "choices": _lines(fields.get("choices", "")),
        "where": fields.get("where", "").strip(),
        "guidelines": fields.get("guidelines", "").replace("\r\n", "\n").strip(),
        "least_certain": fields.get("least_certain", "").strip() or None,
        "quarantined": bool(fields.get("quarantined")),
        "name": fields.get("name", "").strip(),
    }
    for name in ("people", "sample"):
        if text := fields.get(name, "").strip():
            if not text.isdecimal():
                raise forms.InvalidForm(f"{name} is no whole number", hint="Write it in digits.")
            order[name] = int(text)
    return order


def _lines(text: str) -> Sequence[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
