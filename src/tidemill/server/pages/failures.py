"""Errors as a person reads them in a browser: what was wrong, its code, what to do next."""

from starlette.requests import Request
from starlette.responses import Response

from tidemill.core.errors import TidemillError
from tidemill.server.pages.shell import render
from tidemill.server.status import status_of

_TITLES = {
    400: "That cannot be done as it was asked",
    401: "Who are you?",
    403: "You may not do this",
    404: "Nothing here",
    405: "Not this way",
    409: "That clashes with what is there",
    413: "Too large",
    501: "A part is not installed",
    503: "Not now",
    507: "The disk is full",
}


def wants_page(request: Request) -> bool:
    """Return whether a browser asks, and not for the API."""
    is_api = request.url.path.startswith(("/api/", "/static/"))
    return "text/html" in request.headers.get("accept", "") and not is_api


def page_of(request: Request, error: TidemillError) -> Response:
    """Return an error as a page."""
    status = status_of(error)
    title = _TITLES.get(status, "Something broke")
    return render(request, "error.html", {"title": title, "error": error, "status": status}, status=status)
