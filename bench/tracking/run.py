"""Speed and size of tracking: Tidemill beside `mlflow server`, both on one kind of database, in one run.

    python bench/tracking/run.py [--quick] [--only ROW ...] [--servers tidemill peer ...] [--rounds 3]
                                 [--database postgresql]

Every row is measured on each server in turn, as often as there are rounds; medians are printed, and ratios.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from servers import Server, fill_peer, on_postgresql, on_sqlite, ours, peer, programs_of  # type: ignore[import-not-found]

HERE = Path(__file__).parent
SERVERS = ("tidemill", "peer", "peer, 1 worker")
Seen = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is done."""

    seconds: float
    runs: int
    many: int
    points: int
    megabytes: int
    files: int


FULL = Size(seconds=3.0, runs=10_000, many=100_000, points=100_000, megabytes=200, files=500)
QUICK = Size(seconds=1.0, runs=1_000, many=5_000, points=10_000, megabytes=50, files=50)


def load(server: Server, **job: object) -> Seen:
    """Let the load process do a job on a server."""
    fixed = {"port": server.port, "run": server.run, "experiment": server.experiment} | job
    done = subprocess.run(
        [sys.executable, str(HERE / "load.py"), json.dumps(fixed)], stdout=subprocess.PIPE, check=True
    )
    return dict(json.loads(done.stdout))


def rates(kind: str, clients: int, *, per: int = 1) -> Callable[[Server, Size], Seen]:
    """Make a row of requests a second; `per` things are in each."""

    def measure(server: Server, size: Size) -> Seen:
        seen: Seen = {}
        for quick in (True, False) if per == 1 else (True,):
            mark = "" if quick else ", no quick ACK"
            experiment = server.writing if kind == "create" else server.experiment
            found = load(
                server, do="rate", kind=kind, clients=clients, seconds=size.seconds, quick=quick, experiment=experiment
            )
            seen |= {
                f"/s{mark}": found["rate"] * per,
                f"p50 ms{mark}": found["p50_ms"],
                f"p99 ms{mark}": found["p99_ms"],
            }
        return seen

    return measure


def filled(server: Server, runs: int) -> None:
    """Make sure that this many runs are there."""
    there = server.filled
    if there >= runs:
        return
    if server.database:
        fill_peer(server, there, runs - there)
    else:
        parts = 4
        edges = [there + at * (runs - there) // parts for at in range(parts + 1)]
        common = {"port": server.port, "experiment": server.experiment, "do": "fill", "what": "runs"}
        jobs = [common | {"first": low, "count": high - low} for low, high in pairwise(edges)]
        command = [sys.executable, str(HERE / "load.py")]
        working = [subprocess.Popen([*command, json.dumps(job)], stdout=subprocess.DEVNULL) for job in jobs]
        if sum(one.wait() for one in working):
            sys.exit("filling failed")
    server.filled = runs


def searches(body: dict[str, object], *, many: bool = False) -> Callable[[Server, Size], Seen]:
    """Make a row of one search."""

    def measure(server: Server, size: Size) -> Seen:
        if many and server.database:
            return {}
        filled(server, size.many if many else size.runs)
        asked = {"experiment_ids": [server.experiment], "max_results": 100, **body}
        found = load(server, do="timed", method="POST", path="/api/2.0/mlflow/runs/search", body=asked, times=5)
        return {"ms": found["ms"], "runs found": found["found"]}

    return measure


FILTERED: dict[str, object] = {
    "filter": "metrics.m3 > 0.5 AND params.p2 = '5' AND metrics.m7 < 0.9",
    "order_by": ["metrics.m1 DESC"],
}
NEWEST: dict[str, object] = {}  # the newest come first where nothing is asked


def all_pages(server: Server, size: Size) -> Seen:
    """Read every run in pages of 1,000."""
    filled(server, size.runs)
    found = load(server, do="pages", what="runs")
    return {"s": found["s"] * size.runs / found["count"]}


def history(server: Server, size: Size) -> Seen:
    """Read a long history as the client does, in pages of 25,000."""
    if not server.long:
        server.long = True
        load(server, do="fill", what="history", count=size.points)
    found = load(server, do="pages", what="history", key="long")
    if found["count"] != size.points:
        sys.exit(f"{server.name}: {found['count']} points of {size.points}")
    return {"s": found["s"]}


def large(server: Server, size: Size) -> Seen:
    """Put and get one large file."""
    found = load(
        server, do="files", root=f"{server.writing}/{server.run}/artifacts", size=size.megabytes * 10**6, count=1
    )
    return {"up MB/s": size.megabytes / found["up_s"], "down MB/s": size.megabytes / found["down_s"]}


def small(server: Server, size: Size) -> Seen:
    """Put and get many files of 10 KB over one connection."""
    found = load(server, do="files", root=f"{server.writing}/{server.run}/artifacts", size=10_000, count=size.files)
    return {"up /s": size.files / found["up_s"], "down /s": size.files / found["down_s"]}


def weight(server: Server, _size: Size) -> Seen:
    """Count processes and memory now, which is after what ran before."""
    count, memory = server.weight()
    return {"processes": count, "PSS MiB": memory}


ROWS: dict[str, tuple[str, Callable[[Server, Size], Seen]]] = {
    "idle": ("after start", weight),
    "log-metric": ("log_metric, 1 client", rates("log-metric", 1)),
    "log-metric-8": ("log_metric, 8 clients", rates("log-metric", 8)),
    "create": ("create_run, 1 client", rates("create", 1)),
    "batch-steps": ("log_batch, 1,000 steps of a key: metrics", rates("batch-steps", 1, per=1000)),
    "batch-keys": ("log_batch, 1,000 keys: metrics", rates("batch-keys", 1, per=1000)),
    "history": ("history of {0.points:,} points", history),
    "search": ("search, filtered and ordered, {0.runs:,} runs", searches(FILTERED)),
    "newest": ("newest 100 of {0.runs:,} runs", searches(NEWEST)),
    "pages": ("read {0.runs:,} runs in pages", all_pages),
    "search-many": ("search, filtered and ordered, {0.many:,} runs", searches(FILTERED, many=True)),
    "newest-many": ("newest 100 of {0.many:,} runs", searches(NEWEST, many=True)),
    "large": ("artifact of {0.megabytes} MB", large),
    "small": ("{0.files} artifacts of 10 KB", small),
    "loaded": ("after all this", weight),
}
ONCE = {"idle", "loaded"}


def measure(servers: list[Server], rows: list[str], size: Size, rounds: int) -> dict[tuple[str, str], dict[str, float]]:
    """Measure each row on each server in turn and give the medians by row and measure, then by server."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        seen: dict[tuple[str, str], list[float]] = {}
        for _ in range(1 if row in ONCE else rounds):
            for server in servers:
                try:
                    measures = ROWS[row][1](server, size)
                except subprocess.CalledProcessError:  # the load said why; the other rows are worth having
                    print(f"{server.name}: no figure for {row}", file=sys.stderr, flush=True)
                    continue
                for name, value in measures.items():
                    seen.setdefault((server.name, name), []).append(value)
        for (server_name, name), values in seen.items():
            found.setdefault((row, name), {})[server_name] = statistics.median(values)
        for key, medians in found.items():
            if key[0] == row:
                print(line(key, medians, [server.name for server in servers], size), flush=True)
    return found


def number(value: float | None) -> str:
    """Write a number with three digits that count."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def line(key: tuple[str, str], values: dict[str, float], names: list[str], size: Size) -> str:
    """Give a line of the table; a ratio above 1 is in our favour."""
    lower = not ("/s" in key[1] or key[1] == "runs found")
    cells = [number(values.get(name)) for name in names]
    if "tidemill" in names:
        own = values.get("tidemill")
        for name in names[1:]:
            other = values.get(name)
            ratio = (other / own if lower else own / other) if own and other else None
            cells.append("" if key[1] == "runs found" else number(ratio))
    return f"| {ROWS[key[0]][0].format(size)} | {key[1]} | {' | '.join(cells)} |"


def main() -> None:
    """Start the servers, print the table, end them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="less of everything, one round: seconds instead of minutes"
    )
    parser.add_argument("--only", nargs="+", choices=list(ROWS), help="these rows alone")
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--mlflow", type=Path, help="the folder of programs of an environment with the peer")
    parser.add_argument("--version", default="3.17.2", help="the peer's version where an environment is made")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "tidemill-bench-tracking")
    asked = parser.parse_args()
    size = QUICK if asked.quick else FULL
    names = [name for name in SERVERS if name in asked.servers]
    programs = (asked.mlflow and asked.mlflow.absolute()) or (
        programs_of(asked.version, asked.work) if names != ["tidemill"] else HERE
    )
    servers: list[Server] = []
    with on_sqlite() if asked.database == "sqlite" else on_postgresql(asked.work) as databases:
        try:
            for name in names:
                shutil.rmtree(asked.work / name, ignore_errors=True)
                is_ours = name == "tidemill"
                servers.append(ours(asked.work, databases) if is_ours else peer(asked.work, programs, name, databases))
                servers[-1].start()
                servers[-1].begin()
            show(servers, asked.only or list(ROWS), size, asked.rounds or (1 if asked.quick else 3))
        finally:
            for server in servers:
                server.stop()


def show(servers: list[Server], rows: list[str], size: Size, rounds: int) -> None:
    """Measure and print the table."""
    names = [server.name for server in servers]
    ratios = [f"ratio to {name}" for name in names[1:]] if names[0] == "tidemill" else []
    print(f"| | | {' | '.join([*names, *ratios])} |\n| --- | --- |{' ---: |' * (len(names) + len(ratios))}")
    ready = [number(server.ready_s) for server in servers] + [
        number(one.ready_s / servers[0].ready_s) for one in servers[1:] if ratios
    ]
    print(f"| ready after start | s | {' | '.join(ready)} |", flush=True)
    for server in servers:
        server.rest()
    busy = os.getloadavg()[0]
    measure(servers, rows, size, rounds)
    print(f"\nLoad of the machine: {busy:.1f} at the start, {os.getloadavg()[0]:.1f} at the end.")


if __name__ == "__main__":
    main()
