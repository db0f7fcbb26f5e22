"""Measures drift of 15 numeric and 5 categorical columns beside SciPy, and beside Evidently when asked.

    python bench/checks/drift.py [--rows 100000 1000000] [--evidently] [--json]

Each tool runs in a process of its own on the same seeded rows, read from Parquet before the clock starts. Counted are
CPU seconds of the judgement (all threads), wall seconds, and the highest resident memory of the process, rows and all.
`tidemill-stream` reads the window itself, 200,000 rows at a time: its seconds and its memory hold the reading too.
`tidemill-reference` is what training pays once. Evidently goes into a throw-away virtual environment.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NUMERIC, CATEGORICAL = 15, 5
TOOLS = ("import", "tidemill-reference", "tidemill", "tidemill-stream", "scipy")
BATCH = 200_000


def make_rows(rows: int, seed: int) -> dict[str, Any]:
    """Return columns: normal, skewed, integer and half-empty numbers; categories of 2 to 50 values."""
    import numpy as np  # noqa: PLC0415 - the import is measured on its own

    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for index in range(NUMERIC):
        kind = index % 3
        shift = 0.02 * index * seed
        if kind == 0:
            columns[f"n{index}"] = rng.normal(shift, 1, rows)
        elif kind == 1:
            columns[f"n{index}"] = rng.lognormal(shift, 1, rows)
        else:
            columns[f"n{index}"] = rng.integers(0, 1000, rows).astype(np.float64)
    for index in range(CATEGORICAL):
        names = np.array([f"value {number}" for number in range((2, 5, 10, 20, 50)[index])])
        columns[f"c{index}"] = rng.choice(names, rows)
    return columns


def write_rows(folder: Path, rows: int) -> None:
    """Write the training rows and the window as Parquet files."""
    import polars as pl  # noqa: PLC0415

    for seed, name in enumerate(("training", "current")):
        pl.DataFrame(make_rows(rows, seed)).write_parquet(folder / f"{name}.parquet", row_group_size=BATCH)


def work_of(tool: str, folder: Path) -> Callable[[], object]:
    """Return the judgement of a tool, with rows read and libraries loaded."""
    training, current = folder / "training.parquet", folder / "current.parquet"
    if tool == "import":
        return import_work
    if tool == "scipy":
        return scipy_work(training, current)
    if tool == "evidently":
        return evidently_work(training, current)
    return tidemill_work(tool, training, current)


def import_work() -> object:
    """Import every check."""
    from tidemill.checks import suite  # noqa: PLC0415

    return suite


def tidemill_work(tool: str, training: Path, current: Path) -> Callable[[], object]:
    """Return ours: making the reference, or judging a window of as many rows against it."""
    import msgspec  # noqa: PLC0415
    import numpy as np  # noqa: F401, PLC0415 - loaded before the clock starts
    import polars as pl  # noqa: PLC0415

    from tidemill.checks.drift.judge import judge_drift  # noqa: PLC0415
    from tidemill.checks.drift.reference import Reference, build_reference  # noqa: PLC0415
    from tidemill.checks.drift.summary import merge, summarise  # noqa: PLC0415

    kept = training.with_name("reference.json")
    if tool == "tidemill-reference":
        rows = pl.read_parquet(training)

        def build() -> object:
            reference = build_reference(rows)
            kept.write_bytes(msgspec.json.encode(reference))
            return reference

        return build
    reference = msgspec.json.decode(kept.read_bytes(), type=Reference)
    if tool == "tidemill":
        window = pl.read_parquet(current)
        return lambda: judge_drift(reference, summarise(window, reference))

    def stream() -> object:
        rows = pl.scan_parquet(current)
        height = rows.select(pl.len()).collect().item()
        total = summarise(rows.head(0), reference)
        for start in range(0, height, BATCH):
            total = merge(total, summarise(rows.slice(start, BATCH), reference))
        return judge_drift(reference, total)

    return stream


def scipy_work(training: Path, current: Path) -> Callable[[], object]:
    """Return a loop over columns: two-sample KS and Wasserstein, chi-square of categories."""
    import numpy as np  # noqa: PLC0415
    import polars as pl  # noqa: PLC0415
    from scipy import stats  # noqa: PLC0415

    before, now = pl.read_parquet(training), pl.read_parquet(current)

    def work() -> object:
        found = []
        for name in before.columns:
            if name.startswith("n"):
                one, other = before[name].to_numpy(), now[name].to_numpy()
                found.append(stats.ks_2samp(one, other, method="asymp").statistic)
                found.append(stats.wasserstein_distance(one, other))
            else:
                counts = [frame[name].value_counts(sort=True).sort(name)["count"].to_numpy() for frame in (before, now)]
                found.append(stats.chi2_contingency(np.array(counts)).pvalue)
        return found

    return work


def evidently_work(training: Path, current: Path) -> Callable[[], object]:
    """Return Evidently's drift preset."""
    import pandas as pd  # noqa: PLC0415
    from evidently import Dataset, Report  # type: ignore[import-not-found]  # noqa: PLC0415
    from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]  # noqa: PLC0415

    before, now = pd.read_parquet(training), pd.read_parquet(current)
    return lambda: Report([DataDriftPreset()]).run(Dataset.from_pandas(now), Dataset.from_pandas(before))


def peak_mib() -> float:
    """Return the highest resident memory of this program; unlike getrusage it does not begin with the parent's."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def measure(tool: str, folder: Path, rows: int) -> dict[str, object]:
    """Return what a tool costs, measured in this process."""
    work = work_of(tool, folder)
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    return {"tool": tool, "rows": rows, "cpu_s": cpu_s, "wall_s": wall_s, "peak_mib": peak_mib()}


def run(python: str, tool: str, folder: Path, rows: int) -> dict[str, Any]:
    """Return the measurement of a tool in a fresh process."""
    command = [python, str(Path(__file__).resolve()), "--measure", tool, "--folder", str(folder), "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{tool} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def install_evidently(folder: str) -> str:
    """Return the Python of a new environment with Evidently in it."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(Path(folder) / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", "evidently==0.7.*", "pandas<3", "pyarrow"], check=True)
    return python


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument(
        "--evidently", action="store_true", help="install it into a throw-away environment and measure it"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--skip", nargs="*", default=[], choices=TOOLS, help="tools to leave out")
    parser.add_argument("--measure", choices=[*TOOLS, "evidently"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.folder, given.rows[0])))
        return
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        evidently = install_evidently(str(folder / "venv")) if given.evidently else None
        for rows in given.rows:
            write_rows(folder, rows)
            found += [run(sys.executable, tool, folder, rows) for tool in TOOLS if tool not in given.skip]
            if evidently:
                found.append(run(evidently, "evidently", folder, rows))
    if given.json:
        print(json.dumps(found))
        return
    print("| rows | tool | CPU s | wall s | peak MiB |")
    print("| --- | --- | --- | --- | --- |")
    for one in found:
        cells = (
            f"{one['rows']:,}",
            one["tool"],
            f"{one['cpu_s']:.3f}",
            f"{one['wall_s']:.3f}",
            f"{one['peak_mib']:.0f}",
        )
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
