"""A workspace with something of everything that the ledger's own stages keep."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.mlflow.stores import NEW, OLD, Store, fill

from tidemill.app import Workspace
from tidemill.app.trackers.records import Transfer, TransferStatus
from tidemill.core.access import OWNER
from tidemill.core.digests import Digest
from tidemill.core.settings import Settings
from tidemill.objects.unsynced import Unsynced


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    with Workspace(Settings(home=home)) as opened:
        yield opened


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> dict[str, Digest]:
    """Give the digests of an artifact, of a tree, and of a file in the tree."""
    run = workspace.tracking.create_run(OWNER, experiment="delays")
    single = workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path="notes.txt", content=b"hello").digest
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"w" * 5000)
    tree = workspace.objects.put_tree(folder)
    inner = workspace.objects.list_tree(tree)[0].digest
    workspace.tracking.log_stored_artifact(OWNER, run_id=run.run_id, path="model", digest=tree)
    Unsynced(workspace.ledger, workspace.objects).settle()
    return {"single": Digest(single), "tree": tree, "inner": inner}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "files"


@pytest.fixture(params=[OLD, NEW])
def store(request, tmp_path, root):
    return fill(Store(tmp_path / "mlflow.db", request.param), root)


@pytest.fixture
def take(workspace, wait_for):
    """Give a function that imports, waits for the end, and returns what was done."""

    def taken(url: str, **options: object) -> Transfer:
        begun = workspace.trackers.start_import(OWNER, tracker="mlflow", source=url, **options)
        return ended(begun.id)

    def ended(transfer_id: str) -> Transfer:
        def over():
            found = workspace.trackers.get(OWNER, id=transfer_id)
            return found if found.status != TransferStatus.RUNNING else None

        found = wait_for(over, within_s=30)
        assert isinstance(found, Transfer)
        return found

    return taken
