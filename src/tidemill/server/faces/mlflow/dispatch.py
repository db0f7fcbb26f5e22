"""One route of MLflow's API: the fields that it takes, the function that answers, the permission that it asks."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission
from tidemill.server.faces.mlflow.requests import check_type, decoded, from_body, from_values, query_values
from tidemill.server.permits import Endpoint, StatedRoute
from tidemill.server.threads import arrived, in_thread

T = TypeVar("T", bound=msgspec.Struct)
PREFIXES = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow")
"""Clients use the first, MLflow's own pages the second."""
_JSON = "application/json"
_NOTHING = b"{}"


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks for what of which workspace."""

    workspace: Workspace
    actor: Actor


@dataclass(frozen=True, slots=True)
class Spoken(Generic[T]):
    """A route.

    Args:
        method: The HTTP method.
        path: The path below the prefix.
        shape: The fields that it takes.
        answer: Gives what is sent back; None for an empty object.
        permission: What the caller must be allowed.
    """

    method: str
    path: str
    shape: type[T]
    answer: Callable[[Call, T], object]
    permission: Permission


@dataclass(frozen=True, slots=True)
class SpokenSoon(Generic[T]):
    """A route whose answer is nothing, and waits for a commit that many requests share."""

    path: str
    shape: type[T]
    answer: Callable[[Call, T], "Future[None]"]
    permission: Permission = Permission.WRITE


def stated(workspace: Workspace, spoken: Iterable["Spoken[Any] | SpokenSoon[Any]"]) -> Iterator[StatedRoute]:
    """Yield the HTTP routes of what is spoken, under every prefix."""
    for each in spoken:
        method = each.method if isinstance(each, Spoken) else "POST"
        serve = _serve(workspace, each) if isinstance(each, Spoken) else _serve_soon(workspace, each)
        for prefix in PREFIXES:
            yield StatedRoute(prefix + each.path, serve, each.permission, [method])


def _serve(workspace: Workspace, spoken: "Spoken[T]") -> Endpoint:
    async def serve(request: Request) -> Response:
        given = await _read(request, spoken.shape)
        value = await in_thread(spoken.answer, Call(workspace, request.state.actor), given)
        return Response(_NOTHING if value is None else msgspec.json.encode(value), media_type=_JSON)

    return serve


def _serve_soon(workspace: Workspace, spoken: "SpokenSoon[T]") -> Endpoint:
    async def serve(request: Request) -> Response:
        check_type(request.headers.get("content-type", ""))
        given = from_body(await request.body(), spoken.shape)
        await arrived(spoken.answer(Call(workspace, request.state.actor), given))
        return Response(_NOTHING, media_type=_JSON)

    return serve


async def _read(request: Request, shape: type[T]) -> T:
    body = b"" if request.method == "GET" else await request.body()
    if not body:
        return from_values({**query_values(request.query_params, shape), **request.path_params}, shape)
    check_type(request.headers.get("content-type", ""))
    if not request.path_params:
        return from_body(body, shape)
    return from_values({**decoded(body), **request.path_params}, shape)
