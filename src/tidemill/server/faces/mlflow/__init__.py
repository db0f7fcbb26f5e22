"""MLflow's REST API, so that `MLFLOW_TRACKING_URI` may name a Tidemill server and nothing else changes.

Source:
    MLflow REST API, versions 2.0 and 3.0 as clients from 2.9 on call them.
"""

from starlette.requests import Request

from tidemill.app import Workspace
from tidemill.server.faces.mlflow import (
    about,
    artifacts,
    experiments,
    logged_models,
    metrics,
    multipart,
    registry,
    runs,
    versions,
)
from tidemill.server.faces.mlflow.dispatch import stated
from tidemill.server.faces.mlflow.errors import mlflow_error
from tidemill.server.permits import StatedRoute

__all__ = ["mlflow_error", "routes", "speaks", "streams"]

_SPOKEN = (
    *runs.ROUTES,
    *metrics.ROUTES,
    *experiments.ROUTES,
    *artifacts.ROUTES,
    *logged_models.ROUTES,
    *registry.ROUTES,
    *versions.ROUTES,
)
_BEGINNINGS = (
    "/get-artifact",
    "/model-versions/get-artifact",
    *about.BELOW,
    *(f"{prefix}/mlflow-artifacts" for prefix in artifacts.PREFIXES),
)


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return every route of the face."""
    return [
        *stated(workspace, _SPOKEN),
        *artifacts.routes(workspace),
        *multipart.routes(workspace),
        *about.routes(each.path for each in _SPOKEN),
    ]


def speaks(request: Request) -> bool:
    """Return whether a request is of this protocol, so that its errors must be too."""
    return request.url.path.startswith(_BEGINNINGS)


def streams(request: Request) -> bool:
    """Return whether a request's body goes to disk as it comes, however large it is."""
    return request.method == "PUT" and request.url.path.startswith(
        tuple(f"{prefix}{below}/" for prefix in artifacts.PREFIXES for below in (artifacts.PROXY, multipart.PARTS))
    )
