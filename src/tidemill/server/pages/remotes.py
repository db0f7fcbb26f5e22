"""Remotes of datasets: what is remembered, and how far pushes and pulls are."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.app.trackers.records import Transfer, TransferStatus
from tidemill.core.access import Actor
from tidemill.server.pages.shell import page, render
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute


@dataclass(frozen=True, slots=True)
class TransferView:
    """A push or a pull, in words."""

    transfer: Transfer
    tone: str
    is_running: bool
    said: str
    moved: int
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

    return [page("/remotes", table)]


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
        moved=report.counts.get("bytes moved", 0),
        size=report.counts.get("bytes", 0),
    )
