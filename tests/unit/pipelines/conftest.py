"""A pipeline service over a real ledger and object store, and a project folder to fill."""

from pathlib import Path
from textwrap import dedent

import pytest

from tidemill.core.access import OWNER
from tidemill.core.digests import Digest
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.pipelines.errors import PipelineFailed
from tidemill.pipelines.records import DatasetInput
from tidemill.pipelines.service import PipelineService
from tidemill.tracking.service import TrackingService

HEADER = "from tidemill import dataset, pipeline, step\nfrom tidemill.pipelines.context import *\n"


class Tables:
    """Dataset versions from Parquet files in a folder: `name@2` is the object of `name.parquet`'s second content."""

    def __init__(self, objects):
        self.objects = objects
        self.versions: dict[str, DatasetInput] = {}

    def add(self, ref, frame, folder):
        path = folder / "table.parquet"
        frame.write_parquet(path)
        digest, _ = self.objects.put_file(path)
        self.versions[ref] = DatasetInput(
            ref=ref, id=digest[:32], label=ref, digest=Digest(digest), files=[str(self.objects.path(digest))]
        )

    def resolve(self, actor, *, refs):
        return [self.versions[ref] for ref in refs]


class Bench:
    """Everything that a test of runs needs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "project"
        self.project.mkdir(exist_ok=True)
        self.open()

    def open(self):
        self.ledger = Ledger.open(self.root / "ledger.sqlite")
        self.objects = ObjectStore(self.root / "store")
        self.tracking = TrackingService(self.ledger, self.objects)
        self.tables = Tables(self.objects)
        self.service = PipelineService(
            self.ledger, self.objects, self.tracking, self.tables, work=self.root / "work", cores=2
        )

    def close(self):
        self.service.close()
        self.ledger.close()

    def write(self, text, name="pipeline.py"):
        (self.project / name).write_text(HEADER + dedent(text) if name == "pipeline.py" else text)

    def prepare(self, **options):
        params = options.pop("params", {})
        return self.service.prepare(
            OWNER, pipeline="pipeline.py:main", folder=str(self.project), params=params, **options
        ).run_id

    def run(self, *, isolate=True, on_event=None, **options):
        run_id = self.prepare(**options)
        self.failure = None
        try:
            self.service.execute(OWNER, run_id, isolate=isolate, on_event=on_event)
        except PipelineFailed as error:
            self.failure = error
        return self.service.get(OWNER, run_id=run_id)

    def statuses(self, run_id):
        return {step.step: step.status.value for step in self.service.steps(OWNER, run_id=run_id)}

    def step(self, run_id, name):
        return next(step for step in self.service.steps(OWNER, run_id=run_id) if step.step == name)

    def kinds(self, run_id, step=None):
        events = self.service.events(OWNER, run_id=run_id)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        return [event.kind for event in events if step in {None, event.step}]


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()
