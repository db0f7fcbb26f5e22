"""What the real DVC made is taken over whole, and it reads what is given back."""

import json
import shutil

import pytest

from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings

pytestmark = [pytest.mark.dvc, pytest.mark.timeout(300)]


@pytest.fixture
def workspace(tmp_path):
    with Workspace(Settings(home=tmp_path / "workspace")) as opened:
        yield opened


def done(workspace, transfer):
    thread = workspace.trackers._transfers._running.get(transfer.id)
    if thread:
        thread[2].wait(120)
    found = workspace.trackers.get(OWNER, id=transfer.id)
    assert found.status == "done", found.report
    return found.report


def take(workspace, folder, **options):
    return done(
        workspace, workspace.trackers.start_dataset_import(OWNER, repository="dvc", source=str(folder), **options)
    )


def contents(workspace, ref):
    with workspace.data.place.files(workspace.data.get(OWNER, ref)) as files:
        return {entry.path: files.read(entry.path) for entry in files.entries}


def test_a_history_becomes_versions_with_commits_and_lineage(workspace, repository, run):
    report = take(workspace, repository)

    assert report.counts["versions"] == 5
    assert {each.name: each.latest for each in workspace.data.list(OWNER)} == {
        "made": 1,
        "raw-images": 2,
        "raw-table.csv": 2,
    }
    assert contents(workspace, "raw-images@1") == {
        "1.txt": b"image 1.txt\n",
        "2.txt": b"image 2.txt\n",
        "sub/3.txt": b"image sub/3.txt\n",
    }
    assert contents(workspace, "raw-table.csv@1") == {"table.csv": b"a,b\r\n1,2\r\n"}
    assert contents(workspace, "raw-images@2")["4.bin"] == bytes(range(256)) * 8000
    commits = run(repository, "git log --reverse --format=%H").split()
    versions = list(reversed(workspace.data.versions(OWNER, "raw-images")))
    assert [version.source.files[0].version["commit"] for version in versions] == commits
    made = workspace.data.get(OWNER, "made")
    assert "wc -l" in made.source.files[0].version["command"]
    table = workspace.data.get(OWNER, "raw-table.csv")
    edges = workspace.governance.trace(OWNER, ref=f"dataset_version:{made.id}").edges
    assert any(edge.source.endswith(table.id) and edge.relation == "derived" for edge in edges)
    assert any("plain.txt" in note for note in report.notes)  # Git keeps it, not DVC


def test_an_import_that_is_repeated_takes_only_what_is_new(workspace, repository, run):
    take(workspace, repository)
    (repository / "raw" / "table.csv").write_text("a,b\n5,6\n")
    run(repository, "dvc add -q raw/table.csv && git add -A && git commit -qm third")

    report = take(workspace, repository)

    assert report.counts == {"versions": 1, "files": 1}
    assert report.skipped["versions that are here already"] == 5


def test_contents_come_from_a_remote_when_the_cache_is_gone(workspace, repository, run, tmp_path, monkeypatch):
    # The configuration of the user, since those of old commits name no remote.
    run(repository, f"dvc remote add --global -d store {tmp_path}/store && dvc push -q --all-commits")
    shutil.rmtree(repository / ".dvc" / "cache")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / ".config"))

    assert take(workspace, repository).counts["versions"] == 5


def test_what_is_damaged_or_gone_is_left_out_and_told(workspace, repository):
    cache = repository / ".dvc" / "cache" / "files" / "md5"
    [damaged] = [path for path in cache.rglob("*") if path.is_file() and path.read_bytes() == b"image sub/3.txt\n"]
    damaged.chmod(0o644)
    damaged.write_bytes(b"image sub/X.txt\n")

    report = take(workspace, repository)

    assert report.skipped["versions whose content is missing or unfit"] >= 2
    assert any("is not what its name says" in note for note in report.notes)
    assert [each.name for each in workspace.data.list(OWNER)] == ["made", "raw-table.csv"]


def test_only_what_is_asked_for_is_taken(workspace, repository):
    report = take(workspace, repository, only=["raw/images", "nothing"])

    assert [each.name for each in workspace.data.list(OWNER)] == ["raw-images"]
    assert "nothing is tracked under nothing" in report.notes


def test_dvc_pulls_what_was_given(workspace, repository, run, tmp_path):
    take(workspace, repository)
    (tmp_path / "rows.csv").write_text("a,b\n1,x\n2,y\n")
    workspace.data.ingest(OWNER, "rows", str(tmp_path / "rows.csv"))
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    run(fresh, f"git init -q && dvc init -q && dvc remote add -d store {tmp_path}/remote")
    refs = ["raw-images@1", "raw-table.csv", "rows"]
    words = {"repository": "dvc", "refs": refs, "remote": str(tmp_path / "remote"), "folder": str(fresh)}

    first = done(workspace, workspace.trackers.start_dataset_export(OWNER, **words))
    second = done(workspace, workspace.trackers.start_dataset_export(OWNER, **words))
    run(fresh, "dvc pull -q")

    assert first.counts["files that were not there"] == 5
    assert second.counts.get("files that were not there", 0) == 0
    assert {path.name for path in (fresh / "raw-images").rglob("*.txt")} == {"1.txt", "2.txt", "3.txt"}
    assert (fresh / "table.csv").read_bytes() == b"a,b\n1,2\n3,4\n"
    assert (fresh / "rows" / "part-00000.parquet").read_bytes()[:4] == b"PAR1"
    assert json.loads(run(fresh, "dvc status --json")) == {}
    assert json.loads(run(fresh, "dvc status --cloud --json")) == {}
