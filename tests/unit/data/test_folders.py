"""Folders as versions: what changed since, back to disk, and is every byte what it was."""

import csv
import os
import random
import subprocess
import sys
import time
from datetime import timedelta

import polars as pl
import pytest

from tidemill.core.access import OWNER, Actor, Role
from tidemill.data.errors import InvalidOption, SourceRefused
from tidemill.data.service.folders import FolderService
from tidemill.objects import DamagedObject, UnsafePath
from tidemill.objects.packs.checkout import FilesInTheWay
from tidemill.objects.packs.cutting import digests_of


@pytest.fixture
def folders(data):
    return FolderService(data.place)


@pytest.fixture(scope="session")
def noise():
    """5 MiB that repeat nowhere: large enough to be linked."""
    return random.Random(7).randbytes(5 << 20)


@pytest.fixture
def photos(data, project):
    """A folder as version 1 of `photos`, long enough ago."""
    folder = project / "photos"
    (folder / "sub").mkdir(parents=True)
    for name, content in {"a": b"one", "b": b"two", "sub/c": b"three" * 400_000}.items():
        (folder / name).write_bytes(content)
    time.sleep(0.05)  # writes of just now are never trusted
    data.ingest(OWNER, "photos", str(folder))
    return folder


def test_a_folder_that_did_not_change_is_the_same_version_and_not_read(data, folders, photos):
    status = folders.status(OWNER, "photos")

    assert (status.is_unchanged, status.files, status.read_bytes) == (True, 3, 0)
    assert not data.ingest(OWNER, "photos", str(photos)).created


def test_files_are_added_and_checked_out_without_what_only_tables_need(project):
    program = """
import sys
from pathlib import Path
from tidemill.core.access import OWNER
from tidemill.data.service import DataService
from tidemill.data.service.folders import FolderService
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
Path("photos").mkdir()
Path("photos/a").write_bytes(b"one")
data = DataService(Ledger.open(Path("ledger.sqlite")), ObjectStore(Path("home")), root=Path.cwd())
data.ingest(OWNER, "photos", "photos")
FolderService(data.place).checkout(OWNER, "photos", target="back")
print([name for name in ("polars", "numpy", "tidemill.integrations") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=project, check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "[]"


def test_a_status_names_what_changed(folders, photos):
    (photos / "a").write_bytes(b"ONE")
    (photos / "b").unlink()
    (photos / "new").write_bytes(b"x")

    status = folders.status(OWNER, "photos")

    assert (status.added, status.changed, status.removed) == (("new",), ("a",), ("b",))
    assert status.counts == {"added": 1, "changed": 1, "removed": 1}


def test_a_file_that_was_only_touched_is_read_and_found_the_same(folders, photos):
    (photos / "sub" / "c").write_bytes(b"three" * 400_000)

    status = folders.status(OWNER, "photos")

    assert (status.is_unchanged, status.read_bytes) == (True, 2_000_000)


def test_a_version_of_a_change_reads_and_stores_only_that(data, photos, objects):
    before = sum(objects.size(digest) for digest in objects.digests())
    (photos / "a").write_bytes(b"ONE")

    second = data.ingest(OWNER, "photos", str(photos))

    assert second.number == 2
    assert sum(objects.size(digest) for digest in objects.digests()) - before < 5000
    with data.place.files(second) as files:
        assert {entry.path: files.read(entry.path) for entry in files.entries} == {
            "a": b"ONE",
            "b": b"two",
            "sub/c": b"three" * 400_000,
        }


def test_append_keeps_the_files_that_the_folder_lacks(data, project, photos):
    more = project / "more"
    more.mkdir()
    (more / "a").write_bytes(b"newer")
    (more / "d").write_bytes(b"four")

    made = data.ingest(OWNER, "photos", str(more), append=True)

    with data.place.files(made) as files:
        assert [entry.path for entry in files.entries] == ["a", "b", "d", "sub/c"]
        assert files.read("a") == b"newer"
        assert files.read("sub/c") == b"three" * 400_000


def test_append_trusts_no_look_at_a_folder_that_was_not_the_last_version(data, project, photos):
    other = project / "other"
    other.mkdir()
    (other / "a").write_bytes(b"other")
    data.ingest(OWNER, "photos", str(other))

    made = data.ingest(OWNER, "photos", str(photos), append=True)

    with data.place.files(made) as files:
        assert files.read("a") == b"one"


def test_a_linked_checkout_is_added_like_any_folder(data, folders, project, noise):
    (project / "big").mkdir()
    (project / "big" / "file").write_bytes(noise)
    first = data.ingest(OWNER, "big", str(project / "big"))
    folders.checkout(OWNER, "big", target=str(project / "linked"), link=True)

    assert data.ingest(OWNER, "other", str(project / "linked")).digest == first.digest


@pytest.mark.parametrize(("name", "folder"), [("a/b", "a"), ("sub", "sub")])
def test_append_makes_no_file_a_folder(data, project, photos, name, folder):
    (project / "more" / name).parent.mkdir(parents=True)
    (project / "more" / name).write_bytes(b"x")

    with pytest.raises(UnsafePath, match=f"'{folder}' would be a file and a folder"):
        data.ingest(OWNER, "photos", str(project / "more"), append=True)


def test_one_file_is_kept_as_it_is_when_asked(data, write):
    made = data.ingest(OWNER, "raw", write("table.csv", "a,b\n1,\n"), as_files=True)

    assert (made.kind.value, made.files, made.rows) == ("tree", 1, None)
    with data.place.files(made) as files:
        assert files.read("table.csv") == b"a,b\n1,\n"


def test_the_status_of_a_table_is_that_of_its_files(ingest, folders, write):
    ingest("a\n1\n")
    assert folders.status(OWNER, "table").is_unchanged

    write("table.csv", "a\n2\n")
    assert folders.status(OWNER, "table").changed == ("table.csv",)


def test_a_table_whose_file_changed_behind_its_time_is_read(ingest, folders, project):
    ingest("a\n1\n")
    held = (project / "table.csv").stat()
    (project / "table.csv").write_text("a\n2\n")
    os.utime(project / "table.csv", ns=(held.st_atime_ns, held.st_mtime_ns))

    assert folders.status(OWNER, "table").changed == ("table.csv",)


def test_a_checkout_brings_a_version_back_and_goes_from_one_to_another(data, folders, photos, tmp_path):
    (photos / "a").write_bytes(b"ONE")
    data.ingest(OWNER, "photos", str(photos))
    out = tmp_path / "out"

    assert folders.checkout(OWNER, "photos@1", target=str(out)).written == 3
    time.sleep(0.05)
    assert (out / "a").read_bytes() == b"one"
    moved = folders.checkout(OWNER, "photos@2", target=str(out))
    assert (moved.written, moved.kept, moved.removed) == (1, 2, 0)
    assert (out / "a").read_bytes() == b"ONE"
    (out / "a").write_bytes(b"mine")
    with pytest.raises(FilesInTheWay):
        folders.checkout(OWNER, "photos@1", target=str(out))


def test_a_checkout_without_a_target_restores_the_source(folders, photos):
    (photos / "b").unlink()

    assert folders.checkout(OWNER, "photos").written == 1
    assert (photos / "b").read_bytes() == b"two"


def test_a_file_goes_back_to_its_place_and_leaves_others_alone(data, folders, write, project):
    write("other.txt", "mine")
    data.ingest(OWNER, "raw", str(project / write("raw.bin", b"raw")), as_files=True)
    (project / "raw.bin").unlink()

    folders.checkout(OWNER, "raw")

    assert (project / "raw.bin").read_bytes() == b"raw"
    assert (project / "other.txt").read_text() == "mine"


def test_files_of_a_pattern_need_a_target(data, folders, write, project):
    write("a/1.bin", b"1")
    write("b/2.bin", b"2")
    data.ingest(OWNER, "raw", str(project / "*" / "*.bin"), as_files=True)

    with pytest.raises(InvalidOption, match="several places"):
        folders.checkout(OWNER, "raw")
    assert folders.checkout(OWNER, "raw", target=str(project / "out")).written == 2


def test_a_table_is_checked_out_as_a_file(ingest, folders, tmp_path):
    ingest("a\n1\n")

    folders.checkout(OWNER, "table", target=str(tmp_path / "t.csv"))

    assert (tmp_path / "t.csv").read_text() == "a\n1\n"


def test_what_csv_has_no_form_for_is_written_as_text(data, project, folders, tmp_path):
    kinds = {"l": [[1, None]], "s": [{"a": "ä"}], "b": [b"\xff"], "d": [timedelta(seconds=90)]}
    pl.DataFrame(kinds).write_parquet(project / "t.parquet")
    data.ingest(OWNER, "table", "t.parquet")

    folders.checkout(OWNER, "table", target=str(tmp_path / "t.csv"))

    (row,) = csv.DictReader((tmp_path / "t.csv").open())
    assert row == {"l": "[1, null]", "s": '{"a": "ä"}', "b": "ff", "d": "0:01:30"}


def test_a_table_with_a_damaged_part_leaves_no_folder(ingest, folders, objects, tmp_path):
    made = ingest("a\n1\n")
    path = objects.path(made.parts[0].segments[0].digest)
    path.chmod(0o644)
    path.write_bytes(b"damaged")

    with pytest.raises(DamagedObject):
        folders.checkout(OWNER, "table", target=str(tmp_path / "parts"))
    assert not any("parts" in each.name for each in tmp_path.iterdir())


def test_only_the_owner_writes_on_this_machine(folders, photos, tmp_path):
    with pytest.raises(SourceRefused):
        folders.checkout(Actor("eve", Role.ADMIN), "photos", target=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_verify_names_the_damaged_file(data, folders, photos, objects):
    assert folders.verify(OWNER, "photos").is_sound
    layout = data.place.files(data.get(OWNER, "photos")).layout
    path = objects.path(layout.packs[0][0])
    path.chmod(0o644)
    path.write_bytes(b"X" + path.read_bytes()[1:])

    report = folders.verify(OWNER, "photos")

    assert not report.is_sound
    assert [each.path for each in report.damaged] == ["a"]


def test_a_source_elsewhere_has_no_status(folders, photos):
    with pytest.raises(InvalidOption, match="not on this machine"):
        folders.status(OWNER, "photos", source="s3://bucket/key")


def test_how_far_an_addition_is_can_be_asked(data, folders, photos, monkeypatch):
    told = []

    def looked(window):
        told.append(folders.progress(OWNER, "photos"))
        return digests_of(window)

    monkeypatch.setattr("tidemill.objects.packs.adding.digests_of", looked)
    (photos / "sub" / "c").write_bytes(b"other" * 500_000)

    data.ingest(OWNER, "photos", str(photos))

    assert told
    assert told[0].doing == "bytes added"
    assert folders.progress(OWNER, "photos").doing == ""
