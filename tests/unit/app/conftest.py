"""A workspace with something of everything that the ledger's own stages keep."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.app import Workspace
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
