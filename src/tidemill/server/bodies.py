"""How answers and errors look, whatever carries them."""

import logging

import msgspec

from tidemill.core.errors import BodyTooLarge, Internal, TidemillError
from tidemill.tracking.numbers import sayable

MOST_BODY = 16 << 20
_ENCODER = msgspec.json.Encoder(enc_hook=str)
_LOG = logging.getLogger("tidemill.server")


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


def body_of(value: object) -> bytes:
    """Return a value as JSON; nothing as an empty object."""
    return _ENCODER.encode({} if value is None else sayable(value))


def error_body(error: TidemillError) -> bytes:
    """Return an error as JSON."""
    body = ErrorBody(code=error.code, message=error.message, hint=error.hint, where=error.where, details=error.details)
    return _ENCODER.encode(ErrorAnswer(error=body))


def own_fault(what: str, error: Exception) -> Internal:
    """Return what a fault of ours is to the caller, who learns nothing of it; it goes to the log whole."""
    _LOG.error("%s failed", what, exc_info=error)
    return Internal("The server failed at this request", hint="Its log has the trace; please report it.")


def check_length(length: int, most: int | None = MOST_BODY) -> None:
    """Refuse a body that is too large.

    Raises:
        BodyTooLarge: If it is.
    """
    if most is not None and length > most:
        raise BodyTooLarge(
            f"The body is over {most >> 20} MiB", hint="Send less at once; large files go in as artifacts or datasets."
        )
