"""How answers and errors look on the wire."""

import msgspec
from starlette.responses import Response

from tidemill.core.errors import TidemillError
from tidemill.server.status import status_of
from tidemill.tracking.numbers import sayable

JSON = "application/json"
_ENCODER = msgspec.json.Encoder(enc_hook=str)


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a caller learns of an error."""

    code: str
    message: str
    hint: str = ""
    where: str = ""
    details: dict[str, object] = {}


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer that is not a success."""

    error: ErrorBody


def answer(value: object, status: int = 200) -> Response:
    """Return a value as JSON; nothing as an empty object."""
    return Response(_ENCODER.encode({} if value is None else sayable(value)), status, media_type=JSON)


def error_answer(error: TidemillError) -> Response:
    """Return an error as JSON, with the status of its family."""
    body = ErrorBody(code=error.code, message=error.message, hint=error.hint, where=error.where, details=error.details)
    headers = {"WWW-Authenticate": "Bearer"} if status_of(error) == 401 else None
    return Response(_ENCODER.encode(ErrorAnswer(error=body)), status_of(error), headers, JSON)
