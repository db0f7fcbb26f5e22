from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tidemill.core.access import OWNER
from tidemill.data.records import DatasetVersion
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
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
def write(project: Path) -> Callable[[str, str | bytes], str]:
    """Write a file of the project and return its name."""

    def write_file(name: str, content: str | bytes) -> str:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return write_file


@pytest.fixture
def ingest(data: DataService, write: Callable[[str, str | bytes], str]) -> Callable[..., DatasetVersion]:
    """Write some content as a file and ingest it."""

    def ingest_content(
        content: str | bytes, *, file: str = "table.csv", name: str = "table", **options: Any
    ) -> DatasetVersion:
        return data.ingest(OWNER, name, write(file, content), **options)

    return ingest_content


@pytest.fixture
def nothing_kept(ledger: Ledger, data: DataService, objects: ObjectStore) -> Callable[[], None]:
    """Check that a refused ingestion left nothing: no dataset, no version, no unfinished file."""

    def check() -> None:
        assert data.list(OWNER) == []
        assert list((objects.root / "incoming").iterdir()) == []
        assert list(objects.fsck()) == []

    return check
