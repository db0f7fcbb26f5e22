"""A pipeline service in one folder, which may be opened again after a death; a small disk that can be full."""

import subprocess
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


@pytest.fixture
def small_disk(tmp_path: Path):
    """Give a folder on a disk of six MiB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.fail(f"cannot mount a tmpfs ({mounted.stderr.decode().strip()}); run the tests of faults as root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def fill():
    """Give what writes a file until there is no space left."""

    def fill(path: Path) -> None:
        with path.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
            except OSError:
                pass

    return fill
