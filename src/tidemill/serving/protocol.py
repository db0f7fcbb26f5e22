"""HTTP/1.1 over one connection: framing, limits and time-outs; what requests mean is the plane's."""

import asyncio
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, cast

from tidemill.core.errors import TidemillError
from tidemill.serving import answers
from tidemill.serving.chunks import ChunkedBody
from tidemill.serving.errors import HeadTooLarge, RequestTooSlow, ServingFault, TooManyConnections
from tidemill.serving.heads import Head, HeadReader
from tidemill.serving.limits import Limits
from tidemill.serving.metrics import Metrics

_END = b"\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FOREVER = float("inf")


class State(IntEnum):
    """What a connection waits for."""

    IDLE = 0
    HEAD = 1
    BODY = 2
    ANSWER = 3
    GOODBYE = 4


class Handler(Protocol):
    """What requests mean."""

    def admit(self, head: Head) -> TidemillError | None:
        """Return why a request is refused before its body is read, or None."""

    def take(self, client: "Connection", head: Head, body: bytes) -> None:
        """Answer a request through the connection, now or later."""

    def refused_head(self, head: Head | None, error: TidemillError) -> None:
        """Count a request that got an error for its head."""


class Hub:
    """What all connections of a process share.

    Args:
        handler: What requests mean.
        reader: Of heads.
        limits: How much, and for how long.
        metrics: Counters of the process.
        loop: The event loop.
    """

    def __init__(
        self,
        handler: Handler,
        reader: HeadReader,
        limits: Limits,
        metrics: Metrics,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.handler = handler
        self.reader = reader
        self.limits = limits
        self.metrics = metrics
        self.loop = loop
        self.connections: set[Connection] = set()
        self.draining = False

    def connect(self) -> "Connection":
        """Return the protocol of a new connection."""
        return Connection(self)

    def sweep(self) -> None:
        """Part with the connections whose time is over."""
        now = self.loop.time()
        for connection in [one for one in self.connections if one.deadline < now]:
            connection.expire()

    def drain(self) -> None:
        """Part with idle connections now and with the others after their answer."""
        self.draining = True
        for connection in list(self.connections):
            connection.drain()


class Connection(asyncio.Protocol):
    """One client, one request at a time; bytes of the next wait in the buffer."""

    __slots__ = (
        "_body",
        "_chunks",
        "_head",
        "_hub",
        "_left",
        "_paused",
        "_state",
        "_transport",
        "_waiting",
        "deadline",
        "gone",
    )

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._state = State.IDLE
        self._waiting = b""
        self._head: Head | None = None
        self._body: list[bytes] = []
        self._left = 0
        self._chunks: ChunkedBody | None = None
        self._paused = False
        self.deadline = _FOREVER
        self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many."""
        hub = self._hub
        self._transport = cast("asyncio.Transport", transport)
        hub.connections.add(self)
        hub.metrics.connections = len(hub.connections)
        self.deadline = hub.loop.time() + hub.limits.head_s
        if len(hub.connections) > hub.limits.connections:
            self._part(TooManyConnections("The server holds as many connections as it may", hint="Try again later."))
        elif hub.draining:
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # asyncio's signature
        """Forget the client; what it asked for and nobody waits for is dropped before the model."""
        self.gone = True
        self._hub.connections.discard(self)
        self._hub.metrics.connections = len(self._hub.connections)

    def pause_writing(self) -> None:
        """The client does not read its answers: read no more from it."""
        self._paused = True
        self._transport.pause_reading()
        self.deadline = self._hub.loop.time() + self._hub.limits.write_s

    def resume_writing(self) -> None:
        """It reads again."""
        self._paused = False
        self.deadline = self._hub.loop.time() + self._hub.limits.idle_s
        self._transport.resume_reading()
        if self._waiting and self._state <= State.HEAD:
            self._advance()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client."""
        state = self._state
        if state <= State.HEAD:
            self._waiting = self._waiting + data if self._waiting else data
            self._advance()
        elif state == State.BODY:
            self._collect(data)
        elif state == State.ANSWER:
            self._waiting += data
            if len(self._waiting) > self._hub.limits.head_bytes:
                self._transport.pause_reading()

    def _advance(self) -> None:
        """Read the next request from the bytes that wait."""
        data = self._waiting
        end = data.find(_END)
        hub = self._hub
        if end < 0 or end > hub.limits.head_bytes:
            self._await_head(data)
            return
        end += 4
        self._head = None
        try:
            head = self._head = hub.reader.read(data[:end])
            refusal = hub.handler.admit(head)
            if refusal is not None:
                self._refuse_head(head, refusal, data[end:])
                return
            self._left = head.length
            if not head.chunked and len(data) - end >= head.length:
                stop = end + head.length
                self._waiting = data[stop:]
                self._take(head, data[end:stop])
                return
        except TidemillError as error:
            self._part(error)
            return
        self._begin_body(head, data[end:])

    def _await_head(self, data: bytes) -> None:
        while data[:2] == b"\r\n":  # an empty line before a request is to be ignored (RFC 9112, section 2.2)
            data = data[2:]
        self._waiting = data
        if len(data) > self._hub.limits.head_bytes:
            limit = f"{self._hub.limits.head_bytes:,}"
            self._part(HeadTooLarge(f"The head is over {limit} bytes", hint="Send fewer or shorter headers."))
        elif data and self._state == State.IDLE:
            self._state = State.HEAD
            self.deadline = self._hub.loop.time() + self._hub.limits.head_s

    def _refuse_head(self, head: Head, error: TidemillError, rest: bytes) -> None:
        """Refuse by the head; the connection goes on if the body is here whole, for then the next head is found."""
        if head.keep and not head.chunked and len(rest) >= head.length:
            self._hub.handler.refused_head(head, error)
            self._waiting = rest[head.length :]
            keep = not self._hub.draining
            self._state = State.ANSWER
            self._reply(answers.refuse(error, keep=keep), keep=keep)
        else:
            self._part(error)

    def _begin_body(self, head: Head, data: bytes) -> None:
        self._state = State.BODY
        self._waiting = b""
        self._body = []
        self._chunks = ChunkedBody(self._hub.limits.body_bytes) if head.chunked else None
        self.deadline = self._hub.loop.time() + self._hub.limits.body_s
        if head.expects and not data:
            self._transport.write(_CONTINUE)
        elif data:
            self._collect(data)

    def _collect(self, data: bytes) -> None:
        """Take bytes of a body."""
        head = self._head
        if head is None:
            return
        if self._chunks is not None:
            try:
                rest = self._chunks.feed(data)
            except TidemillError as error:
                self._part(error)
                return
            if rest is not None:
                self._waiting = rest
                self._take(head, self._chunks.body())
            return
        self._body.append(data[: self._left])
        rest = data[self._left :]
        self._left -= len(self._body[-1])
        if not self._left:
            self._waiting = rest
            body, self._body = b"".join(self._body), []
            self._take(head, body)

    def _take(self, head: Head, body: bytes) -> None:
        self._state = State.ANSWER
        self.deadline = _FOREVER
        try:
            self._hub.handler.take(self, head, body)
        except Exception as error:  # noqa: BLE001  # the last line: no client stays without an answer
            fault = ServingFault(f"The data plane failed: {type(error).__name__}", hint="Report this as a bug.")
            self._hub.handler.refused_head(head, fault)
            self.refuse(fault)

    def answer(self, body: bytes) -> None:
        """Send the JSON of predictions."""
        keep = self._keeps()
        self._reply(answers.ok(body, keep=keep), keep=keep)

    def refuse(self, error: TidemillError) -> None:
        """Send an error to a request that was read whole."""
        keep = self._keeps()
        self._reply(answers.refuse(error, keep=keep), keep=keep)

    def send(self, status: int, body: bytes, content_type: bytes = answers.JSON) -> None:
        """Send a page."""
        keep = self._keeps()
        whole = answers.reply(status, body, content_type=content_type, keep=keep)
        if self._head is not None and self._head.method == "HEAD":
            whole = whole[: len(whole) - len(body)]
        self._reply(whole, keep=keep)

    def _keeps(self) -> bool:
        return self._head is not None and self._head.keep and not self._hub.draining

    def _reply(self, whole: bytes, *, keep: bool) -> None:
        if self.gone:
            return
        self._transport.write(whole)
        if not keep:
            self._state = State.GOODBYE
            self.deadline = self._hub.loop.time() + self._hub.limits.write_s
            self._transport.close()
            return
        self._state = State.IDLE
        if self._paused:
            return
        self.deadline = self._hub.loop.time() + self._hub.limits.idle_s
        if self._waiting:
            self._transport.resume_reading()
            self._hub.loop.call_soon(self._advance_if_idle)

    def _advance_if_idle(self) -> None:
        if self._state == State.IDLE and self._waiting and not self.gone and not self._paused:
            self._advance()

    def _part(self, error: TidemillError) -> None:
        """Send an error and end the connection.

        What the client still sends is thrown away for a moment: closing at once would reset the connection, and the
        client might lose the answer.
        """
        self._hub.handler.refused_head(self._head, error)
        self._state = State.GOODBYE
        self._waiting = b""
        self._body = []
        self._transport.write(answers.refuse(error, keep=False))
        self.deadline = self._hub.loop.time() + self._hub.limits.linger_s
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def eof_received(self) -> bool:
        """The client left: closing is all that HTTP clients mean by it, and what they asked for is dropped."""
        return False

    def expire(self) -> None:
        """End a connection whose time is over, with a word if a request was half-way here."""
        if self._paused or self._state in {State.IDLE, State.GOODBYE}:
            self._transport.abort()
        elif self._state in {State.HEAD, State.BODY}:
            part = "head" if self._state == State.HEAD else "body"
            hint = "Send the request in one go, or use a faster connection."
            self._part(RequestTooSlow(f"The {part} of the request did not arrive in time", hint=hint))

    def drain(self) -> None:
        """End the connection if nothing is under way on it."""
        if self._state == State.IDLE:
            self._transport.close()


if TYPE_CHECKING:
    from tidemill.serving.batching import Client

    def _is_client(connection: Connection) -> Client:
        return connection
