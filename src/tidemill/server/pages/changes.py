"""A small mark that changes whenever the ledger does, so that open pages know when to look again."""

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import SYSTEM, Actor
from tidemill.server.answers import answer
from tidemill.server.pages.shell import page
from tidemill.server.permits import StatedRoute


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the route of the mark."""

    def tell(request: Request, actor: Actor) -> Response:
        del request, actor
        return answer({"mark": mark(workspace)})

    return [page("/changes", tell)]


def mark(workspace: Workspace) -> int:
    """Return the number of the newest audit event."""
    newest = workspace.governance.audit(SYSTEM, limit=1)
    return newest[0].seq if newest else 0
