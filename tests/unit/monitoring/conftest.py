"""An endpoint whose predictions are captured by the data plane's own writer, and a monitor on it."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tidemill.core.access import OWNER, SYSTEM
from tidemill.core.moments import to_ms
from tidemill.delivery import endpoints
from tidemill.ledger import Ledger
from tidemill.monitoring.records import FeedbackRow
from tidemill.monitoring.service import MonitoringService
from tidemill.monitoring.settings import MonitorSettings
from tidemill.objects import ObjectStore
from tidemill.serving.capture import CaptureWriter, pack_frame
from tidemill.serving.identifiers import IdMaker

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


class Told:
    """A notifier that keeps what it carries, and fails when told to."""

    name = "told"
    options = frozenset({"secret"})
    secrets = frozenset({"secret"})

    def __init__(self):
        self.notices = []
        self.failure = None

    def check(self, address, options):
        pass

    def send(self, notice, address, options):
        if self.failure:
            raise self.failure
        self.notices.append((notice, address, dict(options)))


class House:
    """Monitoring on a folder."""

    def __init__(self, home: Path):
        self.home = home
        self.capture = home / "serving" / "capture"
        self.ledger = Ledger.open(home / "ledger.sqlite")
        self.objects = ObjectStore(home)
        self.notifier = Told()
        self.monitoring = self.service()
        self.writer = CaptureWriter(self.capture)
        self.ids = IdMaker()
        self.endpoint("delay", time="happened")

    def service(self, **more):
        given = {"notifiers": lambda: {"told": self.notifier}} | more
        return MonitoringService(self.ledger, self.objects, self.capture, **given)

    def endpoint(self, name, time=None):
        self.ledger.write(OWNER, lambda tx: endpoints.create(tx, name=name, time=time, passthrough=[], sticky=None))

    def frame(self, columns, outputs, *, endpoint="delay", deployment="d1", version=1, at=None, ids=None, **more):
        count = len(next(iter(columns.values())))
        return {
            "t": to_ms(at or datetime.now(UTC)),
            "endpoint": endpoint,
            "deployment": deployment,
            "model": "delay",
            "version": version,
            "route": "stable",
            "ids": ids or self.ids.make(count),
            "columns": columns,
            "outputs": outputs,
            "ms": 2.0,
            "status": 200,
            "requests": 1,
        } | more

    def write(self, *frames):
        self.writer.append([pack_frame(frame) for frame in frames])

    def answer(self, rows: pl.DataFrame, **more):
        """Capture rows with the columns `probability` and `happened` as answered in one request; return their ids."""
        given = rows.drop("probability", "truth", strict=False)
        if "happened" in given.columns:
            given = given.with_columns(pl.col("happened").dt.to_string("iso:strict"))
        frame = self.frame(given.to_dict(as_series=False), {"probability": rows["probability"].to_list()}, **more)
        self.write(frame)
        return frame["ids"]

    def tell(self, ids, truths, endpoint="delay", at=None):
        rows = [FeedbackRow(id=one, truth=truth, at=at) for one, truth in zip(ids, truths, strict=True)]
        return self.monitoring.add_feedback(OWNER, endpoint=endpoint, rows=rows)

    def day(self, day, *, rows=400, seed=0, shift=0.0, skill=1.0, **more):
        """Answer a day of rows and tell their truths; return the rows."""
        table = days(1, rows=rows, seed=seed + day, shift=shift, skill=skill, start=MARCH + timedelta(days=day))
        ids = self.answer(table, **more)
        self.tell(ids, table["truth"].to_list())
        return table

    def configure(self, **settings):
        return self.monitoring.configure_monitor(OWNER, endpoint="delay", settings=MonitorSettings(**settings))

    def keep(self, frame):
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        return f"artifact:{self.objects.put_bytes(buffer.getvalue())}"

    def train(self, table, version=1):
        """Say what the version was trained on."""
        scored = table.rename({"probability": "output.probability"})
        return self.monitoring.set_reference(
            OWNER,
            model=f"delay@{version}",
            rows=self.keep(table.drop("probability", "truth")),
            holdout=self.keep(scored),
            time="happened",
        )

    def tick(self, **more):
        found = self.monitoring.tick(SYSTEM, **more)
        assert found.problems == []
        return found

    def status(self, **more):
        return self.monitoring.status(OWNER, endpoint="delay", **more)

    def close(self):
        self.ledger.close()


def days(count, *, rows=400, seed=0, shift=0.0, skill=1.0, start=MARCH, weather=0.2):
    """Return rows of some days: each day has a weather of its own that moves x; a score that knows the truth a bit."""
    lots = []
    for day in range(count):
        random = np.random.default_rng([seed, day])
        x = random.normal(shift + weather * random.normal(), 1, rows)
        chance = 1 / (1 + np.exp(-x + shift))
        truth = random.random(rows) < chance
        known = skill * (x - shift) + (1 - skill) * random.normal(size=rows)
        lots.append(
            pl.DataFrame(
                {
                    "x": x,
                    "kind": random.choice(["a", "b", "c"], rows),
                    "happened": [start + timedelta(days=day, seconds=86400 * at / rows) for at in range(rows)],
                    "probability": 1 / (1 + np.exp(-known)),
                    "truth": truth,
                }
            )
        )
    return pl.concat(lots)


@pytest.fixture
def house(tmp_path):
    found = House(tmp_path)
    yield found
    found.close()


@pytest.fixture(name="days")
def days_():
    return days


@pytest.fixture
def march():
    return MARCH
