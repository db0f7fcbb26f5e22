"""Measure durable workflows: latency, memory, threads, idle cost, start and stop.

Run: python bench/workflows/measure.py [--idle-s 20] [--url postgresql://...]
"""

import argparse
import importlib
import resource
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from tidemill.workflows.durable import DurableWorkflows
from tidemill.workflows.ports import Flow

REPEATS = 30
STEPS = 100


def resident_mib() -> float:
    """Return the resident memory of this process now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def empty(flow: Flow) -> None:
    """Do nothing, durably."""


def steps(flow: Flow, count: int) -> float:
    """Return the seconds that some empty steps take."""
    begun = time.perf_counter()
    for number in range(count):
        flow.step(f"step {number}", int, number)
    return time.perf_counter() - begun


def wait(flow: Flow) -> float:
    """Return when a message arrived."""
    flow.receive("bell")
    return time.perf_counter()


def tick(flow: Flow) -> None:
    """Stand for the system's own ticks."""
    flow.step("look", int, 0)


def show(what: str, value: float, unit: str) -> None:
    """Print one row."""
    print(f"| {what} | {value:.2f} {unit} |")


def latencies(workflows: DurableWorkflows) -> None:
    """Print how long things take."""
    taken = []
    for number in range(REPEATS):
        begun = time.perf_counter()
        workflows.start("empty", id=f"e{number}")
        while not workflows.status(f"e{number}").state.is_ended:
            time.sleep(0.0005)
        taken.append((time.perf_counter() - begun) * 1000)
    show("empty workflow, started to ended (median)", statistics.median(taken), "ms")
    workflows.start("steps", id="s", input=STEPS)
    seconds = workflows.result("s", timeout_s=60)
    show("step (mean of 100)", float(str(seconds)) * 1000 / STEPS, "ms")
    taken = []
    for number in range(REPEATS):
        workflows.start("wait", id=f"w{number}")
        time.sleep(0.05)  # until it waits
        begun = time.perf_counter()
        workflows.send(f"w{number}", "bell", 1)
        arrived = float(str(workflows.result(f"w{number}", timeout_s=10)))
        taken.append((arrived - begun) * 1000)
    show("message, sent to received and recorded (median)", statistics.median(taken), "ms")


def main() -> None:
    """Print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--idle-s", type=float, default=20.0)
    options.add_argument("--url", default="")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        before = resident_mib()
        begun = time.perf_counter()
        importlib.import_module("dbos")
        show("import of dbos after sqlalchemy", time.perf_counter() - begun, "s")
        workflows = DurableWorkflows(given.url or Path(folder) / "workflows.sqlite")
        for function in (empty, steps, wait, tick):
            workflows.define(function.__name__, function)
        workflows.schedule("tick", every_s=5)
        begun = time.perf_counter()
        workflows.launch()
        show("launch on a new database", time.perf_counter() - begun, "s")
        latencies(workflows)
        show("resident memory added", resident_mib() - before, "MiB")
        show("threads added", threading.active_count() - 1, "")
        cpu, begun = time.process_time(), time.monotonic()
        time.sleep(given.idle_s)
        show("idle, one tick every 5 s", (time.process_time() - cpu) / (time.monotonic() - begun) * 100, "% of a core")
        begun = time.perf_counter()
        workflows.close()
        show("close", time.perf_counter() - begun, "s")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
