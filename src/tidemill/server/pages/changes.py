"""A small mark that changes whenever the ledger does, so that open pages know when to look again."""

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.server.answers import answer
from tidemill.server.pages.shell import page
from tidemill.server.permits import StatedRoute


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the route of the mark."""

    def mark(request: Request, actor: Actor) -> Response:
        del request
        newest = workspace.governance.audit(actor, limit=1)
        return answer({"mark": newest[0].seq if newest else 0})

    return [page("/changes", mark)]
