"""Labelling: how far a task is, where people differ, and what becomes of it."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission
from tidemill.core.errors import TidemillError
from tidemill.core.moments import Moment
from tidemill.data.labels.records import Agreement, Confusion, Disagreement, LabelProgress, LabelTask, Which
from tidemill.server.pages import forms
from tidemill.server.pages.editing import Fault
from tidemill.server.pages.labels import Choice, asks, choices_of, fault_of, place_of, said, shown_row
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.permits import StatedRoute

_A_PAGE = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A person's line: their progress, and how many rows they do in an hour."""

    person: str
    answered: int
    skipped: int
    in_hand: int
    seconds: float | None
    an_hour: float | None
    last_at: Moment | None
    equal: float | None


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    return [*_progress_routes(workspace), *_disagreement_routes(workspace)]


def _progress_routes(workspace: Workspace) -> list[StatedRoute]:
    labels = workspace.labels

    def progress(request: Request, actor: Actor, fault: Fault | None = None) -> Response:
        found = labels.progress(actor, task=request.path_params["task"])
        place = f"{place_of(found.task)}/progress"
        values = _progress_values(found) | {"fault": fault, "place": place if fault else ""}
        return render(request, "label_progress.html", values, status=fault.status if fault else 200)

    def delete(request: Request, actor: Actor) -> Response:
        try:
            labels.delete(actor, task=request.path_params["task"])
        except TidemillError as error:
            return progress(request, actor, fault_of(error, "delete", {}))
        return back_to("/labels?said=The+task+is+deleted.")

    def finish(request: Request, actor: Actor) -> Response:
        fields = forms.read(request)
        try:
            found = labels.finish(
                actor,
                request.path_params["task"],
                into=fields.get("into", "").strip() or None,
                onto=fields.get("onto", "").strip() or None,
                details=bool(fields.get("details")),
                only_labelled=bool(fields.get("only_labelled")),
            )
        except TidemillError as error:
            return progress(request, actor, fault_of(error, "finish", fields))
        version = found.version
        text = f"{version.ref} {'is made' if version.created else 'was there already'}: {found.decided} rows decided"
        text += f", {found.undecided} undecided." if found.undecided else "."
        return back_to(f"/datasets/{quote(version.dataset)}/{version.number}?{urlencode({'said': text})}")

    def switch(request: Request, actor: Actor) -> Response:
        task = labels.get(actor, task=request.path_params["task"])
        (labels.close if task.is_open else labels.reopen)(actor, task=task.name)
        text = "No more rows are dealt." if task.is_open else "Rows are dealt again."
        return back_to(f"{place_of(task)}/progress?{urlencode({'said': text})}")

    return [
        page("/labels/{task}/progress", progress),
        page("/labels/{task}/finish", finish, Permission.WRITE, "POST"),
        page("/labels/{task}/switch", switch, Permission.WRITE, "POST"),
        page("/labels/{task}/delete", delete, Permission.ADMIN, "POST"),
    ]


def _disagreement_routes(workspace: Workspace) -> list[StatedRoute]:
    labels = workspace.labels

    def disagreements(request: Request, actor: Actor, fault: Fault | None = None) -> Response:
        task = labels.get(actor, task=request.path_params["task"])
        word = request.query_params.get("which", "")
        which = Which(word) if word in set(Which) else Which.OPEN
        start = request.query_params.get("start", "0")
        at = int(start) if start.isdecimal() else 0
        found = labels.disagreements(actor, task.name, which=which, start=at, limit=_A_PAGE + 1)
        place = f"{place_of(task)}/disagreements"
        values = {
            "here": "labels",
            "title": f"{task.name}: where people differ",
            "task": task,
            "task_place": place_of(task),
            "rows": [(each, shown_row(task, each.row), _offers(task, each)) for each in found[:_A_PAGE]],
            "which": which.value,
            "said_of": said,
            "fault": fault,
            "place": place if fault else "",
            "older": f"{place}?{urlencode({'which': which.value, 'start': at + _A_PAGE})}"
            if len(found) > _A_PAGE
            else "",
            "newer": f"{place}?{urlencode({'which': which.value, 'start': max(0, at - _A_PAGE)})}" if at else "",
            "types": not choices_of(task),
        }
        return render(request, "label_disagreements.html", values, status=fault.status if fault else 200)

    def resolve(request: Request, actor: Actor) -> Response:
        fields = forms.read(request)
        name = request.path_params["task"]
        try:
            item = forms.need(fields, "item")
            if not item.isdecimal():
                raise forms.InvalidForm("The form names no row", hint="Use the buttons of the page.")
            value = forms.need(fields, "other" if fields.get("value") == "" else "value")
            labels.resolve(actor, name, int(item), value, note=fields.get("note", ""))
        except TidemillError as error:
            return disagreements(request, actor, fault_of(error, "resolve", fields))
        back = f"/labels/{quote(name, safe='')}/disagreements"
        return back_to(f"{back}?{urlencode({'said': f'Row {item} is {value}.'})}")

    return [
        page("/labels/{task}/disagreements", disagreements),
        page("/labels/{task}/disagreements", resolve, Permission.APPROVE, "POST"),
    ]


def _progress_values(found: LabelProgress) -> dict[str, object]:
    equal = {each.person: each.equal for each in found.agreement.confusions} if found.agreement else {}
    lines = [
        Line(
            each.person,
            each.answered,
            each.skipped,
            each.in_hand,
            each.seconds,
            3600 / each.seconds if each.seconds else None,
            each.last_at,
            equal.get(each.person),
        )
        for each in found.people
    ]
    return {
        "here": "labels",
        "title": f"{found.task.name}: progress",
        "task": found.task,
        "task_place": place_of(found.task),
        "asks": asks(found.task),
        "progress": found,
        "people": lines,
        "agreement": found.agreement,
        "verdict": _verdict(found.agreement),
        "tables": [each for each in found.agreement.confusions if each.values] if found.agreement else [],
        "most": _most,
    }


def _verdict(agreement: Agreement | None) -> tuple[str, str]:
    """Return how good an agreement is, and its tone; the bounds are Krippendorff's own advice for alpha."""
    if agreement is None or agreement.alpha is None:
        return "", "idle"
    if agreement.alpha >= 0.8:
        return "reliable", "good"
    return ("tentative", "warn") if agreement.alpha >= 0.667 else ("unreliable", "bad")


def _most(table: Confusion) -> int:
    """Return the largest count of a table, by which its cells are shaded."""
    return max((count for row in table.counts for count in row), default=0) or 1


def _offers(task: LabelTask, found: Disagreement) -> list[Choice]:
    """Return the buttons that decide a row: its choices, or what people said."""
    if buttons := choices_of(task):
        return buttons
    texts = list(dict.fromkeys(said(vote.value) for vote in found.votes if vote.value is not None))
    return [Choice(text, text, str(at) if at <= 9 else "") for at, text in enumerate(texts, start=1)]
