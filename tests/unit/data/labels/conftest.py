"""A table to be labelled, and people who do it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidemill.core.access import Actor, Role
from tidemill.data.labels.records import LabelTask
from tidemill.data.labels.service import LabelService
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore

ANNA, BEN, CARA = (Actor(name, Role.EDITOR) for name in ("anna", "ben", "cara"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def ledger(tmp_path: Path):
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    yield ledger
    ledger.close()


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "home")


@pytest.fixture
def data(ledger: Ledger, objects: ObjectStore, project: Path) -> DataService:
    return DataService(ledger, objects, root=project)


@pytest.fixture
def labels(ledger: Ledger, objects: ObjectStore, data: DataService) -> LabelService:
    return LabelService(ledger, objects, data)


@pytest.fixture
def add(data: DataService, project: Path):
    """Write rows of reviews as files and ingest them."""

    def add_rows(rows: int = 12, *, files: int = 1, name: str = "reviews", **options: Any):
        each = rows // files
        for file in range(files):
            lines = [
                f"{at},text {at},{('good', 'bad')[at % 2]},{at / rows},{at % 5}"
                for at in range(file * each, (file + 1) * each)
            ]
            (project / f"{name}-{file}.csv").write_text("id,body,mood,score,stars\n" + "\n".join(lines) + "\n")
        return data.ingest(ANNA, name, f"{name}-*.csv", **{"key": ["id"], **options})

    return add_rows


@pytest.fixture
def make(labels: LabelService, add) -> Callable[..., LabelTask]:
    """Make a task about fresh reviews."""

    def make_task(rows: int = 12, **options: Any) -> LabelTask:
        add(rows)
        return labels.create(ANNA, "reviews", **{"column": "topic", "choices": ["price", "taste", "place"], **options})

    return make_task
