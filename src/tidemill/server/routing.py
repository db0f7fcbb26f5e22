"""From a request to the route that serves it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Router
from starlette.types import Receive, Scope, Send

from tidemill.server.permits import StatedRoute, check_permissions


class Routing:
    """Serves each request by the first route that fits it, without trying all that come before.

    A route whose path has no parameters is found at once, another among those that begin like the request's path.

    Args:
        routes: All routes, in the order in which they are tried.
        mark: Returns a number that changes with the ledger; pages ask for it as `request.app.state.mark`.

    Raises:
        RouteWithoutPermission: If a route does not state what it asks of its caller.
    """

    def __init__(self, routes: Sequence[BaseRoute], mark: Callable[[], int]) -> None:
        check_permissions(routes)
        self._exact: dict[tuple[str, str], StatedRoute] = {}
        self._below: dict[str, list[tuple[int, StatedRoute]]] = {}
        for place, route in enumerate(routes):
            if isinstance(route, StatedRoute):
                start, brace, _ = route.path.partition("{")
                for method in () if brace else route.methods or ():
                    self._exact.setdefault((method, start), route)
                if brace:
                    self._below.setdefault(start[: start.rindex("/") + 1], []).append((place, route))
        self._deepest = max((start.count("/") for start in self._below), default=0)
        self._router = Router(routes)
        self.state = State({"mark": mark})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope["app"] = self
        route = self._find(scope) if scope["type"] == "http" else None
        if route is None:
            await self._router(scope, receive, send)
            return
        response = await route.serve(Request(scope, receive, send))
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> StatedRoute | None:
        """Return the route of a request; None leaves it to the router, which says why there is none."""
        if route := self._exact.get((scope["method"], scope["path"])):
            return route
        starts = islice(_starts(scope["path"]), self._deepest)
        likely = [found for start in starts for found in self._below.get(start, ())]
        for _, route in sorted(likely, key=lambda one: one[0]):
            match, more = route.matches(scope)
            if match is Match.FULL:
                scope.update(more)
                return route
        return None


def _starts(path: str) -> Iterator[str]:
    """Yield what a path begins with, up to each of its slashes."""
    at = path.find("/")
    while at >= 0:
        yield path[: at + 1]
        at = path.find("/", at + 1)
