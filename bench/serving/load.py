"""A load generator of raw sockets: sends one prepared request again and again over kept connections.

    python load.py PORT CONNECTIONS SECONDS < request.bin

Prints one JSON line: requests, seconds, p50_ms, p99_ms, errors.
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop


class Client(asyncio.Protocol):
    """One connection that sends the next request when the answer is here whole."""

    def __init__(self, request: bytes, state: "State") -> None:
        self.request = request
        self.state = state
        self.waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        self.send()

    def send(self) -> None:
        """Send the request once more."""
        self.sent = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Take an answer."""
        data = self.waiting + data if self.waiting else data
        head = data.find(b"\r\n\r\n")
        at = data.lower().find(b"content-length:", 0, head) if head > 0 else -1
        if at < 0 or len(data) < head + 4 + int(data[at + 15 : data.find(b"\r", at)]):
            self.waiting = data
            return
        self.waiting = b""
        if self.state.counting:
            self.state.took.append(time.perf_counter() - self.sent)
            self.state.errors += not data.startswith(b"HTTP/1.1 200")
        if not self.state.over:
            self.send()


class State:
    """What the connections share."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self.errors = 0
        self.counting = False
        self.over = False


async def main(port: int, connections: int, seconds: float) -> None:
    """Warm up for a fifth of the time, then count."""
    request = sys.stdin.buffer.read()
    state = State()
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(request, state), "127.0.0.1", port)
    await asyncio.sleep(seconds / 5)
    state.counting = True
    started = time.perf_counter()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - started
    state.over = True
    times = sorted(state.took)
    if not times:
        times = [float("nan")]
    print(
        json.dumps(
            {
                "requests": len(state.took),
                "seconds": took,
                "rate": len(state.took) / took,
                "p50_ms": times[len(times) // 2] * 1e3,
                "p99_ms": times[int(len(times) * 0.99)] * 1e3,
                "errors": state.errors,
            }
        )
    )


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
