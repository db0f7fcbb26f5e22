"""The HTTP application over one workspace."""

from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from tidemill.app import Workspace
from tidemill.core.access import Permission
from tidemill.server import login, openapi, pages, transfers
from tidemill.server.answers import answer
from tidemill.server.api import ROUTES
from tidemill.server.binding import bind
from tidemill.server.faces import mlflow
from tidemill.server.guard import Guard
from tidemill.server.handling import handler
from tidemill.server.identity import Identity, needs_tokens
from tidemill.server.permits import StatedRoute
from tidemill.server.policy import PathPolicy
from tidemill.server.routing import Routing

_WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104 - no name that a caller uses


def build(workspace: Workspace, *, is_embedded: bool = False) -> ASGIApp:
    """Return the application that serves a workspace.

    Args:
        workspace: What is served.
        is_embedded: Whether the only caller is this process, which owns the folder as it is.

    Raises:
        RouteWithoutPermission: If a route does not state what it asks of its caller.
    """
    app = Routing(routes(workspace), partial(pages.changes.mark, workspace))
    settings = workspace.settings
    names = {name.strip() for name in settings.allowed_hosts.split(",")} | {settings.host}
    is_open = is_embedded or not needs_tokens(settings)
    identity = Identity(workspace.governance, is_open=is_open)
    return Guard(app, hosts=frozenset(names - {"", *_WILDCARDS}), identity=identity, policy=PathPolicy())


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


def warm(workspace: Workspace) -> None:
    """Load the stages that no request has asked for yet, so that none waits for it.

    Nothing is loaded later: a package that is upgraded under a server must not reach into it.
    """
    for route in ROUTES:
        workspace.service(bind(route.verb).service)


async def _health(request: Request) -> Response:
    del request
    return PlainTextResponse("OK")


async def _openapi(request: Request) -> Response:
    del request
    return answer(openapi.document())
