"""What the server says of itself, and what it says to routes of MLflow that it does not speak."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tidemill.core.access import Permission
from tidemill.core.names import shown
from tidemill.server.faces.mlflow.errors import NotSpoken
from tidemill.server.permits import StatedRoute

VERSION = "3.17.2"
"""The newest MLflow whose routes were checked one by one."""
_EVERYTHING = ("GET", "POST", "PUT", "PATCH", "DELETE")
BELOW = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/3.0/mlflow")


def routes() -> list[StatedRoute]:
    """Return the routes that tell what this is."""
    found = [StatedRoute("/version", _version, Permission.OPEN)]
    found += [
        StatedRoute(f"{prefix}/mlflow/server-info", _info, Permission.OPEN) for prefix in ("/api/3.0", "/ajax-api/3.0")
    ]
    others = [*BELOW, "/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts"]
    # Below what is spoken: Starlette asks routes in their order.
    found += [StatedRoute(f"{prefix}/{{path:path}}", _not_spoken, Permission.READ, _EVERYTHING) for prefix in others]
    found += [StatedRoute(path, _not_spoken, Permission.READ, _EVERYTHING) for path in ("/graphql", "/v1/traces")]
    return found


async def _version(request: Request) -> Response:
    del request
    return PlainTextResponse(VERSION)


async def _info(request: Request) -> Response:
    del request
    return Response(b'{"store_type":"SqlAlchemyStore","workspaces_enabled":false}', media_type="application/json")


async def _not_spoken(request: Request) -> Response:
    raise NotSpoken(
        f"This server does not offer {request.method} {shown(request.url.path)}",
        hint="It speaks MLflow's tracking, artifacts and model registry; see 'Coming from MLflow' in its documentation",
    )
