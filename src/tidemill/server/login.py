"""The page on which a person shows a token once, and the cookie that keeps it."""

from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tidemill.core.access import Permission
from tidemill.core.errors import Unauthenticated
from tidemill.governance.service import GovernanceService
from tidemill.server.identity import COOKIE
from tidemill.server.pages.shell import render
from tidemill.server.permits import StatedRoute
from tidemill.server.threads import in_thread

_KEPT_S = 30 * 24 * 3600


def routes(governance: GovernanceService) -> list[StatedRoute]:
    """Return the routes of logging in and out."""

    async def ask(request: Request) -> Response:
        return _page(request)

    async def login(request: Request) -> Response:
        form = parse_qs((await request.body()).decode("ascii", "replace"), max_num_fields=8)
        secret = form.get("token", [""])[0].strip()
        try:
            await in_thread(governance.authenticate, secret)
        except Unauthenticated as error:
            return _page(request, f"{error.message}. {error.hint}", 401)
        response = RedirectResponse(_next(request), 303)
        response.set_cookie(
            COOKIE, secret, max_age=_KEPT_S, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return response

    async def logout(request: Request) -> Response:
        del request
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    return [
        StatedRoute("/login", ask, Permission.OPEN),
        StatedRoute("/login", login, Permission.OPEN, ["POST"]),
        StatedRoute("/logout", logout, Permission.OPEN, ["POST"]),
    ]


def _page(request: Request, problem: str = "", status: int = 200) -> Response:
    return render(request, "login.html", {"title": "Log in", "problem": problem, "next": _next(request)}, status=status)


def _next(request: Request) -> str:
    """Return the place on this server that the caller came from; never another server."""
    place = request.query_params.get("next", "/")
    parts = urlsplit(place)
    inside = place.startswith("/") and not place.startswith("//") and "\\" not in place and place.isprintable()
    return place if inside and not parts.scheme and not parts.netloc else "/"
