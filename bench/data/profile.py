"""Measures the profile of 15 numeric and 5 categorical columns beside Polars alone, and beside whylogs when asked.

    python bench/data/profile.py [--rows 1000000] [--rounds 3] [--whylogs] [--ydata] [--json]

Each tool runs in a process of its own on the same seeded rows, read from Parquet before the clock starts. `polars` is
the bare aggregate of the same statistics: nulls, estimated distinct values, moments, ends, seven quantiles,
zeros and negatives; top values and lengths of the categories; correlations of all pairs of numbers, tables of all
pairs of categories, and mean and deviation of each number by each category. It keeps no bins, no sketches and nothing
that merges. whylogs (numpy below 2) and ydata-profiling have virtual environments of their own in `.cache`;
ydata-profiling runs in its minimal mode, without correlations, and gives JSON, not its page.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.checks.drift import make_rows

SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
ENVIRONMENTS = Path(__file__).parents[2] / ".cache" / "profile-venvs"
PEERS = {
    "whylogs": ["whylogs", "numpy<2", "pandas<3", "pyarrow<22", "setuptools<80"],
    "ydata": ["ydata-profiling==4.18.4", "pyarrow", "setuptools<80"],
}


def work_of(tool: str, path: Path) -> Callable[[], object]:
    """Return the profile that a tool makes, with rows read and libraries loaded."""
    return {"tidemill": tidemill_work, "polars": polars_work, "whylogs": whylogs_work, "ydata": ydata_work}[tool](path)


def tidemill_work(path: Path) -> Callable[[], object]:
    """Profile a frame, as a part of a version is profiled."""
    import polars as pl  # noqa: PLC0415 - loaded before the clock starts, by the tool that needs it

    from tidemill.data.profile.build import encode_profile, profile_frame  # noqa: PLC0415

    frame = pl.read_parquet(path)
    return lambda: encode_profile(profile_frame(frame))


def polars_work(path: Path) -> Callable[[], object]:
    """Ask Polars for the same statistics, in one query where it can."""
    import polars as pl  # noqa: PLC0415

    frame = pl.read_parquet(path)
    numbers = [name for name, dtype in frame.schema.items() if dtype.is_numeric()]
    names = [name for name in frame.columns if name not in numbers]

    def work() -> object:
        measures = []
        for name in frame.columns:
            column = pl.col(name)
            measures += [
                column.null_count().alias(f"{name} nulls"),
                column.approx_n_unique().alias(f"{name} distinct"),
                column.min().alias(f"{name} low"),
                column.max().alias(f"{name} high"),
            ]
        for name in numbers:
            column = pl.col(name)
            measures += [
                column.mean().alias(f"{name} mean"),
                column.std().alias(f"{name} deviation"),
                column.skew().alias(f"{name} skewness"),
                column.kurtosis().alias(f"{name} kurtosis"),
                (column == 0).sum().alias(f"{name} zeros"),
                (column < 0).sum().alias(f"{name} negatives"),
                *(column.quantile(share, "nearest").alias(f"{name} {share}") for share in SHARES),
            ]
        for name in names:
            lengths = pl.col(name).str.len_chars()
            measures += [
                lengths.min().alias(f"{name} shortest"),
                lengths.max().alias(f"{name} longest"),
                lengths.mean().alias(f"{name} length"),
            ]
        measures += [pl.corr(a, b).alias(f"{a} with {b}") for a, b in combinations(numbers, 2)]
        found: list[object] = [frame.lazy().select(measures).collect()]
        found += [frame[name].value_counts(sort=True).head(20) for name in names]
        found += [frame.lazy().group_by(a, b).len().collect() for a, b in combinations(names, 2)]
        groups = [pl.col(numbers).mean().name.suffix(" mean"), pl.col(numbers).std().name.suffix(" deviation")]
        found += [frame.lazy().group_by(name).agg(groups).collect() for name in names]
        return found

    return work


def whylogs_work(path: Path) -> Callable[[], object]:
    """Log a pandas frame with whylogs."""
    import logging  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    import pandas as pd  # noqa: PLC0415

    whylogs: Any = import_module("whylogs")  # of an environment that only the peer has
    frame = pd.read_parquet(path)
    return lambda: whylogs.log(frame).view().serialize()


def ydata_work(path: Path) -> Callable[[], object]:
    """Describe a pandas frame with ydata-profiling."""
    import pandas as pd  # noqa: PLC0415

    report: Any = import_module("ydata_profiling").ProfileReport
    frame = pd.read_parquet(path)
    return lambda: report(frame, minimal=True, progress_bar=False).to_json()


def peak_mib() -> float:
    """Return the highest memory of this process; what `getrusage` tells counts the process before `exec` too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise AssertionError


def measure(tool: str, path: Path) -> dict[str, Any]:
    """Run a tool once and return seconds, CPU seconds, and the highest memory."""
    work = work_of(tool, path)
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return {
        "tool": tool,
        "seconds": time.perf_counter() - clock,
        "cpu_s": time.process_time() - cpu,
        "peak_mib": peak_mib(),
    }


def interpreter(tool: str) -> str:
    """Return the Python that a tool runs in, making its environment when it is a peer's."""
    if tool not in PEERS:
        return sys.executable
    python = ENVIRONMENTS / tool / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "-q", "--python", "3.11", str(ENVIRONMENTS / tool)], check=True)
        subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), *PEERS[tool]], check=True)
    return str(python)


def run_once(tool: str, path: Path) -> dict[str, Any]:
    """Run a tool in a process of its own."""
    command = [interpreter(tool), __file__, "--tool", tool, "--path", str(path)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{tool} failed:\n{done.stderr}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def main() -> None:
    """Measure every tool in turns and print the best of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whylogs", action="store_true")
    parser.add_argument("--ydata", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--tool", help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.tool:
        sys.stdout.write(json.dumps(measure(asked.tool, asked.path)) + "\n")
        return
    import polars as pl  # noqa: PLC0415 - a peer's environment has none

    tools = ["tidemill", "polars", *(peer for peer in PEERS if getattr(asked, peer))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "rows.parquet"
        pl.DataFrame(make_rows(asked.rows, 0)).write_parquet(path)
        rounds = [[run_once(tool, path) for tool in tools] for _ in range(asked.rounds)]
    best = [min((turn[at] for turn in rounds), key=lambda each: each["seconds"]) for at in range(len(tools))]
    if asked.json:
        sys.stdout.write(json.dumps(best, indent=2) + "\n")
        return
    ours = best[0]["seconds"]
    sys.stdout.write(
        "| tool | seconds | CPU seconds | peak MiB | times Tidemill |\n| --- | ---: | ---: | ---: | ---: |\n"
    )
    for each in best:
        times = each["seconds"] / ours
        sys.stdout.write(
            f"| {each['tool']} | {each['seconds']:.2f} | {each['cpu_s']:.2f} | {each['peak_mib']:.0f} | {times:.2f} |\n"
        )


if __name__ == "__main__":
    main()
