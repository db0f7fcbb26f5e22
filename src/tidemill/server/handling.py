"""What serves a route of the API in the HTTP application."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.server.answers import answer
from tidemill.server.binding import arguments, bind
from tidemill.server.routes import Route
from tidemill.server.threads import in_thread

Handler = Callable[[Request], Awaitable[Response]]


def handler(workspace: Workspace, route: Route) -> Handler:
    """Return what serves a route on a workspace."""

    async def serve(request: Request) -> Response:
        bound = bind(route.verb)
        verb = getattr(workspace.service(bound.service), bound.method)
        actor: Actor = request.state.actor
        body = await request.body()
        values = arguments(bound, request.method, request.path_params, request.query_params.multi_items(), body)
        return answer(await in_thread(verb, actor, **values), route.status)

    return serve
