"""Measure pipelines: a step's cost, a run without work, the first step, the flights example; beside peers.

Peers are measured in the same run by the interpreters named with `--peer NAME=PYTHON` (a virtual environment with
that library), by the script `peers.py` beside this one.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from tidemill.core.access import OWNER, Actor
from tidemill.core.digests import Digest
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.pipelines.records import DatasetInput
from tidemill.pipelines.service import PipelineService
from tidemill.tracking.service import TrackingService

PROJECT = """
from tidemill import pipeline, step

@step
def first(seed: int) -> int:
    return seed

@step
def add(value: int) -> int:
    return value + 1

@step
def total(values: list) -> int:
    return sum(values)

@pipeline
def chain(seed: int, steps: int):
    value = first(seed)
    for _ in range(steps):
        value = add(value)
    return value

@pipeline
def fan(seed: int, steps: int):
    return total([add(seed * 1_000_000 + number) for number in range(steps)])
"""
FLIGHTS = Path(__file__).resolve().parents[2] / "examples" / "flights"


class Tables:
    """The one dataset of the flights example."""

    def __init__(self) -> None:
        self.versions: dict[str, DatasetInput] = {}

    def resolve(self, actor: Actor, *, refs: Sequence[str]) -> list[DatasetInput]:
        """Return it."""
        del actor
        return [self.versions[ref] for ref in refs]


class House:
    """The stages that runs need, in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "project"
        self.project.mkdir()
        (self.project / "pipeline.py").write_text(PROJECT)
        self.ledger = Ledger.open(root / "ledger.sqlite")
        self.objects = ObjectStore(root / "store")
        self.tables = Tables()
        tracking = TrackingService(self.ledger, self.objects)
        self.service = PipelineService(self.ledger, self.objects, tracking, self.tables, work=root / "work")

    def prepare(self, pipeline: str, folder: Path | None = None, **params: int) -> str:
        """Record a run."""
        place = str(folder or self.project)
        return self.service.prepare(OWNER, pipeline=f"pipeline.py:{pipeline}", folder=place, params=params).run_id

    def execute(self, run_id: str, *, isolate: bool = True) -> float:
        """Execute a run and return its seconds."""
        begun = time.perf_counter()
        self.service.execute(OWNER, run_id, isolate=isolate)
        return time.perf_counter() - begun


def per_step_ms(house: House, pipeline: str, rounds: int, *, isolate: bool) -> float:
    """Return the cost of a trivial step: the difference of a long and a short run, so that the start does not count."""
    costs = []
    for number in range(rounds):
        long = house.prepare(pipeline, seed=2 * number + isolate * 1000, steps=200)
        short = house.prepare(pipeline, seed=2 * number + 1 + isolate * 1000, steps=10)
        costs.append((house.execute(long, isolate=isolate) - house.execute(short, isolate=isolate)) / 190 * 1000)
    return statistics.median(costs)


def measure(rounds: int) -> dict[str, float]:
    """Return every number by its name."""
    numbers: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        begun = time.perf_counter()
        seen: list[float] = []
        run_id = house.prepare("chain", seed=-1, steps=3)

        def note(event: object) -> None:
            if getattr(event, "kind", "") == "done" and not seen:
                seen.append(time.perf_counter() - begun)

        house.service.execute(OWNER, run_id, on_event=note)
        numbers["first step done, from nothing, s"] = seen[0]
        for isolate, place in ((False, "in process"), (True, "in a warm worker")):
            numbers[f"a step of a chain, {place}, ms"] = per_step_ms(house, "chain", rounds, isolate=isolate)
        numbers["a step of a fan, in 2 warm workers, ms"] = per_step_ms(house, "fan", rounds, isolate=True)
        house.execute(house.prepare("chain", seed=7, steps=99))
        numbers["run again, 100 steps cached: prepare, s"] = median(
            rounds, lambda: house.prepare("chain", seed=7, steps=99)
        )
        runs = iter([house.prepare("chain", seed=7, steps=99) for _ in range(rounds)])
        numbers["run again, 100 steps cached: execute, s"] = median(rounds, lambda: house.execute(next(runs)))
        numbers["plan of 100 cached steps, s"] = median(
            rounds,
            lambda: house.service.plan(
                OWNER, pipeline="pipeline.py:chain", folder=str(house.project), params={"seed": 7, "steps": 99}
            ),
        )
        numbers |= flights(house, rounds)
        house.service.close()
        house.ledger.close()
    return numbers


def flights(house: House, rounds: int) -> dict[str, float]:
    """Return the first and the repeated run of the flights example, on its January and February."""
    months = house.root / "months"
    subprocess.run([sys.executable, str(FLIGHTS / "prepare.py"), str(months)], check=True, capture_output=True)
    table = house.root / "flights.parquet"
    pl.read_parquet(sorted(months.iterdir())[:2]).write_parquet(table)
    digest, _ = house.objects.put_file(table)
    house.tables.versions["flights"] = DatasetInput(
        ref="flights", id=digest[:32], label="flights@1", digest=Digest(digest), files=[str(house.objects.path(digest))]
    )
    copy = house.root / "flights"
    shutil.copytree(FLIGHTS, copy)
    begun = time.perf_counter()
    house.execute(house.prepare("delays", copy))
    first = time.perf_counter() - begun
    again = median(rounds, lambda: house.execute(house.prepare("delays", copy)))
    return {"flights, first run, s": first, "flights, run again, s": again}


def median(rounds: int, work: Callable[[], object]) -> float:
    """Return the median seconds of some work."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", action="append", default=[], help="NAME=PYTHON")
    given = parser.parse_args()
    for name, value in measure(given.rounds).items():
        print(f"{'tidemill':12} {name:48} {value:10.4f}")
    for peer in given.peer:
        name, _, python = peer.partition("=")
        script = Path(__file__).with_name("peers.py")
        answer = subprocess.run([python, str(script), name], capture_output=True, text=True, check=True)
        for what, value in json.loads(answer.stdout.splitlines()[-1]).items():
            print(f"{name:12} {what:48} {value:10.4f}")


if __name__ == "__main__":
    main()
