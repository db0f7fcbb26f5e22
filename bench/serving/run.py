"""Single-row predictions a second: Tidemill's data plane beside FastAPI + pandas, same model, same run.

    python bench/serving/run.py [--rounds 3] [--seconds 4] [--work DIR]

The server is pinned to core 0 and the load to core 1; rounds alternate; the medians are printed.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
CLIENTS = (1, 16, 64)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def pss_mb(pid: int) -> float:
    """Return the proportional memory of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def wait_ready(url: str, process: subprocess.Popen[bytes]) -> float:
    """Return the seconds until a page answers 200."""
    started = time.perf_counter()
    while time.perf_counter() - started < 60:
        try:
            with urllib.request.urlopen(url, timeout=1) as reply:
                if reply.status == 200:
                    return time.perf_counter() - started
        except OSError:
            if process.poll() is not None:
                sys.exit(f"{url}: the server ended with {process.returncode}")
        time.sleep(0.002)
    sys.exit(f"{url} was never ready")


def ours(work: Path, port: int, capture: str) -> tuple[subprocess.Popen[bytes], str, str]:
    """Start the data plane with validation, ids, capture and metrics on."""
    home = work / "home"
    shutil.rmtree(home, ignore_errors=True)
    (home / "serving").mkdir(parents=True)
    path = str(work / "model" / "tidemill")
    target = {"deployment": "d1", "model": "bench", "version": 1, "bundle": "b", "path": path,
              "share": 1.0, "route": "stable"}  # fmt: skip
    (home / "serving" / "routes.json").write_text(
        json.dumps({"revision": 1, "endpoints": {"bench": {"targets": [target]}}})
    )
    command = ["taskset", "-c", "0", sys.executable, "-m", "tidemill.serving", "--home", str(home), "--port",
               str(port), "--capture", capture]  # fmt: skip
    return subprocess.Popen(command), "/v1/endpoints/bench/predict", "/ready"


def peer(work: Path, port: int) -> tuple[subprocess.Popen[bytes], str, str]:
    """Start FastAPI + pandas under uvicorn with uvloop and httptools."""
    packages = work / "packages"
    if not packages.exists():
        command = ["uv", "pip", "install", "-q", "--python", sys.executable, "--target", str(packages), "fastapi"]
        subprocess.run(command, check=True)
    environment = os.environ | {
        "PYTHONPATH": f"{packages}:{HERE}", "MODEL_FOLDER": str(work / "model"), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = ["taskset", "-c", "0", sys.executable, "-m", "uvicorn", "peer_app:app", "--port", str(port),
               "--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]  # fmt: skip
    return subprocess.Popen(command, env=environment), "/predict", "/docs"


def load(work: Path, port: int, path: str, clients: int, seconds: float) -> dict[str, float]:
    """Drive one server and return what the load generator saw."""
    body = (work / "model" / "request.json").read_bytes()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    command = ["taskset", "-c", "1", sys.executable, str(HERE / "load.py"), str(port), str(clients), str(seconds)]
    done = subprocess.run(command, input=request, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def check(work: Path, port: int, path: str) -> None:
    """See that the answer is the model's own."""
    body = (work / "model" / "request.json").read_bytes()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers), timeout=5
    ) as reply:
        text = reply.read().decode()
    if str(json.loads((work / "model" / "expected.json").read_text()))[:14] not in text:
        sys.exit(f"{path} answers {text}")


def measure(name: str, work: Path, asked: argparse.Namespace) -> dict[str, float]:
    """Start one server, drive it with each number of clients, end it."""
    port = free_port()
    started = time.perf_counter()
    process, path, page = peer(work, port) if name == "fastapi" else ours(work, port, asked.capture)
    found = {"ready_s": 0.0}
    try:
        wait_ready(f"http://127.0.0.1:{port}{page}", process)
        found["ready_s"] = time.perf_counter() - started
        check(work, port, path)
        for clients in CLIENTS:
            seen = load(work, port, path, clients, asked.seconds)
            if seen["errors"]:
                sys.exit(f"{name}: {seen['errors']} errors")
            found |= {f"{key}@{clients}": seen[key] for key in ("rate", "p50_ms", "p99_ms")}
        found["pss_mb"] = pss_mb(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    return found


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--capture", default="required")
    parser.add_argument("--only", choices=["fastapi", "tidemill"])
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "tidemill-bench-serving")
    asked = parser.parse_args()
    if not (asked.work / "model" / "expected.json").exists():
        subprocess.run([sys.executable, str(HERE / "train.py"), str(asked.work / "model")], check=True)
    names = [asked.only] if asked.only else ["fastapi", "tidemill"]
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(asked.rounds):
        for name in names:
            rounds[name].append(measure(name, asked.work, asked))
    medians = {name: {key: statistics.median(one[key] for one in found) for key in found[0]}
               for name, found in rounds.items()}  # fmt: skip
    keys = list(medians[names[0]])
    print(f"{'':12}" + "".join(f"{name:>12}" for name in names) + ("       ratio" if len(names) == 2 else ""))
    for key in keys:
        values = [medians[name][key] for name in names]
        ratio = f"{values[1] / values[0]:12.2f}" if len(values) == 2 else ""
        print(f"{key:12}" + "".join(f"{value:12.2f}" for value in values) + ratio)


if __name__ == "__main__":
    main()
