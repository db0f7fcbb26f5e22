"""How fast predictions are sealed, counted, joined with truths and judged, and what a look of a rollout costs.

python bench/monitoring/measure.py [rows]
"""

import resource
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl

from tidemill.core.access import OWNER, SYSTEM
from tidemill.core.moments import to_ms
from tidemill.delivery import endpoints
from tidemill.ledger import Ledger
from tidemill.monitoring.records import FeedbackRow
from tidemill.monitoring.service import MonitoringService
from tidemill.monitoring.settings import DriftSettings, MonitorSettings, PerformanceSettings
from tidemill.objects import ObjectStore
from tidemill.serving.capture import CaptureWriter, pack_frame
from tidemill.serving.identifiers import IdMaker

NUMBERS = 12
START = datetime(2026, 3, 1, tzinfo=UTC)


class House:
    """A workspace of its own, on a folder that goes at the end."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp())
        self.ledger = Ledger.open(self.home / "ledger.sqlite")
        self.objects = ObjectStore(self.home)
        self.capture = self.home / "serving" / "capture"
        self.monitoring = MonitoringService(self.ledger, self.objects, self.capture)
        self.writer = CaptureWriter(self.capture)
        self.ledger.write(OWNER, lambda tx: endpoints.create(tx, name="delay", time="at", passthrough=[], sticky=None))

    def keep(self, table: pl.DataFrame) -> str:
        """Store a table and return its reference."""
        buffer = BytesIO()
        table.write_parquet(buffer)
        return f"artifact:{self.objects.put_bytes(buffer.getvalue())}"

    def close(self) -> None:
        """Remove the folder."""
        self.ledger.close()
        shutil.rmtree(self.home)


def rows(count: int, days: int, seed: int) -> pl.DataFrame:
    """Return rows of twelve numbers, three categories, a moment, a score and a truth."""
    random = np.random.default_rng(seed)
    columns: dict[str, object] = {f"x{at}": random.normal(size=count) for at in range(NUMBERS)}
    columns |= {f"c{at}": random.choice(list("abcdefgh"), count) for at in range(3)}
    score = 1 / (1 + np.exp(-np.asarray(columns["x0"])))
    steps = np.arange(count) * (days * 86_400_000_000 // count)
    moments = pl.Series("at", steps).cast(pl.Duration("us")) + START
    return pl.DataFrame(columns).with_columns(
        moments, pl.Series("probability", score), pl.Series("truth", random.random(count) < score)
    )


def capture(house: House, table: pl.DataFrame, batch: int) -> list[str]:
    """Write rows as the data plane does, in micro-batches; return their ids."""
    maker, ids = IdMaker(), list[str]()
    given = table.drop("probability", "truth").with_columns(pl.col("at").dt.to_string("iso:strict"))
    for at in range(0, table.height, batch):
        lot = given.slice(at, batch)
        made = maker.make(lot.height)
        ids += made
        frame = {
            "t": to_ms(datetime.now(UTC)),
            "endpoint": "delay",
            "deployment": "d1" if at % (10 * batch) else "d2",
            "model": "delay",
            "version": 1,
            "route": "stable",
            "ids": made,
            "columns": lot.to_dict(as_series=False),
            "outputs": {"probability": table["probability"][at : at + batch].to_list()},
            "ms": 1.5,
            "status": 200,
            "requests": lot.height,
        }
        house.writer.append([pack_frame(frame)])
    return ids


def told(what: str, started: float, count: int) -> None:
    """Print a line of the table."""
    took = time.perf_counter() - started
    print(f"| {what} | {took:.2f} s | {count / took:,.0f} rows/s |")


def watch(house: House, days: int) -> None:
    """Configure the monitor, with a reference of 40,000 rows."""
    settings = MonitorSettings(
        window=f"{days}d", drift=DriftSettings(), performance=PerformanceSettings(baseline=0.5, label_delay="0s")
    )
    house.monitoring.configure_monitor(OWNER, endpoint="delay", settings=settings)
    training = rows(40_000, 60, 1)
    house.monitoring.set_reference(
        OWNER,
        model="delay@1",
        rows=house.keep(training.drop("probability", "truth")),
        holdout=house.keep(training.rename({"probability": "output.probability"})),
        time="at",
    )


def measure(count: int, days: int, batch: int) -> None:
    """Measure one size."""
    house = House()
    monitoring = house.monitoring
    watch(house, days)
    table = rows(count, days, 2)
    ids = capture(house, table, batch)
    print(f"\n{count:,} rows over {days} days, {batch} a micro-batch\n\n| step | time | rate |\n| --- | ---: | ---: |")
    since = to_ms(datetime.now(UTC) - timedelta(hours=1))
    asked = {"endpoint": "delay", "stable": "d1", "canary": "d2", "since_ms": since, "slow_ms": 50.0}
    started = time.perf_counter()
    monitoring.observe(watch=["error_rate"], **asked)  # type: ignore[arg-type]  # plain values by name
    told("first look of a rollout, over everything", started, count)
    started = time.perf_counter()
    monitoring.observe(watch=["error_rate"], **asked)  # type: ignore[arg-type]  # as above
    print(f"| a further look, nothing new | {(time.perf_counter() - started) * 1000:.1f} ms | |")
    started = time.perf_counter()
    monitoring._sealer.seal(SYSTEM, fresh=True)  # noqa: SLF001 - one part of the pass
    told("seal", started, count)
    started = time.perf_counter()
    monitoring._counter.count(SYSTEM)  # noqa: SLF001 - as above
    told("count into windows", started, count)
    feedback = [FeedbackRow(id=one, truth=truth) for one, truth in zip(ids, table["truth"].to_list(), strict=True)]
    started = time.perf_counter()
    for at in range(0, count, 100_000):
        monitoring.add_feedback(OWNER, endpoint="delay", rows=feedback[at : at + 100_000])
    told("take truths", started, count)
    started = time.perf_counter()
    monitoring._feedback.join(SYSTEM)  # noqa: SLF001 - as above
    told("join truths", started, count)
    ask(house, ids, count, days)
    house.close()


def ask(house: House, ids: list[str], count: int, days: int) -> None:
    """Measure the judgement and what a page asks."""
    monitoring = house.monitoring
    capture(house, rows(10, 1, 3).with_columns(pl.col("at") + timedelta(days=3 * days)), 10)
    started = time.perf_counter()
    judged = monitoring.tick(SYSTEM)
    told(f"judge drift and performance ({sum(map(len, judged.windows.values()))} windows)", started, count)
    started = time.perf_counter()
    monitoring.tick(SYSTEM)
    print(f"| a pass with nothing to do | {(time.perf_counter() - started) * 1000:.1f} ms | |")
    started = time.perf_counter()
    monitoring.prediction(OWNER, id=ids[count // 2])
    print(f"| find a prediction | {(time.perf_counter() - started) * 1000:.1f} ms | |")
    started = time.perf_counter()
    monitoring.status(OWNER, endpoint="delay")
    print(f"| status | {(time.perf_counter() - started) * 1000:.1f} ms | |")


if __name__ == "__main__":
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    measure(30_000, 30, 20)
    measure(30_000, 30, 1)
    measure(total, 1, 50)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of all of it: {peak:.0f} MB")
