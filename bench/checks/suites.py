"""Measures the suites that run before a training, beside deepchecks when asked.

    python bench/checks/suites.py [--rows 100000 1000000] [--deepchecks PYTHON] [--json]

15 numeric and 5 categorical columns, a key and a label of two values. Each suite runs in a process of its own over
Parquet files that it reads itself; for deepchecks, rows are in memory before the clock starts. Counted are CPU seconds
of all threads, wall seconds, and the highest resident memory. `--deepchecks` names the Python of an environment that
has it (0.19 needs scikit-learn below 1.6, numpy below 2, pandas below 2.3 and setuptools below 80).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.checks.drift import make_rows, peak_mib

TOOLS = ("integrity", "train-test", "personal")
PEERS = ("deepchecks integrity", "deepchecks train-test")


def write_tables(folder: Path, rows: int) -> None:
    """Write training and test with a key and a label."""
    import numpy as np  # noqa: PLC0415
    import polars as pl  # noqa: PLC0415

    for seed, name in enumerate(("training", "test")):
        rng = np.random.default_rng(100 + seed)
        frame = pl.DataFrame(make_rows(rows, seed)).with_columns(
            pl.int_range(seed * rows, (seed + 1) * rows).alias("id"), pl.Series("late", rng.random(rows) < 0.3)
        )
        frame.write_parquet(folder / f"{name}.parquet", row_group_size=200_000)


def ours(tool: str, folder: Path) -> Callable[[], object]:
    """Return one of our suites."""
    import numpy as np  # noqa: F401, PLC0415 - loaded before the clock starts
    import polars as pl  # noqa: PLC0415

    from tidemill.checks.inputs import Inputs  # noqa: PLC0415
    from tidemill.checks.personal.scan import scan_personal  # noqa: PLC0415
    from tidemill.checks.suites import choose_suite  # noqa: PLC0415

    training, test = (pl.scan_parquet(folder / f"{name}.parquet") for name in ("training", "test"))
    if tool == "personal":
        return lambda: scan_personal(training)

    def work() -> object:
        compares = tool == "train-test"
        current, reference = (test, training) if compares else (training, None)
        inputs = Inputs(current=current, reference=reference, truth="late", key=("id",))
        return choose_suite(tool, inputs).suite.run(inputs)

    return work


def theirs(tool: str, folder: Path) -> Callable[[], object]:
    """Return a suite of deepchecks."""
    import pandas as pd  # noqa: PLC0415

    tabular, suites = (import_module(name) for name in ("deepchecks.tabular", "deepchecks.tabular.suites"))
    categories = [f"c{at}" for at in range(5)]
    training, test = (
        tabular.Dataset(
            pd.read_parquet(folder / f"{name}.parquet"), label="late", index_name="id", cat_features=categories
        )
        for name in ("training", "test")
    )
    if tool.endswith("integrity"):
        return lambda: suites.data_integrity().run(training)
    return lambda: suites.train_test_validation().run(training, test)


def measure(tool: str, folder: Path, rows: int) -> dict[str, object]:
    """Return what a suite costs, measured in this process."""
    work = theirs(tool, folder) if tool in PEERS else ours(tool, folder)
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    return {"tool": tool, "rows": rows, "cpu_s": cpu_s, "wall_s": wall_s, "peak_mib": peak_mib()}


def run(python: str, tool: str, folder: Path, rows: int) -> dict[str, Any]:
    """Return the measurement of a suite in a fresh process."""
    command = [python, str(Path(__file__).resolve()), "--measure", tool, "--folder", str(folder), "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{tool} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--deepchecks", metavar="PYTHON", help="the Python of an environment that has deepchecks")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", choices=[*TOOLS, *PEERS], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.folder, given.rows[0])))
        return
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        for rows in given.rows:
            write_tables(Path(name), rows)
            found += [run(sys.executable, tool, Path(name), rows) for tool in TOOLS]
            if given.deepchecks:
                found += [run(given.deepchecks, tool, Path(name), rows) for tool in PEERS]
    if given.json:
        print(json.dumps(found))
        return
    print("| rows | suite | CPU s | wall s | peak MiB |")
    print("| --- | --- | --- | --- | --- |")
    for one in found:
        print(f"| {one['rows']:,} | {one['tool']} | {one['cpu_s']:.2f} | {one['wall_s']:.2f} | {one['peak_mib']:.0f} |")


if __name__ == "__main__":
    main()
