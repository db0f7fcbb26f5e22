"""A pipeline service in one folder, which may be opened again after a death."""

from pathlib import Path
from textwrap import dedent

import pytest

from tidemill.core.access import OWNER
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.pipelines.errors import PipelineFailed
from tidemill.pipelines.service import PipelineService
from tidemill.tracking.service import TrackingService

HEADER = "from tidemill import dataset, pipeline, step\nfrom tidemill.pipelines.context import *\n"


class NoTables:
    def resolve(self, actor, *, refs):
        return []


class House:
    """The stages that a run needs, in one folder; may be opened again after a death."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "project").mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger.open(root / "ledger.sqlite")
        self.objects = ObjectStore(root / "store")
        self.tracking = TrackingService(self.ledger, self.objects)
        self.service = PipelineService(
            self.ledger, self.objects, self.tracking, NoTables(), work=root / "work", cores=2
        )

    def close(self):
        self.service.close()
        self.ledger.close()

    def write(self, text):
        (self.root / "project" / "pipeline.py").write_text(HEADER + dedent(text))

    def prepare(self, **params):
        folder = str(self.root / "project")
        return self.service.prepare(OWNER, pipeline="pipeline.py:main", folder=folder, params=params).run_id

    def fail(self, **params):
        """Return the failure of the first step that failed."""
        run_id = self.prepare(**params)
        with pytest.raises(PipelineFailed):
            self.service.execute(OWNER, run_id)
        return run_id, next(step for step in self.service.steps(OWNER, run_id=run_id) if step.failure is not None)


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture
def open_house():
    """Give what opens a folder."""
    return House
