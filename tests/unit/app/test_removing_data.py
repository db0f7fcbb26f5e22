"""Dataset versions leave for good with their bytes, unless something stands on them; what they were stays known."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.unit.app.test_gc import assert_sound, gc, stored

from tidemill.app import Workspace
from tidemill.app.standing import named_by_project
from tidemill.core.access import OWNER
from tidemill.core.refs import Ref
from tidemill.data.errors import DatasetNotFound, DatasetVersionRemoved
from tidemill.delivery import store as delivery
from tidemill.projects.store import projects
from tidemill.tracking.records import RunStatus

ROWS = "".join(f"{number},{number % 7}\n" for number in range(400))
PROJECT = """
project: loop
datasets:
  flights:
    source: flights.csv
    rules:
      x: { references: "carriers@1.x" }
"""


def table(workspace: Workspace, folder, rows: str, name="flights", **options):
    path = folder / f"{name}.csv"
    path.write_text("x,y\n" + rows)
    return workspace.data.ingest(OWNER, name, str(path), **options)


@pytest.fixture
def two(workspace, tmp_path):
    """Two versions with nothing in common."""
    return [table(workspace, tmp_path, ROWS), table(workspace, tmp_path, ROWS.replace(",", "000,"))]


def listed(workspace, **asked):
    return workspace.maintenance.list_trash(OWNER, **asked).items


def input_of_a_run(workspace, version) -> str:
    run: str = workspace.tracking.create_run(OWNER, experiment="delays").run_id
    workspace.tracking.log_input(OWNER, run_id=run, ref=f"dataset_version:{version.id}", context="training")
    return run


def test_the_trash_tells_what_lies_in_it(workspace, two, tmp_path):
    table(workspace, tmp_path, ROWS, "other")
    workspace.deleting.delete_version(OWNER, ref="flights@1")
    workspace.deleting.delete(OWNER, name="other")
    other, version = listed(workspace, older_than="7d")

    assert (other.kind, other.id, other.together, other.stays) == ("dataset", "other", 1, "")
    assert (version.kind, version.name, version.stays) == ("dataset_version", "flights@1", "")
    assert version.size_bytes == two[0].size_bytes > 0
    assert version.goes_at == version.deleted_at + timedelta(days=7)


def test_a_version_goes_with_its_bytes_and_is_still_known(workspace, two):
    workspace.deleting.delete_version(OWNER, ref="flights@1")
    made = gc(workspace)

    assert made.removed["dataset versions"] == 1
    assert made.size_bytes > two[0].size_bytes
    assert two[0].digest not in stored(workspace)
    assert workspace.data.read(OWNER, "flights@2").height == 400
    (known,) = workspace.deleting.removed(OWNER, name="flights")
    assert (known.ref, known.digest, known.rows, known.removed_by) == ("flights@1", two[0].digest, 400, OWNER.name)
    for ref in ("flights@1", two[0].id):
        with pytest.raises(DatasetVersionRemoved, match="flights@1 was removed for good"):
            workspace.data.get(OWNER, ref)
    origins = {edge.source for edge in workspace.governance.trace(OWNER, ref=f"dataset_version:{two[1].id}").edges}
    assert f"dataset_version:{two[0].id}" in origins, "the version after it still says what was before"
    assert_sound(workspace)


def test_a_version_that_was_appended_to_stays_whole(workspace, tmp_path):
    table(workspace, tmp_path, ROWS)
    table(workspace, tmp_path, "900,1\n901,2\n", append=True)
    frame = workspace.data.read(OWNER, "flights@2")
    workspace.deleting.delete_version(OWNER, ref="flights@1")
    gc(workspace)

    assert frame.height == 402
    assert workspace.data.read(OWNER, "flights@2").equals(frame)
    assert table(workspace, tmp_path, "950,1\n", append=True).number == 3
    assert_sound(workspace)


def test_files_that_versions_share_stay(workspace, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.bin").write_bytes(bytes([number]) * 5000)
    first = workspace.data.ingest(OWNER, "pictures", str(folder))
    (folder / "0.bin").write_bytes(b"new" * 1000)
    workspace.data.ingest(OWNER, "pictures", str(folder))
    workspace.deleting.delete_version(OWNER, ref="pictures@1")
    gc(workspace)

    assert first.digest not in stored(workspace)
    assert workspace.folders.verify(OWNER, ref="pictures@2").files == 20
    assert_sound(workspace)


def test_a_dataset_goes_with_all_versions_and_its_numbers_go_on(workspace, two, tmp_path):
    workspace.deleting.delete(OWNER, name="flights")
    made = gc(workspace)

    assert (made.removed["datasets"], made.removed["dataset versions"], made.kept) == (1, 2, [])
    with pytest.raises(DatasetNotFound):
        workspace.data.get(OWNER, "flights")
    assert [each.number for each in workspace.deleting.removed(OWNER, name="flights")] == [2, 1]
    assert table(workspace, tmp_path, ROWS).number == 3
    assert_sound(workspace)


def test_a_dry_run_says_the_same(workspace, two):
    workspace.deleting.delete(OWNER, name="flights")
    said = gc(workspace, dry_run=True)
    made = gc(workspace)

    assert (said.removed, said.kept, said.objects, said.size_bytes) == (
        made.removed,
        made.kept,
        made.objects,
        made.size_bytes,
    )


def test_what_a_run_used_stays_until_the_run_goes(workspace, two):
    run = input_of_a_run(workspace, two[0])
    workspace.deleting.delete_version(OWNER, ref="flights@1")
    (said,) = listed(workspace)
    made = gc(workspace)

    assert said.stays == f"run {run} used it" == made.kept[0].reason
    assert workspace.data.read(OWNER, two[0].id).height == 400
    workspace.tracking.delete_run(OWNER, run_id=run)
    assert [each.stays for each in listed(workspace, kind="dataset_version")] == [""]
    assert gc(workspace).removed["dataset versions"] == 1
    assert_sound(workspace)


def test_what_a_model_came_of_stays_when_its_run_is_gone(workspace, two):
    run = input_of_a_run(workspace, two[0])
    workspace.tracking.log_artifact(OWNER, run_id=run, path="model/MLmodel", content=b"flavors: {}\n")
    workspace.models.create_version(OWNER, name="delay", source=f"runs:/{run}/model", run_id=run)
    workspace.tracking.update_run(OWNER, run_id=run, status=RunStatus.FINISHED)
    workspace.tracking.delete_run(OWNER, run_id=run)
    workspace.deleting.delete(OWNER, name="flights")
    made = gc(workspace)

    assert "runs" in made.removed
    (kept,) = [each for each in made.kept if each.subject == f"dataset_version:{two[0].id}"]
    assert kept.reason == "model version delay@1 came of it"
    assert workspace.deleting.restore(OWNER, name="flights").latest == 1
    assert_sound(workspace)


def test_what_a_gate_judged_on_and_what_people_labelled_stays(workspace, two):
    def judge(tx):
        tx.link(Ref("dataset_version", two[0].id), "judged_on", Ref("gate_report", "g1"))
        names = {column.name for column in delivery.gate_reports.c if not column.nullable}
        row = dict.fromkeys(names, "") | {"id": "g1", "version": 1, "created_at": tx.now, "results": []}
        tx.execute(sa.insert(delivery.gate_reports), {key: row[key] for key in names})

    workspace.ledger.write(OWNER, judge)
    workspace.labels.create(OWNER, "flights@1", "good", kind="yes_no", name="task")
    workspace.labels.close(OWNER, "task")
    workspace.deleting.delete_version(OWNER, ref="flights@1")

    assert listed(workspace)[0].stays == "gate report g1 judged on it, and 1 more thing stands on it"
    assert gc(workspace).removed.get("dataset versions", 0) == 0


def test_a_report_of_checks_stays_when_its_version_goes(workspace, two):
    report = workspace.checks.run(OWNER, ref="flights@1", suite="integrity")
    workspace.deleting.delete_version(OWNER, ref="flights@1")
    gc(workspace)

    assert workspace.checks.get_report(OWNER, id=report.head.id).head.version == "flights@1"
    assert_sound(workspace)


@pytest.mark.parametrize("more", ["", "keys_of_another_time: 1\n"])
def test_what_an_applied_project_names_cannot_go(workspace, two, tmp_path, more):
    def apply(tx):
        row = {"name": "loop", "revision": 1, "text": PROJECT + more, "source": "s", "folder": "/p"}
        tx.execute(sa.insert(projects), row | {"applied_at": tx.now, "applied_by": "owner"})

    version = table(workspace, tmp_path, ROWS, "carriers")
    workspace.ledger.write(OWNER, apply)
    with workspace.ledger.read() as connection:
        assert named_by_project(connection, "flights") == named_by_project(connection, "carriers") == "project loop"
        assert named_by_project(connection, "carriers", version) == "project loop"
        assert named_by_project(connection, "flights", two[0]) == named_by_project(connection, "other") == ""


def test_a_dataset_in_the_trash_stays_for_one_of_its_versions(workspace, two):
    run = input_of_a_run(workspace, two[0])
    workspace.deleting.delete_version(OWNER, ref="flights@1")
    workspace.deleting.delete(OWNER, name="flights")
    made = gc(workspace)

    assert {each.reason for each in made.kept} == {"it has versions that stay", f"run {run} used it"}
    assert workspace.deleting.restore(OWNER, name="flights").latest == 1, "the only one that is left comes back too"


def test_the_trash_says_what_gc_does(workspace, two, tmp_path):
    input_of_a_run(workspace, two[0])
    table(workspace, tmp_path, ROWS, "other")
    workspace.deleting.delete_version(OWNER, ref="flights@1")
    workspace.deleting.delete(OWNER, name="other")
    before = listed(workspace)
    made = gc(workspace)

    assert {each.subject: each.reason for each in made.kept} == {
        f"{each.kind}:{each.id}": each.stays for each in before if each.stays
    }
    assert [each.id for each in listed(workspace)] == [each.id for each in before if each.stays]
