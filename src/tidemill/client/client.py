"""One client for every verb of the API; which verbs there are stands in the route table."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from tidemill.core import errors
from tidemill.core.errors import InvalidInput, TidemillError, Unavailable

T = TypeVar("T")
_LONG = httpx.Timeout(None, connect=5)


class ServerUnreachable(Unavailable):
    """The server does not answer."""

    code = "server_unreachable"


class Client:
    """Speaks the HTTP API.

    Args:
        http: The connection: over the network, or to an application of this process.
        is_embedded: Whether what the server does ends with this process.
    """

    def __init__(self, http: httpx.Client, *, is_embedded: bool = False) -> None:
        self.http = http
        self.is_embedded = is_embedded

    def get(self, path: str, kind: type[T], /, **query: object) -> T:
        """Return what a path holds, decoded as a type."""
        return self._decode(self._send("GET", path, params=_query(query)), kind)

    def post(self, path: str, kind: type[T], body: object = None, *, is_long: bool = False) -> T:
        """Send a JSON object to a path and return the answer, decoded as a type; wait as long as it takes if asked."""
        content = msgspec.json.encode(body if body is not None else {}, enc_hook=str)
        timeout = _LONG if is_long else httpx.USE_CLIENT_DEFAULT
        return self._decode(self._send("POST", path, content=content, timeout=timeout), kind)

    def put(self, path: str, kind: type[T], body: object = None) -> T:
        """Send a JSON object to a path and return the answer, decoded as a type."""
        content = msgspec.json.encode(body if body is not None else {}, enc_hook=str)
        return self._decode(self._send("PUT", path, content=content), kind)

    def delete(self, path: str, kind: type[T], /, **query: object) -> T:
        """Delete what a path holds and return the answer, decoded as a type."""
        return self._decode(self._send("DELETE", path, params=_query(query)), kind)

    def upload(self, content: bytes) -> str:
        """Store bytes on the server and return their digest."""
        return self._decode(self._send("POST", "/api/v1/objects", content=content), dict[str, str])["digest"]

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[bytes]]:
        """Give the bytes that a path holds, piece by piece as they come."""
        with self._reached(), self.http.stream("GET", path) as response:
            if response.status_code >= 400:
                response.read()
                raise _error(response)
            yield response.iter_bytes()

    def close(self) -> None:
        """Let go of the connection, and of the workspace when it is embedded."""
        self.http.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        self.close()

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - passed on to httpx
        with self._reached():
            response = self.http.request(method, path, **options)
        if response.status_code >= 400:
            raise _error(response)
        return response

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise ServerUnreachable(
                f"The server at {self.http.base_url} does not answer: {error}",
                hint="Start one with `tidemill up`, or look at TIDEMILL_URL.",
            ) from error

    @staticmethod
    def _decode(response: httpx.Response, kind: type[T]) -> T:
        if kind is type(None) or kind is None:
            return None  # type: ignore[return-value]  # T is None here
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.ValidationError:
            # A metric may be NaN or infinite, which stands as a word; only then are words taken for numbers.
            return msgspec.json.decode(response.content, type=kind, strict=False)


def part(text: str) -> str:
    """Return a text as one part of a path.

    Raises:
        InvalidInput: If it is empty, which would name another path.
    """
    if not text:
        raise InvalidInput("A name is empty", hint="Give the name or id of what you mean.")
    return quote(text, safe="")


def _query(query: dict[str, object]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, dict):
            given[name] = [f"{key}={text}" for key, text in value.items()]
        elif isinstance(value, list | tuple):
            given[name] = [str(each) for each in value]
        elif isinstance(value, bool):
            given[name] = "true" if value else "false"
        else:
            given[name] = str(value) if not hasattr(value, "isoformat") else value.isoformat()
    return given


def _error(response: httpx.Response) -> TidemillError:
    """Return the server's error as one of the same family here."""
    try:
        body = json.loads(response.content)["error"]
        code, message = body["code"], body["message"]
    except (ValueError, KeyError, TypeError):
        return errors.Internal(
            f"The server answered {response.status_code} without saying why", hint="Is TIDEMILL_URL a Tidemill server?"
        )
    kind = _family(code, response.status_code)
    error = kind(message, hint=body.get("hint", ""), where=body.get("where", ""), details=body.get("details"))
    error.code = code  # the exact case, also where its class is not loaded here
    return error


_FAMILIES: dict[int, type[TidemillError]] = {
    400: errors.InvalidInput,
    401: errors.Unauthenticated,
    403: errors.Refused,
    404: errors.NotFound,
    405: errors.InvalidInput,
    409: errors.Conflict,
    413: errors.TooLarge,
    422: errors.InvalidInput,
    501: errors.MissingExtra,
    503: errors.Unavailable,
    507: errors.OutOfSpace,
}


def _family(code: str, status: int) -> type[TidemillError]:
    if code.startswith("damaged") or code.endswith("damaged"):
        return errors.Damaged
    return _FAMILIES.get(status, errors.Internal)
