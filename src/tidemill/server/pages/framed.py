"""HTML that somebody logged, in a frame of no origin: its scripts reach neither this server nor the network."""

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission
from tidemill.core.errors import InvalidInput, TooLarge
from tidemill.core.names import shown
from tidemill.server.pages import words
from tidemill.server.pages.previews import is_page
from tidemill.server.permits import StatedRoute
from tidemill.server.threads import in_thread

_MOST_BYTES = 32 << 20
POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; media-src data: blob:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
"""Scripts run, because drawings are made by them, in an origin of their own that holds nothing: no cookie of ours, no
storage, no request. The answer says so itself, so that it holds without the frame too."""


class NotAPage(InvalidInput):
    """A file is not HTML."""

    code = "not_a_page"


class PageTooLarge(TooLarge):
    """A page is larger than what is shown."""

    code = "page_too_large"


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the route of framed pages."""

    def read(actor: Actor, root: str, path: str) -> bytes:
        if not is_page(path):
            raise NotAPage(f"{shown(path)} is not HTML by its name", hint="Download it from the run's page.")
        found = workspace.tracking.find_artifact(actor, root=root, path=path)
        if found.size > _MOST_BYTES:
            raise PageTooLarge(f"{shown(path)} has {words.size(found.size)}", hint="Download it instead.")
        return workspace.objects.read(found.digest)

    async def show(request: Request) -> Response:
        place = request.path_params
        content = await in_thread(read, request.state.actor, place["root"], place["path"])
        headers = {
            "Content-Security-Policy": POLICY,
            "X-Frame-Options": "SAMEORIGIN",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        return Response(content, headers=headers, media_type="text/html")

    return [StatedRoute("/framed/{root}/{path:path}", show, Permission.READ)]
