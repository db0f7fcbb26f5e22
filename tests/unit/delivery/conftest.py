"""A small house with real models, a real ledger and a clock of its own."""

import http.client
import io
import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from tidemill.core.access import OWNER, Actor, Role
from tidemill.core.digests import Digest
from tidemill.core.refs import Ref
from tidemill.delivery.gates import Judge
from tidemill.delivery.ports import Arms, ArmStats, Latencies
from tidemill.delivery.routing import Routing
from tidemill.delivery.service import DeliveryService
from tidemill.ledger import Ledger
from tidemill.models.saving import save_model
from tidemill.models.service import ModelService
from tidemill.objects import ObjectStore
from tidemill.workflows.inline import InlineWorkflows

ANN = Actor("ann", Role.EDITOR)
BOB = Actor("bob", Role.APPROVER)
EVE = Actor("eve", Role.APPROVER)
FLOOR = [{"metric": "roc_auc >= 0.6"}]


def rows(seed, count=1500):
    """Return rows whose label depends on x and z; a tenth of the labels is not known."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=count), rng.normal(size=count)
    late = (x + z + rng.normal(size=count) > 0).tolist()
    known = [value if at % 10 else None for at, value in enumerate(late)]
    day = [f"2026-03-{1 + at * 20 // count:02d}T10:00:00" for at in range(count)]
    return pl.DataFrame({"x": x, "z": z, "late": known, "at": day, "group": [f"g{at % 3}" for at in range(count)]})


@pytest.fixture(scope="session")
def bundles(tmp_path_factory):
    """Give the folders of three models: one that sees x, one that sees x and z, one that guesses."""
    place = tmp_path_factory.mktemp("bundles")
    table = rows(1).drop_nulls()
    found = {}
    for name, inputs in {"one": ["x"], "both": ["x", "z"], "guess": ["x"]}.items():
        truth = table["late"].to_numpy()
        if name == "guess":
            truth = np.random.default_rng(5).random(len(truth)) > 0.5
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression().fit(table.select(inputs).to_numpy(), truth)
            save_model(model, place / name, example=table.select(inputs).head(50))
        found[name] = place / name
    return found


class Eyes:
    """An observer that says what it was told to; it remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.asked_past = []
        self.script = lambda _look: Arms()
        self.past = Latencies()

    def latencies(self, **asked):
        self.asked_past.append(asked)
        if isinstance(self.past, Exception):
            raise self.past
        return self.past

    def observe(self, **asked):
        self.asked.append(asked)
        return self.script(len(self.asked))


def arms(stable, canary):
    """Return counts from (requests, errors) of both routes."""
    return Arms(
        stable=ArmStats(requests=stable[0], errors=stable[1]), canary=ArmStats(requests=canary[0], errors=canary[1])
    )


class House:
    """Delivery on a folder, with what it stands on."""

    def __init__(self, home: Path, bundles: dict[str, Path], workflows=None):
        self.home = home
        self.bundles = bundles
        self.objects = ObjectStore(home)
        self.ledger = Ledger.open(home / "ledger.sqlite")
        self.models = ModelService(self.ledger, self.objects, home / "work")
        self.workflows = workflows or InlineWorkflows()
        self.eyes = Eyes()
        self.routing = Routing(home / "serving", self.objects)
        self.delivery = DeliveryService(
            self.ledger, self.models, Judge(self.models.load, self.read), self.routing, self.flows, self.eyes
        )
        self.delivery.define(self.workflows)
        self.holdout = self.keep(rows(2))
        self.training = self.keep(rows(1))

    def flows(self):
        return self.workflows

    def keep(self, frame):
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        return f"artifact:{self.objects.put_bytes(buffer.getvalue())}"

    def read(self, ref):
        return pl.read_parquet(self.objects.read(Digest(Ref.parse(ref).id)))

    def register(self, which="one", *, actor=ANN, name="delay", copy=0):
        """Register one of the models; a copy has a digest of its own."""
        folder = self.bundles[which]
        if copy:
            folder = self.home / f"copy-{which}-{copy}"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                inputs = ["x", "z"] if which == "both" else ["x"]
                table = rows(1).drop_nulls()
                model = LogisticRegression(C=1 / copy).fit(table.select(inputs).to_numpy(), table["late"].to_numpy())
                save_model(model, folder, example=table.select(inputs).head(50))
        version = self.models.register(actor, name=name, tree=self.objects.put_tree(folder))
        if copy:
            shutil.rmtree(folder)
        return version

    def judge(self, version, rules=FLOOR, **more):
        given = {"holdout": self.holdout, "label": "late"} | more
        return self.delivery.evaluate_gate(ANN, model=version.ref, rules=rules, **given)

    def ready(self, which="one", **more):
        """Register a model whose gate is open, and return it."""
        version = self.register(which, **more)
        assert self.judge(version, [{"metric": "roc_auc >= 0.1"}]).status == "open"
        return version

    def endpoint(self, name="delay"):
        return self.delivery.get_endpoint(OWNER, name=name)

    def rollout(self, identifier):
        return self.delivery.get_rollout(OWNER, id=identifier)

    def champion(self, model="delay"):
        return self.models.get(OWNER, ref=f"{model}@champion").number

    def audit(self, action):
        with self.ledger.read() as connection:
            query = "SELECT count(*) FROM audit_events WHERE action = ?"
            return connection.exec_driver_sql(query, (action,)).scalar_one()

    def close(self):
        self.ledger.close()


class Plane:
    """A data plane's process on a folder."""

    def __init__(self, home, wait_for):
        self.home = home
        self.wait_for = wait_for
        self.process = None

    def start(self):
        ready = self.home / "ready.json"
        ready.unlink(missing_ok=True)
        (self.home / "serving").mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tidemill.serving", f"--home={self.home}", f"--ready-file={ready}"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.wait_for(ready.exists, within_s=30)
        self.port = json.loads(ready.read_bytes())["port"]

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, connection=None, endpoint="delay", **row):
        connection = connection or self.connect()
        body = json.dumps({"records": [{"x": 0.5} | row]})
        connection.request("POST", f"/v1/endpoints/{endpoint}/predict", body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())


class Planes:
    """Starts data planes, and ends them after the test."""

    def __init__(self, wait_for):
        self.wait_for = wait_for
        self.all: list[Plane] = []

    def __call__(self, home):
        self.all.append(Plane(home, self.wait_for))
        self.last.start()
        return self.last

    @property
    def last(self):
        return self.all[-1]


@pytest.fixture
def start_plane(wait_for):
    found = Planes(wait_for)
    yield found
    for plane in found.all:
        plane.stop()


@pytest.fixture
def house(tmp_path, bundles):
    found = House(tmp_path, bundles)
    yield found
    found.close()


@pytest.fixture
def ann():
    """Give an editor, who registers the models."""
    return ANN


@pytest.fixture
def bob():
    """Give an approver."""
    return BOB


@pytest.fixture
def eve():
    """Give another approver."""
    return EVE


@pytest.fixture(name="arms")
def arms_():
    """Give the function that makes counts."""
    return arms


@pytest.fixture(name="rows")
def rows_():
    """Give the function that makes rows."""
    return rows
