"""A backup is one state of a workspace that worked meanwhile; a restored one is whole or absent."""

import io
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
from contextlib import closing

import msgspec
import pytest

from tidemill.app import Workspace
from tidemill.app.archive import BackupFailed, DamagedBackup, NotABackup
from tidemill.app.backup import (
    BackupMissing,
    BackupUnfit,
    HomeNotEmpty,
    TargetExists,
    receive,
    restore,
)
from tidemill.app.fsck import check_folder
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.ledger import WorkspaceInUse


@pytest.fixture
def backup(workspace, filled, tmp_path):
    """A backup of the filled workspace, as a file."""
    target = tmp_path / "b.tar"
    receive(workspace.maintenance.backup(OWNER), target)
    return target


def contents(home):
    with Workspace(Settings(home=home)) as workspace:
        page = workspace.tracking.search_runs(OWNER)
        return {
            (run.run_id, artifact.path, workspace.tracking.read_artifact(OWNER, run_id=run.run_id, path=artifact.path))
            for run in page.runs
            for artifact in workspace.tracking.list_artifacts(OWNER, run_id=run.run_id)
        }


@pytest.mark.parametrize("name", ["b.tar", "b"])
def test_what_was_backed_up_comes_back(workspace, filled, tmp_path, name):
    made = receive(workspace.maintenance.backup(OWNER), tmp_path / name)
    restored, former = restore(tmp_path / name, tmp_path / "again")

    assert made == restored
    assert former is None
    assert check_folder(tmp_path / "again").is_clean
    workspace.close()
    assert contents(tmp_path / "again") == contents(workspace.settings.home)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["again", name, "home", "model"])


def test_any_tar_can_read_a_backup(backup):
    with tarfile.open(backup) as archive:
        names = archive.getnames()

    assert names[0] == "manifest.json"
    assert names[-1] == "end.json"
    assert "ledger.sqlite" in names


def test_nothing_is_left_in_the_workspace(workspace, backup):
    assert list((workspace.settings.home / "incoming").iterdir()) == []


def test_a_backup_is_not_written_over_something(workspace, backup):
    before = backup.read_bytes()
    with pytest.raises(TargetExists):
        receive(workspace.maintenance.backup(OWNER), backup)
    assert backup.read_bytes() == before

    receive(workspace.maintenance.backup(OWNER), backup, force=True)
    assert backup.read_bytes() != before


def test_a_workspace_is_not_restored_over_something(backup, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "diary.txt").write_text("dear")

    with pytest.raises(HomeNotEmpty):
        restore(backup, full)
    assert [path.name for path in full.iterdir()] == ["diary.txt"]

    _, former = restore(backup, full, force=True)
    assert former is not None
    assert (former / "diary.txt").read_text() == "dear"
    assert check_folder(full).is_clean


def test_a_workspace_is_restored_into_an_empty_folder(backup, tmp_path):
    (tmp_path / "empty").mkdir()
    restore(backup, tmp_path / "empty")

    assert check_folder(tmp_path / "empty").is_clean


def test_a_workspace_in_use_is_not_replaced(workspace, backup, home):
    with pytest.raises(WorkspaceInUse):
        restore(backup, home, force=True)

    assert workspace.maintenance.fsck(OWNER).is_clean


def test_captured_predictions_come_along(workspace, home, tmp_path):
    capture = home / "serving" / "capture"
    capture.mkdir(parents=True)
    (capture / "7-1.done").write_bytes(b"closed")
    (capture / "7-2.seg").write_bytes(b"open")
    (capture / ".hidden").write_bytes(b"no")
    receive(workspace.maintenance.backup(OWNER), tmp_path / "b.tar")
    (capture / "7-2.seg").write_bytes(b"open and more")
    restore(tmp_path / "b.tar", tmp_path / "again")

    found = {path.name: path.read_bytes() for path in (tmp_path / "again" / "serving" / "capture").iterdir()}
    assert found == {"7-1.done": b"closed", "7-2.seg": b"open"}


def test_the_database_of_the_workflows_comes_along(workspace, home, tmp_path):
    with closing(sqlite3.connect(home / "workflows.sqlite")) as file:
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("CREATE TABLE steps (name TEXT)")
        file.execute("INSERT INTO steps VALUES ('first')")
        file.commit()
        receive(workspace.maintenance.backup(OWNER), tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "again")

    with closing(sqlite3.connect(tmp_path / "again" / "workflows.sqlite")) as file:
        assert file.execute("SELECT name FROM steps").fetchall() == [("first",)]


def test_a_backup_taken_while_others_write_is_one_state(workspace, tmp_path):
    stop, written = threading.Event(), []

    def write(name):
        run = workspace.tracking.create_run(OWNER, name=name)
        number = 0
        while not stop.is_set():
            workspace.tracking.log_artifact(
                OWNER, run_id=run.run_id, path=f"{number}", content=f"{name} {number}".encode()
            )
            written.append(number)
            number += 1

    threads = [threading.Thread(target=write, args=(f"w{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(4):
            at_least = len(written)
            receive(workspace.maintenance.backup(OWNER), tmp_path / f"{number}.tar")
            restore(tmp_path / f"{number}.tar", tmp_path / f"w{number}")
            report = check_folder(tmp_path / f"w{number}")
            assert report.is_clean, report.findings[:3]
            assert report.checked["references"] >= at_least
    finally:
        stop.set()
        for thread in threads:
            thread.join()


# ------------------------------------------------------------------------------------------- damage


def refused(tmp_path, backup, *errors):
    with pytest.raises(errors):
        restore(backup, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    assert list(tmp_path.glob(".again*")) == []


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_backup_that_was_cut_off_is_refused(backup, tmp_path, share):
    content = backup.read_bytes()
    end = content.rindex(b"end.json")
    backup.write_bytes(content[: int(end * share)])

    refused(tmp_path, backup, DamagedBackup, NotABackup)


def test_every_changed_byte_of_a_file_is_noticed(backup, tmp_path):
    with tarfile.open(backup) as archive:
        members = archive.getmembers()
    content = backup.read_bytes()
    for member in members[1:-1]:
        for place in (member.offset_data, member.offset_data + member.size - 1):
            changed = bytearray(content)
            changed[place] ^= 1
            backup.write_bytes(changed)
            refused(tmp_path, backup, DamagedBackup)


def test_a_file_that_is_no_backup_is_refused(tmp_path):
    for name, content in {"empty": b"", "text": b"hello" * 1000, "zeros": b"\0" * 10240}.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path, tmp_path / name, NotABackup)
    (tmp_path / "folder").mkdir()
    refused(tmp_path, tmp_path / "folder", BackupUnfit)
    refused(tmp_path, tmp_path / "nowhere.tar", BackupMissing)


def forged(backup, change):
    """Write the backup anew with its manifest or its members changed."""
    with tarfile.open(backup) as source:
        members = {member.name: source.extractfile(member).read() for member in source.getmembers()}  # type: ignore[union-attr]
    manifest = msgspec.json.decode(members["manifest.json"])
    infos = [tarfile.TarInfo(name) for name in members]
    change(manifest, members, infos)
    members["manifest.json"] = msgspec.json.encode(manifest)
    with tarfile.open(backup, "w", format=tarfile.GNU_FORMAT) as target:
        for info in infos:
            content = members.get(info.name, b"")
            if info.isreg():
                info.size = len(content)
            target.addfile(info, io.BytesIO(content))


EVIL = [
    "../evil",
    "/tmp/evil",
    "objects/../../evil",
    "serving/capture/../../../evil",
    "lock",
    "objects/ab/" + "c" * 61,
    "ledger.sqlite\n",
]


@pytest.mark.parametrize("name", EVIL)
def test_a_manifest_that_names_a_place_outside_is_refused(backup, tmp_path, name):
    def change(manifest, members, infos):
        entry = dict(manifest["files"][0], path=name)
        manifest["files"].insert(0, entry)
        members[name] = members[manifest["files"][1]["path"]]
        infos.insert(1, tarfile.TarInfo(name))

    forged(backup, change)
    refused(tmp_path, backup, NotABackup)
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_member_that_is_no_plain_file_is_refused(backup, tmp_path, kind):
    def change(manifest, members, infos):
        infos[1].type, infos[1].linkname = kind, "/etc/passwd"

    forged(backup, change)
    refused(tmp_path, backup, DamagedBackup)


def test_a_member_that_the_manifest_does_not_name_is_refused(backup, tmp_path):
    def change(manifest, members, infos):
        infos.insert(1, tarfile.TarInfo("../evil"))
        members["../evil"] = b"evil"

    forged(backup, change)
    refused(tmp_path, backup, DamagedBackup)


def test_an_object_under_another_objects_name_is_refused(backup, tmp_path):
    def change(manifest, members, infos):
        objects = [entry for entry in manifest["files"] if entry["path"].startswith("objects/")]
        objects[0]["digest"] = objects[1]["digest"]

    forged(backup, change)
    refused(tmp_path, backup, NotABackup)


@pytest.mark.parametrize("manifest", [b"[]", b"{}", b'{"format": "other"}', b"\xff", b"[" * 100_000])
def test_a_manifest_that_cannot_be_read_is_refused(backup, tmp_path, manifest):
    with tarfile.open(backup, "w", format=tarfile.GNU_FORMAT) as target:
        info = tarfile.TarInfo("manifest.json")
        info.size = len(manifest)
        target.addfile(info, io.BytesIO(manifest))

    refused(tmp_path, backup, NotABackup)


def test_a_folder_with_a_link_in_it_is_refused(workspace, filled, tmp_path):
    receive(workspace.maintenance.backup(OWNER), tmp_path / "folder")
    (tmp_path / "folder" / "ledger.sqlite").unlink()
    (tmp_path / "folder" / "ledger.sqlite").symlink_to("/etc/passwd")

    refused(tmp_path, tmp_path / "folder", DamagedBackup)


def test_a_damaged_workspace_gives_no_backup_and_says_what_is_damaged(workspace, filled, tmp_path):
    path = workspace.objects.path(filled["single"])
    path.chmod(0o600)
    path.write_bytes(b"spoiled")

    with pytest.raises(BackupFailed, match=filled["single"]):
        receive(workspace.maintenance.backup(OWNER), tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()
    assert list(tmp_path.glob(".b.tar*")) == []


# ------------------------------------------------------------------------------------------- kill -9


CHILD = """
import os, signal, sys
from pathlib import Path
from tidemill.app import backup

count = 0
def counted(*args):
    global count
    count += 1
    if count == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args)
real, os.fsync = os.fsync, counted
backup.restore(Path(sys.argv[2]), Path(sys.argv[3]), force=True)
print(count)
"""


def child(number, backup, home):
    command = [sys.executable, "-c", CHILD, str(number), str(backup), str(home)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_a_restore_that_is_killed_at_any_sync_leaves_nothing_half(backup, tmp_path):
    home = tmp_path / "again"
    whole = child(0, backup, home)
    syncs = int(whole.stdout)
    assert syncs > 6
    shutil.rmtree(home)

    for number in range(1, syncs + 1):
        killed = child(number, backup, home)
        assert killed.returncode == -signal.SIGKILL
        assert not home.exists() or check_folder(home).is_clean
    assert home.exists()  # the last sync comes after the folder has its name
    restore(backup, home, force=True)
    assert check_folder(home).is_clean
    assert list(tmp_path.glob(".again.restoring-*")) == []
