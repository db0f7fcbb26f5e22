"""Requests to one tracking server, from a process of its own.

`python load.py JOB` does a job given in JSON and prints what it saw in JSON. Rates come from raw sockets on
uvloop, so that the client is not the bound: one request after the other over each kept connection.
Single large or slow requests come from `http.client` with `TCP_NODELAY`.
"""

import asyncio
import http.client
import json
import socket
import sys
import time
from typing import Any, cast

import uvloop

API = "/api/2.0/mlflow"
NOW = 1_700_000_000_000


class Wire:
    """One kept connection for requests of any size."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600, blocksize=1 << 20)

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        """Give the body of the answer; end on anything but 200."""
        content = json.dumps(body).encode() if body is not None and not isinstance(body, bytes) else body
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        self.connection.request(method, path, content, {"Content-Type": kind})
        reply = self.connection.getresponse()
        found = reply.read()
        if reply.status != 200:
            sys.exit(f"{method} {path}: {reply.status} {found[:500].decode(errors='replace')}")
        return found

    def post(self, route: str, body: object) -> dict[str, Any]:
        """Give the answer of a classic route."""
        return dict(json.loads(self.ask("POST", f"{API}/{route}", body)))

    def size(self, path: str) -> int:
        """Read an answer piece by piece and give its length."""
        self.connection.request("GET", path)
        reply = self.connection.getresponse()
        room, total = memoryview(bytearray(1 << 20)), 0
        while count := reply.readinto(room):
            total += count
        if reply.status != 200:
            sys.exit(f"GET {path}: {reply.status}")
        return total


class Caller(asyncio.Protocol):
    """One connection that sends the next request when the answer is here whole."""

    def __init__(self, state: "State") -> None:
        self.state = state
        self.waiting = b""
        self.upcoming = state.next()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        self.socket = cast("socket.socket", transport.get_extra_info("socket"))
        self.acknowledge()
        self.send()

    def acknowledge(self) -> None:
        """Ask for quick acknowledgements; the kernel forgets it, so after each answer again."""
        if self.state.quick:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def send(self) -> None:
        """Send the next request, and make the one after it while the server works: that is not its time."""
        self.sent = time.perf_counter()
        self.transport.write(self.upcoming)
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self.prepare)  # the event loop writes between the two

    def prepare(self) -> None:
        """Make the next request."""
        self.upcoming = self.state.next()

    def data_received(self, data: bytes) -> None:
        """Take an answer."""
        self.acknowledge()
        data = self.waiting + data if self.waiting else data
        head = data.find(b"\r\n\r\n")
        at = data.lower().find(b"content-length:", 0, head) if head > 0 else -1
        if at < 0 or len(data) < head + 4 + int(data[at + 15 : data.find(b"\r", at)]):
            self.waiting = data
            return
        self.waiting = b""
        state = self.state
        if state.counting:
            state.took.append(time.perf_counter() - self.sent)
            state.first.set()
            if not data.startswith(b"HTTP/1.1 200"):
                state.wrong = data[:400].decode(errors="replace")
        if not state.over:
            self.send()


class State:
    """What the connections share: the requests still to send, and what came of them."""

    def __init__(self, port: int, kind: str, run: str, experiment: str, *, quick: bool) -> None:
        self.port, self.kind, self.run, self.experiment, self.quick = port, kind, run, experiment, quick
        self.sent = time.time_ns() // 1_000_000 % 1_000_000_000  # points of two rounds differ
        self.took: list[float] = []
        self.wrong = ""
        self.counting = self.over = False
        self.first = asyncio.Event()

    def next(self) -> bytes:
        """Give the next request; no two are equal, so none is done already."""
        self.sent += 1
        if self.kind == "log-metric":
            ids = f'"run_id":"{self.run}","run_uuid":"{self.run}"'
            body = f'{{{ids},"key":"loss","value":{self.sent % 97 / 8},"timestamp":{NOW},"step":{self.sent}}}'
        elif self.kind == "create":
            start = NOW + self.sent
            body = (
                f'{{"experiment_id":"{self.experiment}","run_name":"r","user_id":"ann","start_time":{start},"tags":[]}}'
            )
        else:
            body = batch(self.run, self.sent, keys=self.kind == "batch-keys")
        words = body.encode()
        route = {"log-metric": "log-metric", "create": "create"}.get(self.kind, "log-batch")
        head = f"POST {API}/runs/{route} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(words)}\r\n\r\n".encode() + words


def batch(run: str, number: int, *, keys: bool) -> str:
    """Give a batch of 1,000 metrics: a thousand keys, or a thousand steps of one."""
    first = number * 1000
    places = ((f"k{at}", number) if keys else ("loss", first + at) for at in range(1000))
    points = (f'{{"key":"{key}","value":{step % 89 / 8},"timestamp":{NOW},"step":{step}}}' for key, step in places)
    return f'{{"run_id":"{run}","metrics":[{",".join(points)}]}}'


async def rate(job: dict[str, Any]) -> dict[str, float]:
    """Warm up for a fifth of the time, then count."""
    state = State(job["port"], job["kind"], job["run"], job["experiment"], quick=job["quick"])
    loop = asyncio.get_running_loop()
    transports = [
        (await loop.create_connection(lambda: Caller(state), "127.0.0.1", job["port"]))[0]
        for _ in range(job["clients"])
    ]
    await asyncio.sleep(job["seconds"] / 5)
    state.counting, started = True, time.perf_counter()
    await asyncio.sleep(job["seconds"])
    took = time.perf_counter() - started
    if not state.took:  # a request takes longer than the time: wait for the first
        await asyncio.wait_for(state.first.wait(), 120)
        took = time.perf_counter() - started
    state.over = True
    for transport in transports:
        transport.close()
    if state.wrong or not state.took:
        sys.exit(f"{job['kind']}: {state.wrong or 'no answer'}")
    times = sorted(state.took)
    return {
        "rate": len(times) / took,
        "p50_ms": times[len(times) // 2] * 1e3,
        "p99_ms": times[int(len(times) * 0.99)] * 1e3,
    }


def timed(job: dict[str, Any]) -> dict[str, float]:
    """Do one request again and again and give the median of its times."""
    wire = Wire(job["port"])
    times, found = [], b""
    for _ in range(job["times"]):
        started = time.perf_counter()
        found = wire.ask(job["method"], job["path"], job.get("body"))
        times.append(time.perf_counter() - started)
    return {"ms": sorted(times)[len(times) // 2] * 1e3, "bytes": len(found), "found": found.count(b'"run_uuid"')}


def pages(job: dict[str, Any]) -> dict[str, float]:
    """Read all pages of runs or of a history."""
    wire, token, started, count = Wire(job["port"]), "", time.perf_counter(), 0
    while True:
        if job["what"] == "runs":
            body = {
                "experiment_ids": [job["experiment"]],
                "max_results": 1000,
                **({"page_token": token} if token else {}),
            }
            page = wire.post("runs/search", body)
            count += len(page.get("runs", ()))
        else:
            query = f"run_id={job['run']}&metric_key={job['key']}&max_results=25000" + (
                f"&page_token={token}" if token else ""
            )
            page = json.loads(wire.ask("GET", f"{API}/metrics/get-history?{query}"))
            count += len(page.get("metrics", ()))
        token = page.get("next_page_token", "")
        if not token:
            return {"s": time.perf_counter() - started, "count": count}


def files(job: dict[str, Any]) -> dict[str, float]:
    """Put files and get them again."""
    wire, root = Wire(job["port"]), f"/api/2.0/mlflow-artifacts/artifacts/{job['root']}"
    content = (bytes(range(256)) * (job["size"] // 256 + 1))[: job["size"]]
    paths = [f"{root}/bench-{time.time_ns()}/file-{at}.bin" for at in range(job["count"])]
    started = time.perf_counter()
    for path in paths:
        wire.ask("PUT", path, content)
    put = time.perf_counter() - started
    started = time.perf_counter()
    total = sum(wire.size(path) for path in paths)
    got = time.perf_counter() - started
    if total != job["size"] * job["count"]:
        sys.exit(f"{total} bytes came back")
    for path in paths:
        wire.ask("DELETE", path)
    return {"up_s": put, "down_s": got}


def fill(job: dict[str, Any]) -> dict[str, float]:
    """Make runs of 10 params and 10 metrics each, or a long history, through batches."""
    wire, started = Wire(job["port"]), time.perf_counter()
    if job["what"] == "history":
        for number in range(job["count"] // 1000):
            wire.post("runs/log-batch", json.loads(batch(job["run"], number, keys=False).replace('"loss"', '"long"')))
        return {"s": time.perf_counter() - started}
    for at in range(job["first"], job["first"] + job["count"]):
        body = {"experiment_id": job["experiment"], "run_name": f"run {at}", "user_id": "ann", "start_time": NOW + at}
        run = wire.post("runs/create", body)["run"]["info"]["run_id"]
        metrics = [{"key": f"m{key}", "value": value(at, key), "timestamp": NOW + at, "step": 0} for key in range(10)]
        params = [{"key": f"p{key}", "value": str(at * (key + 3) % 17)} for key in range(10)]
        wire.post("runs/log-batch", {"run_id": run, "metrics": metrics, "params": params})
    return {"s": time.perf_counter() - started}


def value(at: int, key: int) -> float:
    """Give the value of a run's metric: scattered, the same every time."""
    return (at * 7919 + key * 104_729) % 100_003 / 100_003


def main() -> None:
    """Do the job named on the command line."""
    job = json.loads(sys.argv[1])
    work = {"timed": timed, "pages": pages, "files": files, "fill": fill}
    print(json.dumps(uvloop.run(rate(job)) if job["do"] == "rate" else work[job["do"]](job)))


if __name__ == "__main__":
    main()
