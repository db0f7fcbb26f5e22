"""A way to a store that fails as it is told, request by request."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

Headers = list[tuple[str, str]]


@dataclass
class Request:
    """One request, read whole."""

    method: str
    path: str
    headers: Headers
    body: bytes

    def encode(self, port: int) -> bytes:
        kept = [(name, value) for name, value in self.headers if name.lower() not in {"connection", "host"}]
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in kept]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


@dataclass
class Fault:
    """What happens to requests that fit.

    Args:
        kind: `503`; `mute` (taken, never answered); `refuse` (the connection is cut at once); `lost` (the server does
            it, its answer never comes); `cut` (the connection ends in the middle of the answer's body); `short` (the
            answer says and holds half of the body); `flip` (one bit of the body differs); `gate` (waits for `gate`);
            `drip` (the body comes a little at a time).
        fits: Which requests.
        times: How many of them.
    """

    kind: str
    fits: Callable[[Request], bool]
    times: int = 1


class StoreProxy:
    """Listens on a port of its own and passes requests on to a server, but for its faults.

    Args:
        target: The server's port.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.faults: list[Fault] = []
        self.dropped_headers: set[str] = set()
        self.requests: list[Request] = []
        self.gate = threading.Event()
        self.is_waiting = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, kind: str, *, method: str = "", path: str = "", times: int = 1) -> None:
        """Let the next requests of a method, with a text in their path, meet a fault."""
        self.faults.append(Fault(kind, lambda asked: asked.method.startswith(method) and path in asked.path, times))

    def counted(self) -> Counter[str]:
        """Return how many requests of each method came."""
        return Counter(asked.method for asked in self.requests)

    def sent_bytes(self) -> int:
        """Return how many bytes of bodies came."""
        return sum(len(asked.body) for asked in self.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        ).result()
        self.port = server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            asked = await self._read(reader, writer)
            self.requests.append(asked)
            fault = next((fault for fault in self.faults if fault.times and fault.fits(asked)), None)
            if fault is None:
                await self._answer(asked, writer, "")
            else:
                fault.times -= 1
                await self._answer(asked, writer, fault.kind)
        writer.close()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:] if line)]
        found = {name.lower(): value for name, value in headers}
        if "expect" in found:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(int(found.get("content-length", 0)))
        kept = [(name, value) for name, value in headers if name.lower() not in {*self.dropped_headers, "expect"}]
        return Request(method, path, kept, body)

    async def _answer(self, asked: Request, writer: asyncio.StreamWriter, fault: str) -> None:
        if fault == "refuse":
            return
        if fault == "mute":
            await asyncio.to_thread(self.gate.wait)
            return
        if fault == "gate":
            self.is_waiting.set()
            await asyncio.to_thread(self.gate.wait)
        if fault.isdigit():
            body = b"<Error><Code>SlowDown</Code></Error>"
            writer.write(f"HTTP/1.1 {fault} Busy\r\nContent-Length: {len(body)}\r\n".encode())
            writer.write(b"Connection: close\r\n\r\n" + body)
            await writer.drain()
            return
        answer = await self._ask(asked)
        head, _, body = answer.partition(b"\r\n\r\n")
        if fault == "lost":
            return
        if fault == "cut":
            body = body[: len(body) // 2]
        if fault == "flip":
            body = bytes([body[0] ^ 1]) + body[1:]
        if fault == "short":
            half = len(body) // 2
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
            head, body = b"\r\n".join([*lines, b"Content-Length: %d" % half]), body[:half]
        writer.write(head + b"\r\n\r\n")
        step = max(1, len(body) // 50) if fault == "drip" else len(body) or 1
        for start in range(0, len(body), step):
            writer.write(body[start : start + step])
            await writer.drain()
            await asyncio.sleep(0)

    async def _ask(self, asked: Request) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target)
        writer.write(asked.encode(self.target))
        await writer.drain()
        answer = await reader.read()
        writer.close()
        return answer
