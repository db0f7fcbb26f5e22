"""What every request passes before anything else sees it: host, origin, size, identity; every error on its way out."""

import ipaddress
from typing import Protocol
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidemill.core.errors import MethodNotAllowed, NotFound, Refused, TidemillError
from tidemill.core.names import shown
from tidemill.server.bodies import check_length, own_fault
from tidemill.server.identity import Identity

_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", _POLICY.encode()),
)


class HostRefused(Refused):
    """The request calls this server by a name that is not its own."""

    code = "host_refused"


class OriginRefused(Refused):
    """The request comes from a page of another site."""

    code = "origin_refused"


class RouteNotFound(NotFound):
    """The server has nothing at that path."""

    code = "route_not_found"


class Policy(Protocol):
    """What the guard does differently by path, because a protocol of others says so."""

    def most_body(self, request: Request) -> int | None:
        """Return the most bytes of a request's body; None where the body is streamed to disk."""

    def error_answer(self, request: Request, error: TidemillError) -> Response:
        """Return how an error looks to the caller."""


class Guard:
    """Lets a request through to the application, or answers it.

    Args:
        app: The application behind.
        hosts: The names, besides loopback's, by which this server may be called.
        identity: Says who the caller is.
        policy: What differs by path.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], identity: Identity, policy: Policy) -> None:
        self._app = app
        self._hosts = hosts
        self._identity = identity
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                present = {name for name, _ in message["headers"]}
                message["headers"] += [pair for pair in _HEADERS if pair[0] not in present]
            await send(message)

        request = Request(scope)
        try:
            check_host(request, self._hosts)
            check_origin(request)
            most = self._policy.most_body(request)
            check_stated_length(request, most)
            request.state.actor, request.state.refusal = await self._identity.of(request)
            await self._app(scope, _limited(receive, most), send_safely)
        except Exception as error:
            known = _known(request, error)
            if started:
                raise
            await self._policy.error_answer(request, known)(scope, receive, send_safely)


def _known(request: Request, error: Exception) -> TidemillError:
    """Return what an error is to the caller; a fault of ours goes to the log whole, and tells the caller nothing."""
    if isinstance(error, TidemillError):
        return error
    if not isinstance(error, HTTPException):
        return own_fault(f"{request.method} {request.url.path}", error)
    path = shown(request.url.path)
    if error.status_code == 405:
        return MethodNotAllowed(f"{request.method} does not work on {path}", hint="See /api/v1/openapi.json.")
    return RouteNotFound(f"There is nothing at {path}", hint="See /api/v1/openapi.json for what there is.")


def check_host(request: Request, hosts: frozenset[str]) -> None:
    """Let pass what calls this server by its own name, so that no foreign name can be made to point here."""
    name = _name_of(request.headers.get("host", ""))
    if name in hosts or name == "localhost":
        return
    try:
        if ipaddress.ip_address(name).is_loopback:
            return
    except ValueError:
        pass
    raise HostRefused(
        f"This server is not called {shown(name)}", hint="Add the name to TIDEMILL_ALLOWED_HOSTS if it should be."
    )


def check_origin(request: Request) -> None:
    """Let pass what changes nothing, or comes from no page, or from a page of this server."""
    origin = request.headers.get("origin")
    if request.method in {"GET", "HEAD", "OPTIONS"} or origin is None:
        return
    try:
        place = urlsplit(origin).netloc
    except ValueError:
        place = ""
    if not place or place != request.headers.get("host", ""):
        raise OriginRefused(
            f"A page of {shown(origin)} may not change anything here", hint="Use this server's own pages, or a token."
        )


def check_stated_length(request: Request, most: int | None) -> None:
    """Refuse a body that says it is too large, before any of it is read."""
    text = request.headers.get("content-length", "0")
    if text.isascii() and text.isdigit():
        check_length(int(text), most)


def _limited(receive: Receive, most: int | None) -> Receive:
    if most is None:
        return receive
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        check_length(seen, most)
        return message

    return counted


def _name_of(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
