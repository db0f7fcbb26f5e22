"""Reaching the server: over the network, or the one that works on a workspace folder, or an embedded one."""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from tidemill.client.tracking.spool import Place
from tidemill.core.errors import TidemillError, Unavailable
from tidemill.core.lazy import load
from tidemill.core.settings import Settings

_CONNECT_S, _ANSWER_S, _FILE_S = 3.0, 10.0, 120.0
_LATER = "Nothing is lost: the next run on this machine tries again, and so does `tidemill spool push`."
_PIECE = 1 << 20
COURIER = "tidemill-track"
"""The name of the thread that delivers."""
_FAMILIES_OF_NOW = frozenset({401, 403, 407, 408, 425, 429})


class ServerAway(Unavailable):
    """The server cannot be reached, or does not take anything just now."""

    code = "server_away"


class Refusal(NamedTuple):
    """What the server said when it refused something for good."""

    code: str
    message: str


class Link:
    """A connection that is made when it is needed.

    Args:
        place: The server.
        settings: The token; whether this is for an embedded workspace, everything.
    """

    def __init__(self, place: Place, settings: Settings) -> None:
        self._place = place
        self._settings = settings
        self._context: AbstractContextManager[Any] | None = None
        self._http: Any = None

    @property
    def is_shared(self) -> bool:
        """Whether the connection may be kept: a workspace folder is for one process at a time, and others wait."""
        return bool(self._place.url)

    def call(self, method: str, path: str, body: object = None) -> Refusal | None:
        """Send a JSON object; return the refusal, or nothing when it was done.

        Raises:
            ServerAway: If nobody who can do it answers.
        """
        return self._send(method, path, json.dumps(body).encode(), _ANSWER_S)

    def put_file(self, path: str, file: Path) -> Refusal | None:
        """Send a file as it is now; return the refusal, or nothing when it was done.

        Raises:
            ServerAway: If nobody who can do it answers.
            OSError: If the file cannot be read.
        """
        with file.open("rb") as opened:
            length = str(file.stat().st_size)
            pieces = iter(lambda: opened.read(_PIECE), b"")
            return self._send("PUT", path, pieces, _FILE_S, {"Content-Length": length})

    def rest(self) -> None:
        """Let go of a workspace folder, so that a server may start on it; a network connection is kept."""
        if not self.is_shared:
            self.close()

    def close(self) -> None:
        """Let go of the connection."""
        context, self._context, self._http = self._context, None, None
        if context is not None:
            context.__exit__(None, None, None)

    def _open(self) -> Any:  # noqa: ANN401 - httpx is not loaded here
        if self._http is None:
            if self._place.url:
                httpx = load("httpx")
                headers = {"Authorization": f"Bearer {self._settings.token}"} if self._settings.token else {}
                context = httpx.Client(base_url=self._place.url, headers=headers)
                self._http = context.__enter__()
            else:
                home = replace(self._settings, url="", home=Path(self._place.home))
                context = load("tidemill.client.places").connect(home)
                self._http = context.__enter__().http
            self._context = context
        return self._http

    def _send(
        self,
        method: str,
        path: str,
        content: bytes | Iterable[bytes],
        answer_s: float,
        headers: dict[str, str] | None = None,
    ) -> Refusal | None:
        httpx = _quiet_httpx()
        timeout = httpx.Timeout(answer_s, connect=_CONNECT_S)
        try:
            response = self._open().request(method, path, content=content, headers=headers, timeout=timeout)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            self.close()  # a connection that hung once is not asked again
            raise ServerAway(f"{self._place} does not answer: {error!r}", hint=_LATER) from error
        except TidemillError as error:
            raise ServerAway(f"{self._place}: {error.message}", hint=error.hint) from error
        return _judged(self._place, response.status_code, response.content)


def _quiet_httpx() -> Any:  # noqa: ANN401 - a module
    """Return httpx, which would write a line to the training's log for each request of the courier."""
    logging.getLogger("httpx").addFilter(_is_not_ours)  # adding it again changes nothing
    return load("httpx")


def _is_not_ours(record: logging.LogRecord) -> bool:
    return record.threadName != COURIER


def _judged(place: Place, status: int, content: bytes) -> Refusal | None:
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if status < 300 and isinstance(body, dict | list):
        return None
    said = _said(body)
    if said is None or status in _FAMILIES_OF_NOW or status >= 500:
        # Not our server at all: a login page, a proxy that stands before a dead one. Or ours, and unable just now.
        what = said.message if said else "without a word that a Tidemill server would say"
        hint = "Look at TIDEMILL_TOKEN." if status in {401, 403} else _LATER
        raise ServerAway(f"{place} answered {status}: {what}", hint=hint, details={"status": status})
    return said


def _said(body: object) -> Refusal | None:
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, dict) and "code" in error:
        return Refusal(str(error["code"]), str(error.get("message", "")))
    if "error_code" in body:
        return Refusal(str(body["error_code"]), str(body.get("message", "")))
    return None


def chunks(values: list[Any], most: int) -> Iterator[list[Any]]:
    """Yield a list in pieces."""
    for start in range(0, len(values), most):
        yield values[start : start + most]
