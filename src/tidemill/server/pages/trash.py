"""The trash: what was deleted, from when on it may go for good, and the way back."""

from collections.abc import Callable, Mapping
from typing import get_args
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.app.records import Kind, Trashed, TrashPage
from tidemill.core.access import Actor
from tidemill.core.moments import utc_now
from tidemill.server.pages import forms
from tidemill.server.pages.addresses import url_of
from tidemill.server.pages.editing import Fault, form_route
from tidemill.server.pages.problems import fault_of
from tidemill.server.pages.shell import page, render
from tidemill.server.permits import StatedRoute
from tidemill.tracking.paging import InvalidPageToken

_A_PAGE = 100
_KEEP = "30d"
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "run": ("run", "runs", ""),
    "experiment": ("experiment", "experiments", "runs"),
    "logged_model": ("logged model", "logged models", ""),
    "model": ("model", "models", "versions"),
    "model_version": ("model version", "model versions", ""),
    "dataset": ("dataset", "datasets", "versions"),
    "dataset_version": ("dataset version", "dataset versions", ""),
}
"""How each kind is called, many of it, and what goes to the trash with it."""
_READABLE = {"run", "experiment"}
"""Kinds whose page is there while they are in the trash."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the table: the thing, what it is, its page where there is one, what went with it, whether it may go."""

    item: Trashed
    kind: str
    href: str
    together: str
    is_due: bool


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of this page."""

    def show(request: Request, actor: Actor, fault: Fault | None = None) -> Response:
        query = request.query_params
        kind, problem, found = _kind(query.get("kind", "")), None, TrashPage(items=[])
        try:
            found = workspace.maintenance.list_trash(
                actor, kind=kind, older_than=_KEEP, max_results=_A_PAGE, page_token=query.get("page", "")
            )
        except InvalidPageToken as error:
            problem = fault_of(error, "")
        pairs = [("kind", kind or ""), ("page", found.next_page_token)]
        values = {
            "here": "trash",
            "title": "Trash",
            "fault": fault,
            "place": "/trash" if fault else "",
            "problem": problem,
            "kinds": [(name, many.capitalize(), name == kind) for name, (_, many, _) in _WORDS.items()],
            "rows": [_row(each) for each in found.items],
            "is_narrow": kind is not None,
            "older": f"/trash?{urlencode([pair for pair in pairs if pair[1]])}" if found.next_page_token else "",
        }
        status = fault.status if fault else problem.status if problem else 200
        return render(request, "trash.html", values, status=status)

    def restore(request: Request, actor: Actor, fields: dict[str, str]) -> str:
        del request
        kind, identifier = forms.need(fields, "kind"), forms.need(fields, "id")
        if kind not in _WORDS:
            raise forms.InvalidForm("The form names nothing that can be restored", hint="Use the buttons of the page.")
        _RESTORE[kind](workspace, actor, identifier)
        return "Taken out of the trash."

    return [page("/trash", show), form_route("/trash/restore", "restore", show, lambda _: "/trash", restore)]


def _kind(text: str) -> Kind | None:
    known: tuple[Kind, ...] = get_args(Kind)
    return next((each for each in known if each == text), None)


def _row(item: Trashed) -> Row:
    one, _, with_it = _WORDS[item.kind]
    words = with_it if item.together != 1 else with_it.removesuffix("s")
    return Row(
        item=item,
        kind=one,
        href=url_of(f"{item.kind}:{item.id}") if item.kind in _READABLE else "",
        together=f"with {item.together} {words}" if item.together else "",
        is_due=item.goes_at is not None and item.goes_at <= utc_now(),
    )


def _run(workspace: Workspace, actor: Actor, identifier: str) -> None:
    workspace.tracking.restore_run(actor, run_id=identifier)


def _experiment(workspace: Workspace, actor: Actor, identifier: str) -> None:
    workspace.tracking.restore_experiment(actor, experiment=identifier)


def _logged_model(workspace: Workspace, actor: Actor, identifier: str) -> None:
    workspace.logged_models.restore(actor, model_id=identifier)


def _model(workspace: Workspace, actor: Actor, identifier: str) -> None:
    workspace.models.restore(actor, name=identifier)


def _version(workspace: Workspace, actor: Actor, identifier: str) -> None:
    name, number = _named(identifier)
    workspace.models.restore_version(actor, name=name, number=number)


def _dataset(workspace: Workspace, actor: Actor, identifier: str) -> None:
    workspace.deleting.restore(actor, name=identifier)


def _dataset_version(workspace: Workspace, actor: Actor, identifier: str) -> None:
    name, number = _named(identifier)
    workspace.deleting.restore_version(actor, name=name, number=number)


def _named(identifier: str) -> tuple[str, int]:
    name, _, number = identifier.rpartition("@")
    if not number.isascii() or not number.isdigit():
        raise forms.InvalidForm(f"{quote(identifier)} is no version", hint="Use the buttons of the page.")
    return name, int(number[:18])


_RESTORE: Mapping[str, Callable[[Workspace, Actor, str], None]] = {
    "run": _run,
    "experiment": _experiment,
    "logged_model": _logged_model,
    "model": _model,
    "model_version": _version,
    "dataset": _dataset,
    "dataset_version": _dataset_version,
}
