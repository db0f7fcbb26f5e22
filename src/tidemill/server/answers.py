"""Answers and errors as responses of the HTTP application."""

from starlette.responses import Response

from tidemill.core.errors import TidemillError
from tidemill.server.bodies import body_of, error_body
from tidemill.server.status import status_of

JSON = "application/json"


def answer(value: object, status: int = 200) -> Response:
    """Return a value as JSON; nothing as an empty object."""
    return Response(body_of(value), status, media_type=JSON)


def error_answer(error: TidemillError) -> Response:
    """Return an error as JSON, with the status of its family."""
    status = status_of(error)
    return Response(error_body(error), status, {"WWW-Authenticate": "Bearer"} if status == 401 else None, JSON)
