"""The HTTP application over one workspace."""

import logging
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from tidemill.app import Workspace
from tidemill.core.access import Permission
from tidemill.core.errors import Internal, MethodNotAllowed, NotFound, TidemillError
from tidemill.core.names import shown
from tidemill.server import login, openapi, pages, transfers
from tidemill.server.answers import answer
from tidemill.server.api import ROUTES
from tidemill.server.binding import handler
from tidemill.server.faces import mlflow
from tidemill.server.guard import Guard
from tidemill.server.identity import Identity, needs_tokens
from tidemill.server.permits import ExactRoutes, StatedRoute, check_permissions
from tidemill.server.policy import PathPolicy

_LOG = logging.getLogger("tidemill.server")
_POLICY = PathPolicy()
_WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104 - no name that a caller uses


class RouteNotFound(NotFound):
    """The server has nothing at that path."""

    code = "route_not_found"


def build(workspace: Workspace, *, is_embedded: bool = False) -> ASGIApp:
    """Return the application that serves a workspace.

    Args:
        workspace: What is served.
        is_embedded: Whether the only caller is this process, which owns the folder as it is.

    Raises:
        RouteWithoutPermission: If a route does not state what it asks of its caller.
    """
    all_routes = routes(workspace)
    check_permissions(all_routes)
    app = Starlette(
        routes=[ExactRoutes(all_routes), *all_routes],
        exception_handlers={TidemillError: _known_error, HTTPException: _http_error, Exception: _fault},
    )
    app.state.mark = partial(pages.changes.mark, workspace)
    settings = workspace.settings
    names = {name.strip() for name in settings.allowed_hosts.split(",")} | {settings.host}
    is_open = is_embedded or not needs_tokens(settings)
    identity = Identity(workspace.governance, is_open=is_open)
    return Guard(app, hosts=frozenset(names - {"", *_WILDCARDS}), identity=identity, policy=_POLICY)


def routes(workspace: Workspace) -> list[BaseRoute]:
    """Return every route of the server, each with its permission."""
    return [
        StatedRoute("/health", _health, Permission.OPEN),
        StatedRoute("/api/v1/openapi.json", _openapi, Permission.OPEN),
        *login.routes(workspace.governance),
        *transfers.routes(workspace),
        *pages.routes(workspace),
        *(StatedRoute(route.path, handler(workspace, route), route.permission, [route.method]) for route in ROUTES),
        *mlflow.routes(workspace),
    ]


async def _health(request: Request) -> Response:
    del request
    return PlainTextResponse("OK")


async def _openapi(request: Request) -> Response:
    del request
    return answer(openapi.document())


async def _known_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, TidemillError)  # noqa: S101 - registered for this class only
    return _POLICY.error_answer(request, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    path = shown(request.url.path)
    if error.status_code == 405:
        return _POLICY.error_answer(
            request, MethodNotAllowed(f"{request.method} does not work on {path}", hint="See /api/v1/openapi.json.")
        )
    return _POLICY.error_answer(
        request, RouteNotFound(f"There is nothing at {path}", hint="See /api/v1/openapi.json for what there is.")
    )


async def _fault(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _POLICY.error_answer(
        request, Internal("The server failed at this request", hint="Its log has the trace; please report it.")
    )
