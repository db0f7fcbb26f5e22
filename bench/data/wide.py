"""Very wide tables: made into versions, looked at on pages and in the API, while others ask the same server.

python bench/data/wide.py --columns 10000 --rows 300
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
import polars as pl

PORT = 8799
PAGES = {
    "version, first view": "/datasets/wide/1",
    "version again": "/datasets/wide/1",
    "columns found by name": "/datasets/wide/1?find=0001&order=nulls",
    "one column": "/datasets/wide/1/columns/gene_00003",
    "difference": "/datasets/wide/diff?before=1&after=2",
    "difference, page 2": "/datasets/wide/diff?before=1&after=2&page=2",
    "API, whole profile": "/api/v1/dataset-versions/wide@1/profile",
}


def table(columns: int, rows: int, shift: float) -> pl.DataFrame:
    """Return measurements with a key, some words and missing values; `shift` moves every hundredth column."""
    draw = np.random.default_rng(1)
    made: dict[str, pl.Series] = {
        "id": pl.Series(np.arange(rows)),
        "email": pl.Series([f"p{at}@example.org" for at in range(rows)]),
    }
    for at in range(columns - len(made)):
        values = np.round(draw.normal(at % 13, 1 + at % 5, rows) + (shift if at % 100 == 0 else 0), 4)
        if at % 10 == 8:
            made[f"gene_{at:05}"] = pl.Series(draw.choice(["low", "mid", "high"], rows))
        elif at % 10 == 9:
            made[f"gene_{at:05}"] = pl.Series(np.where(draw.random(rows) < 0.1, np.nan, values), nan_to_null=True)
        else:
            made[f"gene_{at:05}"] = pl.Series(values)
    return pl.DataFrame(made)


def add(home: Path, file: Path) -> tuple[float, float]:
    """Make a version by command; return its seconds and its peak in MiB."""
    words = [sys.executable, "-m", "tidemill.cli.main", "data", "add", "wide", str(file), "--key", "id"]
    began = time.perf_counter()
    child = subprocess.Popen([*words, "--home", str(home)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"tidemill data add ended with {status}")
    return time.perf_counter() - began, used.ru_maxrss / 1024


async def ask(path: str) -> tuple[float, int, float]:
    """Return the seconds and bytes of an answer, and the longest that somebody else waited meanwhile."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", timeout=600) as http:
        began = time.perf_counter()
        asked = asyncio.create_task(http.get(path))
        longest = 0.0
        while not asked.done():
            start = time.perf_counter()
            await http.get("/health")
            longest = max(longest, time.perf_counter() - start)
            await asyncio.sleep(0.01)
        answer = (await asked).raise_for_status()
        return time.perf_counter() - began, len(answer.content), longest


def serve(home: Path) -> subprocess.Popen[bytes]:
    """Start a server on the workspace and wait until it answers."""
    words = ["up", "--home", str(home), "--port", str(PORT), "--serving-port", "0"]
    server = subprocess.Popen([sys.executable, "-m", "tidemill.cli.main", *words], stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            httpx.get(f"http://127.0.0.1:{PORT}/health").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return server
    raise SystemExit("The server does not answer.")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=300)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        print("| what | s | MB | longest wait of others, ms |\n| --- | ---: | ---: | ---: |")
        for number, suffix in ((1, "csv"), (2, "parquet")):
            file = Path(folder, f"wide.{suffix}")
            made = table(chosen.columns, chosen.rows, number - 1)
            made.write_csv(file) if suffix == "csv" else made.write_parquet(file)
            seconds, peak = add(home, file)
            print(f"| add of {suffix}, peak {peak:,.0f} MiB | {seconds:.1f} | {file.stat().st_size / 1e6:.0f} | |")
        server = serve(home)
        try:
            look(server.pid)
        finally:
            server.terminate()
            server.wait()


def look(server: int) -> None:
    """Ask for the pages and print what they took."""
    for name, path in PAGES.items():
        seconds, size, waited = asyncio.run(ask(path))
        print(f"| {name} | {seconds:.2f} | {size / 1e6:.2f} | {waited * 1000:.0f} |", flush=True)
    peak_kib = next(line for line in Path(f"/proc/{server}/status").read_text().splitlines() if "VmHWM" in line)
    print(f"\nPeak of the server: {int(peak_kib.split()[1]) / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
