"""How fast the ledger takes small units of work: one caller, and many at once.

Run: python bench/ledger/run.py [--place FOLDER]
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from tidemill.core.access import OWNER
from tidemill.core.ids import new_id
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.schema import lineage_edges

SINGLE_UNITS = 3000
THREADS = 8
UNITS_A_THREAD = 3000


def edge(tx: Transaction) -> None:
    """Write one row."""
    row = {
        "source_kind": "run",
        "source_id": new_id(),
        "relation": "made",
        "target_kind": "artifact",
        "target_id": "a",
        "created_at": tx.now,
    }
    tx.execute(sa.insert(lineage_edges), row)


def edge_and_event(tx: Transaction) -> None:
    """Write one row and one audit event."""
    edge(tx)
    tx.audit("bench.write", Ref("run", "r"), number=1)


def single(ledger: Ledger, work: Callable[[Transaction], None]) -> list[float]:
    """Return how long each unit of one caller takes, in ms."""
    took = []
    for _ in range(SINGLE_UNITS):
        start = time.perf_counter()
        ledger.write(OWNER, work)
        took.append((time.perf_counter() - start) * 1000)
    return sorted(took)


def many(ledger: Ledger, work: Callable[[Transaction], None], *, waiting: bool) -> float:
    """Return how many units a second several threads get done, each waiting for each of its commits or not."""

    def caller() -> None:
        if waiting:
            for _ in range(UNITS_A_THREAD):
                ledger.write(OWNER, work)
        else:
            for future in [ledger.submit(OWNER, work) for _ in range(UNITS_A_THREAD)]:
                future.result()

    threads = [threading.Thread(target=caller) for _ in range(THREADS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return THREADS * UNITS_A_THREAD / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--place", type=Path, help="The folder of the database; a temporary one when left out.")
    place = parser.parse_args().place
    for name, work in (("row", edge), ("row and audit event", edge_and_event)):
        with tempfile.TemporaryDirectory(dir=place) as folder:
            ledger = Ledger.open(Path(folder) / "ledger.sqlite")
            took = single(ledger, work)
            p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
            print(f"{name}: one caller p50 {p50:.2f} ms, p99 {p99:.2f} ms, {1000 / statistics.mean(took):,.0f} units/s")
            print(f"{name}: {THREADS} callers, each waits  {many(ledger, work, waiting=True):,.0f} units/s")
            print(f"{name}: {THREADS} callers, futures     {many(ledger, work, waiting=False):,.0f} units/s")
            ledger.close()


if __name__ == "__main__":
    main()
