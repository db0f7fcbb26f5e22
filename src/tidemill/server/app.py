"""The HTTP application over one workspace."""

import logging

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp

from tidemill.app import Workspace
from tidemill.core.access import OWNER, Actor
from tidemill.core.errors import Internal, InvalidInput, NotFound, TidemillError
from tidemill.core.names import shown
from tidemill.server import openapi, transfers
from tidemill.server.answers import answer, error_answer
from tidemill.server.api import ROUTES
from tidemill.server.binding import handler
from tidemill.server.guard import Guard

_LOG = logging.getLogger("tidemill.server")


class RouteNotFound(NotFound):
    """The server has nothing at that path."""

    code = "route_not_found"


class MethodNotAllowed(InvalidInput):
    """The path exists, and does not take this method."""

    code = "method_not_allowed"


def build(workspace: Workspace) -> ASGIApp:
    """Return the application that serves a workspace."""
    routes = [StarletteRoute(route.path, handler(workspace, route), methods=[route.method]) for route in ROUTES]
    extra = [
        StarletteRoute("/health", _health, methods=["GET"]),
        StarletteRoute("/api/v1/openapi.json", _openapi, methods=["GET"]),
        *transfers.routes(workspace),
    ]
    app = Starlette(
        routes=[*extra, *routes],
        exception_handlers={TidemillError: _known_error, HTTPException: _http_error, Exception: _fault},
    )
    hosts = frozenset(name.strip() for name in workspace.settings.allowed_hosts.split(",") if name.strip())
    return Guard(app, hosts=hosts, authenticate=_authenticator(workspace))


def _authenticator(workspace: Workspace):  # type: ignore[no-untyped-def]  # noqa: ANN202 - replaced with governance
    del workspace

    def authenticate(request: Request) -> Actor | None:
        del request
        return OWNER

    return authenticate


async def _health(request: Request) -> Response:
    del request
    return PlainTextResponse("OK")


async def _openapi(request: Request) -> Response:
    del request
    return answer(openapi.document())


async def _known_error(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, TidemillError)  # noqa: S101 - registered for this class only
    return error_answer(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    path = shown(request.url.path)
    if error.status_code == 405:
        response = error_answer(MethodNotAllowed(f"{request.method} does not work on {path}", hint="See /api/v1/openapi.json."))
        response.status_code = 405
        return response
    return error_answer(RouteNotFound(f"There is nothing at {path}", hint="See /api/v1/openapi.json for what there is."))


async def _fault(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_answer(Internal("The server failed at this request", hint="Its log has the trace; please report it."))
