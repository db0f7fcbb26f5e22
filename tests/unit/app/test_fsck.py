"""Every kind of damage is found, named in its place, with what depends on it."""

import importlib
import pkgutil
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa

import tidemill
from tidemill.app import Workspace
from tidemill.app.fsck import check_folder
from tidemill.app.placing import WorkspaceMissing
from tidemill.app.references import HOMES, IN_JSON
from tidemill.core.access import OWNER
from tidemill.core.digests import Digest
from tidemill.core.moments import utc_now
from tidemill.core.refs import KINDS, Ref
from tidemill.core.settings import Settings
from tidemill.ledger import WorkspaceInUse
from tidemill.ledger.schema import audit_events, metadata
from tidemill.objects import digest_bytes


def findings(workspace) -> list[tuple[str, str, str]]:
    report = workspace.maintenance.fsck(OWNER)
    assert report.is_clean == (not report.findings)
    return [(finding.part, finding.subject, finding.problem) for finding in report.findings]


def spoil(workspace: Workspace, digest: Digest) -> str:
    path = workspace.objects.path(digest)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    return path.relative_to(workspace.objects.root).as_posix()


def test_a_sound_workspace_is_clean_and_says_what_was_looked_at(workspace, filled):
    report = workspace.maintenance.fsck(OWNER)

    assert report.is_clean
    assert report.checked["objects"] == 3
    assert report.checked["references"] == 2
    assert report.checked["audit events"] == 2
    assert report.checked["lineage edges"] == 3


def test_an_empty_workspace_is_clean(workspace):
    assert findings(workspace) == []


def test_a_changed_object_is_named_with_what_needs_it(workspace, filled):
    path = spoil(workspace, filled["single"])

    (finding,) = workspace.maintenance.fsck(OWNER).findings
    assert (finding.part, finding.subject, finding.problem) == (
        "objects",
        path,
        "the content does not match the digest",
    )
    assert any("run_artifacts" in name and "path=notes.txt" in name for name in finding.needed_by)
    assert any(name.startswith("run:") for name in finding.needed_by)


def test_a_missing_object_is_named_with_what_needs_it(workspace, filled):
    workspace.objects.path(filled["tree"]).unlink()

    (finding,) = workspace.maintenance.fsck(OWNER).findings
    assert finding.problem == "it is missing"
    assert any("path=model" in name for name in finding.needed_by)


@pytest.mark.parametrize("is_missing", [True, False])
def test_a_damaged_file_of_a_tree_is_named_with_what_needs_the_tree(workspace, filled, is_missing):
    if is_missing:
        workspace.objects.path(filled["inner"]).unlink()
    else:
        spoil(workspace, filled["inner"])

    (finding,) = workspace.maintenance.fsck(OWNER).findings
    assert finding.subject.replace("/", "") == "objects" + filled["inner"]
    assert any("path=model" in name for name in finding.needed_by)


def test_an_object_that_nothing_needs_may_be_there_but_not_be_damaged(workspace):
    digest = workspace.objects.put_bytes(b"left over")
    assert findings(workspace) == []

    spoil(workspace, digest)
    assert [part for part, _, _ in findings(workspace)] == ["objects"]


def test_a_strange_file_among_the_objects_is_named(workspace):
    (workspace.objects.root / "objects" / "ab").mkdir()
    (workspace.objects.root / "objects" / "ab" / "note.txt").write_text("hello")

    assert findings(workspace) == [("objects", "objects/ab/note.txt", "the name is not a digest")]


def test_a_row_that_refers_to_a_missing_row_is_named(workspace, filled, home):
    with closing(sqlite3.connect(home / "ledger.sqlite")) as file:
        file.execute("DELETE FROM experiments")
        file.commit()

    found = findings(workspace)
    assert ("ledger", "the ledger", "row 1 of runs refers to a row of experiments that is missing") in found


def test_a_changed_audit_event_is_named(workspace, filled):
    change = sa.update(audit_events).where(audit_events.c.seq == 2).values(actor="somebody")
    workspace.ledger.write(OWNER, lambda tx: tx.execute(change))

    assert findings(workspace) == [("audit", "audit event 2", "its content was changed")]


def test_an_edge_to_what_is_not_there_is_named(workspace, filled):
    workspace.ledger.write(OWNER, lambda tx: tx.link(Ref("run", "gone"), "made", Ref("experiment", "lost")))

    found = [finding for finding in workspace.maintenance.fsck(OWNER).findings if finding.part == "lineage"]
    assert {finding.subject for finding in found} == {"run:gone", "experiment:lost"}
    assert all(finding.needed_by == ["run:gone made experiment:lost"] for finding in found)


def test_what_is_no_digest_in_the_place_of_one_is_named(workspace, filled):
    workspace.ledger.write(
        OWNER, lambda tx: tx.execute(sa.text("UPDATE run_artifacts SET digest = 'x' WHERE path = 'model'"))
    )

    ((part, subject, problem),) = findings(workspace)
    assert (part, problem) == ("ledger", "it holds no digest where one must be")
    assert "path=model" in subject


def test_a_damaged_database_of_the_workflows_is_named(workspace, home):
    (home / "workflows.sqlite").write_bytes(b"this is no database at all, not even a little")

    assert findings(workspace) == [("workflows", "workflows.sqlite", "file is not a database")]


# ------------------------------------------------------------------------------------------- without a server


@pytest.fixture
def left(home, tmp_path):
    """A workspace that was closed, with objects."""
    with Workspace(Settings(home=home)) as workspace:
        run = workspace.tracking.create_run(OWNER)
        for number in range(40):
            workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path=f"{number}.txt", content=b"%d" % number)
    assert check_folder(home).is_clean
    return home


@pytest.mark.parametrize("damage", ["overwritten", "truncated", "empty", "missing"])
def test_a_ledger_that_cannot_be_opened_is_named_and_the_objects_are_looked_at(left, damage):
    file = left / "ledger.sqlite"
    match damage:
        case "overwritten":
            file.write_bytes(b"x" * 10_000)
        case "truncated":
            file.write_bytes(file.read_bytes()[:5000])
        case "empty":
            file.write_bytes(b"")
        case "missing":
            file.unlink()

    report = check_folder(left)
    assert [finding.part for finding in report.findings] == ["ledger"]
    assert report.findings[0].needed_by == ["everything recorded"]
    assert report.checked["objects"] == 40


@pytest.mark.parametrize("page", range(2, 40, 3))
def test_a_damaged_page_of_the_ledger_is_found(left, page):
    with (left / "ledger.sqlite").open("r+b") as file:
        file.seek(page * 4096)
        file.write(b"\xa5" * 4096)

    report = check_folder(left)
    assert not report.is_clean
    assert report.findings[0].part == "ledger"


def test_a_folder_without_a_workspace_says_so_and_stays_as_it_is(tmp_path):
    with pytest.raises(WorkspaceMissing):
        check_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_not_checked_behind_the_users_back(workspace, home, monkeypatch):
    monkeypatch.setattr("tidemill.app.fsck._LOCK_WAIT_S", 0)
    with pytest.raises(WorkspaceInUse):
        check_folder(home)


# ------------------------------------------------------------------------------------------- what is looked at


def test_the_places_of_things_are_tables_that_exist():
    for stage in pkgutil.iter_modules(tidemill.__path__, "tidemill."):
        if stage.ispkg and importlib.util.find_spec(f"{stage.name}.store"):
            importlib.import_module(f"{stage.name}.store")

    assert set(HOMES) <= KINDS
    known = {table: set(metadata.tables[table].c.keys()) for table, _ in HOMES.values() if table in metadata.tables}
    assert [home for home in HOMES.values() if home[0] in known and home[1] not in known[home[0]]] == []
    assert [home for home in IN_JSON if home[1] not in metadata.tables[home[0]].c] == []


def test_what_a_step_returned_is_referred_to_wherever_it_stands(workspace):
    kept, lost = workspace.objects.put_bytes(b"kept"), digest_bytes(b"lost")
    items = {"0": {"codec": "bytes", "digest": "0" * 64, "size": 4, "object": kept}}
    output = {"codec": "list", "digest": "1" * 64, "size": 8, "items": items | {"1": {"object": lost}}}
    row = {"key": "k", "output": output, "logged": {}, "run_id": "r", "created_at": utc_now()}
    workspace.ledger.write(OWNER, lambda tx: tx.execute(sa.insert(metadata.tables["step_cache"]), row))

    (finding,) = workspace.maintenance.fsck(OWNER).findings
    assert finding.subject.replace("/", "") == "objects" + lost
    assert finding.needed_by == ["step_cache key=k", "run:r"]


def test_a_small_file_that_waits_is_whole_and_one_that_the_disk_lost_comes_back(workspace):
    run = workspace.tracking.create_run(OWNER)
    waiting = workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path="a.txt", content=b"waits").digest
    (workspace.objects.root / "unsynced" / waiting).write_bytes(b"torn")
    assert workspace.maintenance.fsck(OWNER).findings == []
    assert workspace.objects.read(waiting) == b"waits"
