"""The bytes that go back to a client."""

import time
from email.utils import formatdate
from http import HTTPStatus

import msgspec

from tidemill.core.errors import (
    Conflict,
    Damaged,
    Internal,
    InvalidInput,
    NotFound,
    Refused,
    TidemillError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from tidemill.serving import errors

JSON = b"application/json"
TEXT = b"text/plain; version=0.0.4; charset=utf-8"

# The most specific class wins: it is looked up along the error's own line of parents.
_STATUS: dict[type[Exception], int] = {
    errors.MalformedRequest: 400,
    errors.MalformedJson: 400,
    errors.JsonTooDeep: 400,
    errors.DuplicateKey: 400,
    errors.RequestTooSlow: 408,
    errors.HeadTooLarge: 431,
    errors.HostNotAllowed: 421,
    errors.MethodNotAllowed: 405,
    errors.WrongMediaType: 415,
    InvalidInput: 422,
    Unauthenticated: 401,
    Refused: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    Damaged: 500,
    Internal: 500,
    Unavailable: 503,
}

_REASON = {status.value: status.phrase.encode() for status in HTTPStatus}
_encode = msgspec.json.Encoder().encode


class _Clock:
    """The Date header, made once a second."""

    second = -1
    line = b""


def _date() -> bytes:
    second = int(time.time())
    if second != _Clock.second:
        _Clock.second = second
        _Clock.line = b"\r\nDate: " + formatdate(second, usegmt=True).encode() + b"\r\nContent-Length: "
    return _Clock.line


def _start(status: int, content_type: bytes) -> bytes:
    return b"HTTP/1.1 %d %b\r\nContent-Type: %b" % (status, _REASON[status], content_type)


_OK_JSON = _start(200, JSON)


def ok(body: bytes, *, keep: bool) -> bytes:
    """Return the reply 200 with a JSON body."""
    end = b"\r\n\r\n" if keep else b"\r\nConnection: close\r\n\r\n"
    return b"%b%b%d%b%b" % (_OK_JSON, _date(), len(body), end, body)


def reply(status: int, body: bytes, *, content_type: bytes = JSON, keep: bool = True, extra: bytes = b"") -> bytes:
    """Return a reply; `extra` is whole header lines, each begun by CRLF."""
    end = b"" if keep else b"\r\nConnection: close"
    return b"%b%b%d%b%b\r\n\r\n%b" % (_start(status, content_type), _date(), len(body), extra, end, body)


def status_of(error: Exception) -> int:
    """Return the HTTP status that stands for an error."""
    for kind in type(error).__mro__:
        if kind in _STATUS:
            return _STATUS[kind]
    return 500


def error_body(error: TidemillError) -> bytes:
    """Return the JSON of an error: code, message, hint, and the problems of single rows."""
    content = {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "details": error.details.get("problems", []),
    }
    return _encode({"error": content})


def refuse(error: TidemillError, *, keep: bool) -> bytes:
    """Return the reply that an error stands for."""
    status = status_of(error)
    extra = b""
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        extra = b"\r\nRetry-After: %d" % max(1, int(str(error.details.get("retry_after_s", 1))))
    elif status == HTTPStatus.UNAUTHORIZED:
        extra = b"\r\nWWW-Authenticate: Bearer"
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        extra = b"\r\nAllow: %b" % str(error.details.get("allow", "GET")).encode()
    return reply(status, error_body(error), keep=keep, extra=extra)
