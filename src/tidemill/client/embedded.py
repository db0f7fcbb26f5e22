"""The HTTP API without a network: requests go straight to the application, in a loop of their own."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from queue import Queue

import httpx
from starlette.types import ASGIApp, Message

_MOST_WAITING = 16
"""Pieces of an answer that wait to be read before the application waits too."""


class EmbeddedTransport(httpx.BaseTransport):
    """Sends requests to an ASGI application of this process.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="embedded-server", daemon=True)
        self._thread.start()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the application's answer; its body comes as it is read."""
        exchange = _Exchange(self._app, request, self._loop)
        status, headers = exchange.start()
        return httpx.Response(status, headers=headers, stream=exchange)

    def close(self) -> None:
        """Stop the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Exchange(httpx.SyncByteStream):
    """One request and its answer, handed from the application's loop to the caller's thread."""

    def __init__(self, app: ASGIApp, request: httpx.Request, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._request = request
        self._loop = loop
        self._content: bytes | None = request.read()
        self._is_whole = False
        self._head: Future[tuple[int, list[tuple[bytes, bytes]]]] = Future()
        self._pieces: Queue[bytes | None] = Queue()
        self._room = asyncio.Semaphore(_MOST_WAITING)
        self._gone = asyncio.Event()
        self._task: Future[None] | None = None

    def start(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Hand the request in, and return the status and headers of the answer."""
        self._task = asyncio.run_coroutine_threadsafe(self._serve(), self._loop)
        return self._head.result()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body."""
        while (piece := self._pieces.get()) is not None:
            self._loop.call_soon_threadsafe(self._room.release)
            yield piece
        if not self._is_whole:
            raise httpx.RemoteProtocolError("the answer broke off", request=self._request)

    def close(self) -> None:
        """Let the application know that nobody reads any more, and wait until it is done."""
        if self._task and not self._task.done():
            self._loop.call_soon_threadsafe(self._gone.set)
            self._task.cancel()

    async def _serve(self) -> None:
        try:
            await self._app(self._scope(), self._receive, self._send)
        except BaseException as error:
            if not self._head.done():
                self._head.set_exception(error)
            # Polars raises Ctrl-C in the thread that computes: the caller gets it, this loop must not end by it.
            if not isinstance(error, KeyboardInterrupt):
                raise
        finally:
            if not self._head.done():
                self._head.set_exception(httpx.RemoteProtocolError("no answer", request=self._request))
            self._pieces.put(None)

    async def _receive(self) -> Message:
        if self._content is not None:
            content, self._content = self._content, None
            return {"type": "http.request", "body": content, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head.set_result((message["status"], list(message["headers"])))
        elif message["type"] == "http.response.body":
            if message.get("body"):
                await self._room.acquire()
                self._pieces.put(bytes(message["body"]))
            self._is_whole = not message.get("more_body", False)

    def _scope(self) -> dict[str, object]:
        url = self._request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "client": ("127.0.0.1", 0),
            "server": (url.host, url.port),
        }
