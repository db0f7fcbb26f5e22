"""Packs of which versions need little are written anew by a collection; every version reads as before."""

import os
import random

import pytest
from tests.unit.app.test_gc import age, assert_sound, gc, stored

from tidemill.app.repacking import Repacking
from tidemill.app.trackers.progress import Progress
from tidemill.core.access import OWNER
from tidemill.core.digests import Digest
from tidemill.objects.packs import rewriting

RANDOM = random.Random(3)
KEPT = [RANDOM.randbytes(200_000) for _ in range(3)]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "pictures"
    made.mkdir()
    return made


@pytest.fixture
def two(workspace, folder):
    """Two versions: of the 5 MB that the first one brought the second one needs 0.6."""
    for number, content in enumerate(KEPT):
        (folder / f"kept{number}").write_bytes(content)
    for number in range(22):
        (folder / f"gone{number}").write_bytes(RANDOM.randbytes(200_000))
    first = workspace.data.ingest(OWNER, "pictures", str(folder))
    for path in folder.glob("gone*"):
        path.unlink()
    return first, workspace.data.ingest(OWNER, "pictures", str(folder))


def files(workspace, ref: str) -> dict[str, bytes]:
    with workspace.data.place.files(workspace.data.get(OWNER, ref)) as found:
        return {entry.path: found.read(entry.path) for entry in found.entries}


def size(workspace) -> int:
    return sum(workspace.objects.size(Digest(digest)) for digest in stored(workspace))


def test_a_pack_of_which_little_is_needed_shrinks(workspace, two):
    assert gc(workspace).repacked == 0, "as long as the first version is there all of it is needed"
    before, large = files(workspace, "pictures@2"), size(workspace)
    workspace.deleting.delete_version(OWNER, ref="pictures@1")
    said = gc(workspace, dry_run=True)
    made = gc(workspace)

    assert made.repacked == said.repacked == 1
    assert made.repacked_bytes == said.repacked_bytes == 22 * 200_000
    assert files(workspace, "pictures@2") == before
    assert workspace.data.get(OWNER, "pictures@2").digest == two[1].digest
    again = gc(workspace)
    assert (again.repacked, again.objects) == (0, 2), "the old pack and its layout"
    assert size(workspace) < large - 21 * 200_000
    assert files(workspace, "pictures@2") == before
    assert_sound(workspace)


def test_who_reads_meanwhile_reads_on(workspace, two):
    workspace.deleting.delete_version(OWNER, ref="pictures@1")
    gc_before = workspace.data.get(OWNER, "pictures@2")
    age(workspace)
    with workspace.data.place.files(gc_before) as found:
        workspace.maintenance.gc(OWNER, older_than="0s")
        workspace.maintenance.gc(OWNER, older_than="0s")
        assert [found.read(f"kept{number}") for number in range(3)] == KEPT


def test_the_next_version_shares_what_was_written_anew(workspace, two, folder):
    workspace.deleting.delete_version(OWNER, ref="pictures@1")
    gc(workspace)
    (folder / "new").write_bytes(b"new" * 1000)
    before = size(workspace)
    made = workspace.data.ingest(OWNER, "pictures", str(folder))

    assert made.number == 3
    assert size(workspace) - before < 20_000
    assert files(workspace, "pictures@3")["kept1"] == KEPT[1]
    workspace.deleting.delete_version(OWNER, ref="pictures@2")
    gc(workspace)
    gc(workspace)
    assert files(workspace, "pictures@3")["kept1"] == KEPT[1]
    assert_sound(workspace)


def test_a_version_that_comes_meanwhile_keeps_what_it_needs(workspace, two, folder, monkeypatch):
    workspace.deleting.delete_version(OWNER, ref="pictures@1")
    gc(workspace, dry_run=True)
    real = rewriting.rewrite

    def meanwhile(*given):
        found = real(*given)
        (folder / "new").write_bytes(b"new" * 1000)
        workspace.data.ingest(OWNER, "pictures", str(folder))
        return found

    monkeypatch.setattr("tidemill.app.repacking.rewrite", meanwhile)
    gc(workspace)
    monkeypatch.undo()
    gc(workspace)

    assert files(workspace, "pictures@3")["kept2"] == files(workspace, "pictures@2")["kept2"] == KEPT[2]
    assert_sound(workspace)


def test_what_is_damaged_stops_it_and_frees_the_rest(workspace, two):
    workspace.deleting.delete_version(OWNER, ref="pictures@1")
    with workspace.data.place.files(two[1]) as found:
        (pack, *_), layout = found.layout.packs, found.layout
        chunk = layout.chunk(0)
    path = workspace.objects.path(pack[0])
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(chunk.offset)
        file.write(b"\0" * 50)
    made = gc(workspace)

    assert made.removed["dataset versions"] == 1
    assert (made.repacked, "is not what was stored" in made.problem) == (0, True)


def test_little_is_not_worth_it(workspace, folder):
    (folder / "kept").write_bytes(os.urandom(1000))
    (folder / "gone").write_bytes(os.urandom(500_000))
    workspace.data.ingest(OWNER, "small", str(folder))
    (folder / "gone").unlink()
    workspace.data.ingest(OWNER, "small", str(folder))
    workspace.deleting.delete_version(OWNER, ref="small@1")

    assert gc(workspace).repacked == 0
    assert Repacking(workspace.ledger, workspace.objects).run(OWNER, Progress()).packs == 0
