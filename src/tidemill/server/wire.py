"""How answers go to the socket: head and body of a small one in one write, as one packet."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_SMALL = _MOST_HEAD = 64 << 10


class JoinedWrites:
    """A transport that keeps a write for the rest of the event loop's turn, and lets it go with the one that follows.

    An answer is written in two pieces, its head and its body. On their own each is a system call and a packet, which
    is a fifth of what the server does for a small request; and a client that delays its acknowledgements may wait.

    Args:
        transport: Where the writes go.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._soon = asyncio.get_running_loop().call_soon
        self._kept = b""

    def write(self, data: bytes) -> None:
        """Write bytes, at the latest in the event loop's next turn."""
        kept = self._kept
        if kept:
            self._kept = b""
            if len(data) <= _SMALL:
                self._transport.write(kept + data)
                return
            self._transport.write(kept)
        elif len(data) <= _SMALL:
            self._kept = data
            self._soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Close after what was written has gone out."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._kept:
            kept, self._kept = self._kept, b""
            self._transport.write(kept)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a transport has
        return getattr(self._transport, name)


class JoiningProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with joined writes, and an end to heads that do not end."""

    _head: int | None = None
    """How much of a request's head came so far without its end; None outside of heads."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._head = 0

    def on_headers_complete(self) -> None:
        """Begin a request's body."""
        self._head = None
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take bytes; nobody has said who it is before its head is complete."""
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > _MOST_HEAD and not self.transport.is_closing():
                self.send_400_response("The request's head is too large.")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(JoinedWrites(transport))  # type: ignore[arg-type]
