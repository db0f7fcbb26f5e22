"""Errors as MLflow's clients know them: a code, a message, and the status by which they decide whether to try again."""

import msgspec
from starlette.responses import Response

from tidemill.core.errors import (
    Conflict,
    InvalidInput,
    MethodNotAllowed,
    MissingExtra,
    NotFound,
    Refused,
    TidemillError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from tidemill.models.rules import AliasNotFound
from tidemill.server.faces.mlflow.requests import LengthMissing, NotJson
from tidemill.server.status import status_of


class NoSuchRoute(NotFound):
    """A path that MLflow does not have either, or that this server leaves out among those that it speaks."""

    code = "no_such_route"


class NotSpoken(TidemillError):
    """A route of MLflow that this server does not offer."""

    code = "not_spoken"


_CODES: tuple[tuple[type[TidemillError], str, int], ...] = (
    # MLflow's own server says so of an alias, and its client's callers look at it.
    (AliasNotFound, "INVALID_PARAMETER_VALUE", 400),
    (NotJson, "BAD_REQUEST", 400),
    (LengthMissing, "BAD_REQUEST", 411),
    (NoSuchRoute, "ENDPOINT_NOT_FOUND", 404),
    (MethodNotAllowed, "ENDPOINT_NOT_FOUND", 405),
    (NotFound, "RESOURCE_DOES_NOT_EXIST", 404),
    (InvalidInput, "INVALID_PARAMETER_VALUE", 400),
    (Refused, "PERMISSION_DENIED", 403),
    (Unauthenticated, "UNAUTHENTICATED", 401),
    (TooLarge, "BAD_REQUEST", 413),
    (Unavailable, "TEMPORARILY_UNAVAILABLE", 503),
    (MissingExtra, "NOT_IMPLEMENTED", 501),
)


class MlflowError(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer that is no success.

    Source:
        MLflow REST API, errors.
    """

    error_code: str
    message: str


def code_of(error: TidemillError) -> tuple[str, int]:
    """Return MLflow's code and HTTP status of an error."""
    if isinstance(error, NotSpoken):
        return "NOT_IMPLEMENTED", 501
    if isinstance(error, Conflict):
        # Of the conflicts, only "exists already" has a code of its own, by which clients go on.
        is_taken = error.code.endswith("_exists")
        return ("RESOURCE_ALREADY_EXISTS" if is_taken else "INVALID_PARAMETER_VALUE"), 400
    for kind, code, status in _CODES:
        if isinstance(error, kind):
            return code, status
    return "INTERNAL_ERROR", status_of(error)


def mlflow_error(error: TidemillError) -> Response:
    """Return an error as MLflow's clients read it."""
    code, status = code_of(error)
    message = f"{error.message}. {error.hint}" if error.hint else error.message
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(
        msgspec.json.encode(MlflowError(error_code=code, message=message)), status, headers, "application/json"
    )
