"""The route that serves a request is the first that fits, however it is found."""

import asyncio

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tidemill.core.access import Permission
from tidemill.server.permits import RouteWithoutPermission, StatedRoute
from tidemill.server.routing import Routing

PATHS = (
    "/things",
    "/things/{name}",
    "/things/special",
    "/things/{name}/parts/{part}",
    "/files/{path:path}",
    "/files/a/{rest:path}",
    "/{anything}",
)


def route(path, methods=("GET",)):
    async def serve(request):
        return PlainTextResponse(f"{path} {sorted(request.path_params.items())}")

    return StatedRoute(path, serve, Permission.OPEN, methods)


@pytest.fixture
def ask():
    app = Routing([*(route(path) for path in PATHS), route("/things", ["POST"])], lambda: 7)

    async def admitted(scope, receive, send):
        scope["state"] = {"actor": None}
        await app(scope, receive, send)

    def asked(method, path):
        async def request():
            transport = httpx.ASGITransport(admitted)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
                return await http.request(method, path)

        return asyncio.run(request())

    return asked


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/things", "/things []"),
        ("/things/special", "/things/special []"),
        ("/things/other", "/things/{name} [('name', 'other')]"),
        ("/things/a/parts/b", "/things/{name}/parts/{part} [('name', 'a'), ('part', 'b')]"),
        ("/files/a/b/c", "/files/{path:path} [('path', 'a/b/c')]"),
        ("/files/", "/files/{path:path} [('path', '')]"),
        ("/else", "/{anything} [('anything', 'else')]"),
    ],
)
def test_a_path_finds_its_route(ask, path, found):
    assert ask("GET", path).text == found


def test_methods_tell_routes_apart(ask):
    assert ask("POST", "/things").text == "/things []"
    assert ask("HEAD", "/things").status_code == 200


def test_what_fits_no_route_is_said_so(ask):
    for method, path, status in (("PUT", "/things", 405), ("DELETE", "/things/x", 405), ("GET", "/a/b/c", 404)):
        with pytest.raises(HTTPException) as error:
            ask(method, path)
        assert error.value.status_code == status


def test_a_slash_too_many_leads_to_the_page(ask):
    assert ask("GET", "/things/special/").headers["location"].endswith("/things/special")


def test_a_route_that_states_nothing_stops_the_start():
    with pytest.raises(RouteWithoutPermission):
        Routing([Route("/open", lambda _: PlainTextResponse(""))], lambda: 0)
