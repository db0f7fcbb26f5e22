"""What the server says of itself, and what it says to routes of MLflow that it does not speak."""

from collections.abc import Iterable

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tidemill.core.access import Permission
from tidemill.core.errors import MethodNotAllowed
from tidemill.core.names import shown
from tidemill.server.faces.mlflow.address import address_of
from tidemill.server.faces.mlflow.errors import NoSuchRoute, NotSpoken
from tidemill.server.permits import StatedRoute

VERSION = "3.17.2"
"""The newest MLflow whose routes were checked one by one."""
_SPEAKS = "It speaks MLflow's tracking, artifacts and model registry; see 'Coming from MLflow' in its documentation"
_PRESIGNED = ("/presigned/", "/artifacts/presigned-")
_THROUGH = "Use the artifact proxy, and leave MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD out"
_EVERYTHING = ("GET", "POST", "PUT", "PATCH", "DELETE")
BELOW = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/3.0/mlflow")


class ServerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What clients ask before they use what not every server has."""

    store_type: str = "SqlAlchemyStore"
    workspaces_enabled: bool = False
    multipart_uploads_enabled: bool
    multipart_downloads_enabled: bool = False


def routes(spoken: Iterable[str]) -> list[StatedRoute]:
    """Return the routes that tell what this is, and those that tell what it is not.

    Args:
        spoken: Paths of the routes that are spoken, below their prefixes.
    """
    known = frozenset(spoken)
    areas = {path.split("/")[1] for path in known}

    async def unknown(request: Request) -> Response:
        path = f"/{request.path_params['path']}"
        asked = f"{request.method} {shown(request.url.path)}"
        if path in known:
            raise MethodNotAllowed(f"There is no {asked}, but the path is known", hint="Use another method")
        if path.startswith(_PRESIGNED):
            raise NotSpoken(f"This server does not offer {asked}: files come and go through itself", hint=_THROUGH)
        if path.split("/")[1] in areas:
            raise NoSuchRoute(f"There is no {asked}", hint=_SPEAKS)
        raise NotSpoken(f"This server does not offer {asked}", hint=_SPEAKS)

    found = [StatedRoute("/version", _version, Permission.OPEN)]
    found += [
        StatedRoute(f"{prefix}/mlflow/server-info", _info, Permission.OPEN) for prefix in ("/api/3.0", "/ajax-api/3.0")
    ]
    others = [*BELOW, "/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts"]
    # Below what is spoken: Starlette asks routes in their order.
    found += [StatedRoute(f"{prefix}/{{path:path}}", unknown, Permission.READ, _EVERYTHING) for prefix in others]
    found += [StatedRoute(path, _not_spoken, Permission.READ, _EVERYTHING) for path in ("/graphql", "/v1/traces")]
    return found


async def _version(request: Request) -> Response:
    del request
    return HTMLResponse(VERSION)  # plain text, by the name that the clients know


async def _info(request: Request) -> Response:
    info = ServerInfo(multipart_uploads_enabled=address_of(request) is not None)
    return Response(msgspec.json.encode(info), media_type="application/json")


async def _not_spoken(request: Request) -> Response:
    raise NotSpoken(f"This server does not offer {request.method} {shown(request.url.path)}", hint=_SPEAKS)
