"""From a request to the route that serves it."""

from collections.abc import Callable, Sequence

from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import BaseRoute, Router
from starlette.types import Receive, Scope, Send

from tidemill.server.permits import StatedRoute, check_permissions


class Routing:
    """Serves each request by its route: one whose path has no parameters is found at once, however many there are.

    Args:
        routes: All routes, in the order in which they are tried.
        mark: Returns a number that changes with the ledger; pages ask for it as `request.app.state.mark`.

    Raises:
        RouteWithoutPermission: If a route does not state what it asks of its caller.
    """

    def __init__(self, routes: Sequence[BaseRoute], mark: Callable[[], int]) -> None:
        check_permissions(routes)
        exact = [route for route in routes if isinstance(route, StatedRoute) and "{" not in route.path]
        self._exact = {(method, route.path): route for route in reversed(exact) for method in route.methods or ()}
        self._router = Router(routes)
        self.state = State({"mark": mark})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope["app"] = self
        route = self._exact.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._router(scope, receive, send)
            return
        response = await route.serve(Request(scope, receive, send))
        await response(scope, receive, send)
