"""Remotes of datasets: what is remembered, what is there, how far pushes and pulls are, and what is removed there."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.app.trackers.records import Transfer, TransferStatus
from tidemill.core.access import Actor, Permission
from tidemill.core.errors import TidemillError
from tidemill.core.names import shown
from tidemill.data.sharing.errors import RemoteNotFound
from tidemill.data.sharing.records import Remote, SharedDataset
from tidemill.server.pages import forms
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute


@dataclass(frozen=True, slots=True)
class TransferView:
    """A push or a pull, in words."""

    transfer: Transfer
    tone: str
    is_running: bool
    said: str
    moved: int | None
    size: int


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    stores = workspace.stores

    def table(request: Request, actor: Actor) -> Response:
        values = {
            "here": "datasets",
            "title": "Remotes",
            "remotes": stores.list(actor),
            "transfers": [_view(transfer) for transfer in stores.transfers(actor)],
        }
        return render(request, "remotes.html", values)

    def one(request: Request, actor: Actor) -> Response:
        remote = _find(stores.list(actor), request.path_params["name"])
        found: Sequence[SharedDataset] = ()
        problem = None
        try:
            found = stores.datasets(actor, name=remote.name)
        except TidemillError as error:  # the place may be away; the rest of the page is not
            problem = error
        values = {
            "here": "datasets",
            "title": remote.name,
            "remote": remote,
            "url": _place(remote.name),
            "found": found,
            "problem": problem,
            "transfers": [_view(one) for one in stores.transfers(actor) if one.place == remote.uri],
        }
        return render(request, "remote.html", values)

    def remove(request: Request, actor: Actor) -> Response:
        name, ref = request.path_params["name"], forms.need(forms.read(request), "ref")
        stores.remove_version(actor, name=name, ref=ref)
        return back_to(f"{_place(name)}?said=Removing+{quote(ref, safe='')}.")

    def sweep(request: Request, actor: Actor) -> Response:
        given, name = forms.read(request), request.path_params["name"]
        is_dry = bool(given.get("dry_run"))
        stores.sweep(actor, name=name, older_than=forms.need(given, "older_than"), dry_run=is_dry)
        return back_to(f"{_place(name)}?said={'Looking' if is_dry else 'Sweeping'}.")

    return [
        page("/remotes", table),
        page("/remotes/{name}", one),
        page("/remotes/{name}/remove-version", remove, Permission.ADMIN, "POST"),
        page("/remotes/{name}/sweep", sweep, Permission.ADMIN, "POST"),
    ]


def _place(name: str) -> str:
    return f"/remotes/{quote(name, safe='')}"


def _find(known: Sequence[Remote], name: str) -> Remote:
    found = next((remote for remote in known if remote.name == name), None)
    if found is None:
        raise RemoteNotFound(f"There is no remote {shown(name)}", hint="`tidemill data remote list` names them.")
    return found


def _view(transfer: Transfer) -> TransferView:
    report = transfer.report
    is_running = transfer.status is TransferStatus.RUNNING
    said = report.error or "; ".join(report.notes)
    if is_running and report.total:
        said = f"{100 * report.done // report.total} %"
    return TransferView(
        transfer=transfer,
        tone=tone_of(transfer.status.value),
        is_running=is_running,
        said=said,
        moved=report.counts.get("bytes moved", 0) if transfer.direction in {"push", "pull"} else None,
        size=report.counts.get("bytes", 0),
    )
