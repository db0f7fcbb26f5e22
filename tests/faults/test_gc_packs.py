"""Packs are written anew so that a kill at any sync leaves every version readable; the next collection goes on."""

import os
import random
import shutil
import time
from pathlib import Path

import pytest
from tests.faults.test_gc import killed

from tidemill.app import Workspace
from tidemill.app.fsck import check_folder
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.data.errors import DatasetVersionNotFound

RANDOM = random.Random(7)
KEPT = {f"kept{number}": RANDOM.randbytes(200_000) for number in range(2)}


def age(workspace: Workspace) -> None:
    moment = time.time() - 3 * 24 * 3600
    for digest in workspace.objects.digests():
        os.utime(workspace.objects.path(digest), (moment, moment))


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Path:
    """Two versions of files that share little of a pack, and two of a table; the first ones are in the trash."""
    place: Path = tmp_path_factory.mktemp("full")
    folder = place / "pictures"
    folder.mkdir()
    with Workspace(Settings(home=place / "home")) as workspace:
        for number in range(2):
            for name, content in KEPT.items():
                (folder / name).write_bytes(content)
            for gone in range(12 * (1 - number)):
                (folder / f"gone{gone}").write_bytes(RANDOM.randbytes(200_000))
            workspace.data.ingest(OWNER, "pictures", str(folder))
            for path in folder.glob("gone*"):
                path.unlink()
            (place / "t.csv").write_text("x\n" + "".join(f"{row + number}\n" for row in range(500)))
            workspace.data.ingest(OWNER, "table", str(place / "t.csv"))
        for ref in ("pictures@1", "table@1"):
            workspace.deleting.delete_version(OWNER, ref=ref)
        age(workspace)
    return place / "home"


def assert_whole(home: Path) -> None:
    """What stays reads as before, and what goes is whole or gone whole."""
    with Workspace(Settings(home=home)) as workspace:
        with workspace.data.place.files(workspace.data.get(OWNER, "pictures")) as found:
            assert {name: found.read(name) for name in KEPT} == KEPT
        assert workspace.data.read(OWNER, "table")["x"].to_list() == list(range(1, 501))
        for ref in ("pictures@1", "table@1"):
            try:
                workspace.deleting.restore_version(OWNER, name=ref[:-2], number=1)
            except DatasetVersionNotFound:
                assert [each.ref for each in workspace.deleting.removed(OWNER, name=ref[:-2])] == [ref]
            else:
                assert workspace.folders.verify(OWNER, ref=ref).is_sound
                workspace.deleting.delete_version(OWNER, ref=ref)
    report = check_folder(home)
    assert report.is_clean, report.findings[:5]


@pytest.mark.parametrize("call", ["fsync", "fdatasync", "rename"])
@pytest.mark.parametrize("when", [1, 2, 3, 5, 8])
def test_a_kill_at_any_sync_leaves_every_version_readable(full, tmp_path, call, when):
    home = tmp_path / "home"
    shutil.copytree(full, home)
    was_killed = killed(home, call=call, when=when)
    assert_whole(home)

    with Workspace(Settings(home=home)) as workspace:
        workspace.maintenance.gc(OWNER, older_than="0s")
        age(workspace)
        made = workspace.maintenance.gc(OWNER, older_than="0s")
        assert made.problem == ""
        left = sum(workspace.objects.path(digest).stat().st_size for digest in workspace.objects.digests())
    assert left < 800_000, "whatever the killed one had left is gone too"
    assert was_killed or when > 1
    assert_whole(home)
