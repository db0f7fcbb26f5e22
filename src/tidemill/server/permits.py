"""Every route states what it asks of its caller; a server with one that does not will not start."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute

from tidemill.core.access import Actor, Permission, require
from tidemill.core.errors import Internal, Unauthenticated

Endpoint = Callable[[Request], Awaitable[Response]]


class LoginNeeded(Unauthenticated):
    """The caller did not say who it is."""

    code = "login_needed"


class RouteWithoutPermission(Internal):
    """A route does not state its permission."""

    code = "route_without_permission"


class StatedRoute(StarletteRoute):
    """A route with its permission.

    Args:
        path: The path.
        endpoint: What answers; it sees callers that may only.
        permission: What the caller must be allowed.
        methods: The HTTP methods.
    """

    def __init__(
        self, path: str, endpoint: Endpoint, permission: Permission, methods: Sequence[str] = ("GET",)
    ) -> None:
        async def permitted(request: Request) -> Response:
            try:
                admit(request, permission)
            except Unauthenticated:
                if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
                    return RedirectResponse(f"/login?next={quote(_place(request), safe='')}", 303)
                raise
            return await endpoint(request)

        super().__init__(path, permitted, methods=list(methods))
        self.permission = permission
        self.serve = permitted


def admit(request: Request, permission: Permission) -> Actor | None:
    """Let the request's caller pass, or refuse.

    Raises:
        Unauthenticated: If a token is needed, and none came or a wrong one.
        PermissionMissing: If the caller's role is too low.
    """
    actor: Actor | None = request.state.actor
    if permission is Permission.OPEN:
        return actor
    if actor is None:
        refusal: Unauthenticated | None = request.state.refusal
        raise refusal or LoginNeeded(
            "This server wants to know who you are",
            hint="Set TIDEMILL_TOKEN, or send `Authorization: Bearer TOKEN`; an admin makes tokens with"
            " `tidemill tokens create NAME`.",
        )
    require(actor, permission)
    return actor


def check_permissions(routes: Iterable[BaseRoute]) -> None:
    """Let an application start whose every route states its permission.

    Raises:
        RouteWithoutPermission: If one does not.
    """
    for route in routes:
        if not isinstance(getattr(route, "permission", None), Permission):
            raise RouteWithoutPermission(
                f"The route {getattr(route, 'path', route)} states no permission",
                hint="Make it a StatedRoute.",
            )


def _place(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
