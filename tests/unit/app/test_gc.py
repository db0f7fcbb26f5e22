"""What was in the trash for long is gone for good, with its bytes; what others need stays, and so do all traces."""

import os
import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tidemill.app import removal, unnamed
from tidemill.app.references import _SAY_NO_OBJECTS
from tidemill.app.trackers.progress import Progress
from tidemill.app.turns import MaintenanceBusy
from tidemill.core.access import OWNER
from tidemill.core.errors import Damaged, InvalidInput
from tidemill.core.moments import InvalidDuration, utc_now
from tidemill.core.refs import Ref
from tidemill.ledger.schema import metadata
from tidemill.models import store as models
from tidemill.objects import ObjectStore
from tidemill.objects.trees import encode_manifest
from tidemill.objects.unsynced import Unsynced
from tidemill.tracking import store as tracking
from tidemill.tracking.records import InputDataset, Metric, Output
from tidemill.tracking.rules import RunNotFound

OLD_S = 3 * 24 * 3600


@pytest.fixture
def tracked(workspace):
    return workspace.tracking


def age(workspace):
    """Let every object be some days old."""
    Unsynced(workspace.ledger, workspace.objects).settle()
    moment = time.time() - OLD_S
    for digest in workspace.objects.digests():
        os.utime(workspace.objects.path(digest), (moment, moment))


def gc(workspace, **options):
    age(workspace)
    return workspace.maintenance.gc(OWNER, **{"older_than": "0s", **options})


def run_with(workspace, content: bytes, **options):
    run = workspace.tracking.create_run(OWNER, **{"experiment": "delays", **options})
    workspace.tracking.log_batch(
        OWNER,
        run_id=run.run_id,
        metrics=[Metric(key="loss", value=1.0, step=step) for step in range(10)],
        params={"depth": "4"},
        tags={"team": "ops"},
    )
    workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path="out/file.bin", content=content)
    return run.run_id


def rows(workspace, table: sa.Table) -> int:
    with workspace.ledger.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def assert_sound(workspace):
    report = workspace.maintenance.fsck(OWNER)
    assert report.is_clean, report.findings


def stored(workspace) -> set[str]:
    Unsynced(workspace.ledger, workspace.objects).settle()
    return set(workspace.objects.digests())


def test_nothing_in_the_trash_is_nothing_removed(workspace, filled):
    before = stored(workspace)
    made = gc(workspace)

    assert (made.removed, made.kept, made.objects, made.size_bytes) == ({}, [], 0, 0)
    assert stored(workspace) == before


def test_a_deleted_run_goes_with_all_that_it_has(workspace, tracked):
    run_id = run_with(workspace, b"x" * 5000)
    tracked.log_inputs(OWNER, run_id=run_id, datasets=[InputDataset(name="flights", digest="abc", profile="p" * 500)])
    kept = run_with(workspace, b"y" * 5000)
    tracked.delete_run(OWNER, run_id=run_id)

    made = gc(workspace)

    assert made.removed == {"runs": 1, "metric points": 10}
    assert (made.objects, made.size_bytes) == (1, 5000)
    with pytest.raises(RunNotFound):
        tracked.get_run(OWNER, run_id=run_id)
    for table in (tracking.runs, tracking.run_params, tracking.metric_series, tracking.run_artifacts):
        assert rows(workspace, table) == 1
    assert rows(workspace, tracking.metrics) == 10
    assert rows(workspace, tracking.input_datasets) == rows(workspace, tracking.run_inputs) == 0
    assert tracked.read_artifact(OWNER, run_id=kept, path="out/file.bin") == b"y" * 5000
    assert_sound(workspace)


def test_the_audit_keeps_what_happened(workspace, tracked):
    run_id = run_with(workspace, b"x")
    tracked.delete_run(OWNER, run_id=run_id)
    gc(workspace)

    told = workspace.governance.audit(OWNER, subject=f"run:{run_id}")
    assert [event.action for event in told] == ["run.remove", "run.delete", "run.create"]
    last = workspace.governance.audit(OWNER)[0]
    assert (last.action, last.detail["removed"]) == ("workspace.gc", {"runs": 1, "metric points": 10})


def test_what_is_in_the_trash_for_a_short_time_stays_and_can_be_restored(workspace, tracked):
    run_id = run_with(workspace, b"x")
    tracked.delete_run(OWNER, run_id=run_id)

    assert gc(workspace, older_than="30d").removed == {}
    tracked.restore_run(OWNER, run_id=run_id)
    assert tracked.read_artifact(OWNER, run_id=run_id, path="out/file.bin") == b"x"


def test_a_dry_run_says_the_same_and_removes_nothing(workspace, tracked):
    tracked.delete_run(OWNER, run_id=run_with(workspace, b"x" * 100))
    run_with(workspace, b"z" * 70, experiment="old")
    tracked.delete_experiment(OWNER, experiment="old")
    before = stored(workspace)

    would = gc(workspace, dry_run=True)
    assert would.is_dry_run
    assert stored(workspace) == before
    assert rows(workspace, tracking.runs) == 2
    made = gc(workspace)

    assert not made.is_dry_run
    assert (would.objects, would.size_bytes) == (made.objects, made.size_bytes) == (2, 170)
    assert would.removed == {"runs": 2, "experiments": 1}
    assert made.removed == {"runs": 2, "experiments": 1, "metric points": 20}


def test_bytes_that_something_else_names_stay(workspace, tracked):
    gone, kept = run_with(workspace, b"same"), run_with(workspace, b"same")
    tracked.delete_run(OWNER, run_id=gone)

    assert gc(workspace).objects == 0
    assert tracked.read_artifact(OWNER, run_id=kept, path="out/file.bin") == b"same"


def test_files_of_a_tree_that_is_named_stay(workspace, filled):
    gc(workspace)
    assert {filled["tree"], filled["inner"]} <= stored(workspace)

    run = workspace.tracking.search_runs(OWNER).runs[0]
    workspace.tracking.delete_run(OWNER, run_id=run.run_id)
    gc(workspace)
    assert stored(workspace) == set()


def test_an_experiment_goes_when_its_runs_did(workspace, tracked):
    made = tracked.create_experiment(OWNER, name="old", tags={"a": "b"})
    run_id = run_with(workspace, b"x", experiment="old")
    model = workspace.logged_models.create(OWNER, experiment_id=made.experiment_id, name="m", source_run_id=run_id)
    tracked.log_outputs(OWNER, run_id=run_id, outputs=[Output(model_id=model.model_id)])
    tracked.delete_experiment(OWNER, experiment="old")
    tracked.restore_run(OWNER, run_id=run_id)

    first = gc(workspace)
    assert [(kept.subject, kept.reason) for kept in first.kept] == [(f"experiment:{made.experiment_id}", "it has runs")]
    tracked.delete_run(OWNER, run_id=run_id)
    second = gc(workspace)

    assert second.removed == {"runs": 1, "metric points": 10, "logged models": 1, "experiments": 1}
    again = tracked.create_experiment(OWNER, name="old")
    assert int(again.experiment_id) > int(made.experiment_id), "an id is never given again"
    assert_sound(workspace)


def test_the_first_experiment_never_goes(workspace, tracked):
    tracked.delete_experiment(OWNER, experiment="0")
    assert gc(workspace).removed == {}
    assert tracked.restore_experiment(OWNER, experiment="0").name == "Default"


def test_a_logged_model_goes_with_its_files(workspace, tracked):
    run_id = run_with(workspace, b"x")
    model = workspace.logged_models.create(OWNER, experiment_id="0", name="m", source_run_id=run_id)
    root = f"logged_model:{model.model_id}"
    tracked.put_artifact(OWNER, root=root, path="w", digest=workspace.objects.put_bytes(b"weights"))
    tracked.log_outputs(OWNER, run_id=run_id, outputs=[Output(model_id=model.model_id)])
    workspace.logged_models.delete(OWNER, model_id=model.model_id)

    made = gc(workspace)

    assert (made.removed, made.size_bytes) == ({"logged models": 1}, 7)
    assert tracked.get_run(OWNER, run_id=run_id).outputs == []
    assert_sound(workspace)


def version_of(workspace, run_id, name="delay"):
    return workspace.models.create_version(OWNER, name=name, source=f"runs:/{run_id}/out", run_id=run_id)


def test_a_run_that_a_version_came_from_is_still_its_origin(workspace, tracked):
    run_id = run_with(workspace, b"x")
    version = version_of(workspace, run_id)
    tracked.delete_run(OWNER, run_id=run_id)

    made = gc(workspace)

    assert made.removed["runs"] == 1
    assert made.objects == 0, "the version has its files"
    edges = workspace.governance.trace(OWNER, ref=f"model_version:{version.id}").edges
    assert f"run:{run_id}" in {edge.source for edge in edges}
    assert_sound(workspace)


def test_lineage_that_leads_to_nothing_goes(workspace, tracked):
    tracked.delete_run(OWNER, run_id=run_with(workspace, b"x"))
    gc(workspace)

    assert workspace.governance.trace(OWNER, ref="experiment:1", direction="down").edges == []


def test_a_version_goes_and_its_number_is_not_given_again(workspace, tracked):
    run_id = run_with(workspace, b"x")
    for _ in range(3):
        version_of(workspace, run_id)
    for number in (1, 3):
        workspace.models.delete_version(OWNER, ref=f"delay@{number}")

    made = gc(workspace)

    assert made.removed == {"model versions": 1}
    assert [kept.reason for kept in made.kept] == ["its number is the model's newest"]
    assert version_of(workspace, run_id).number == 4
    assert gc(workspace).removed == {"model versions": 1}
    assert [each.number for each in workspace.models.versions(OWNER, name="delay")] == [4, 2]
    assert_sound(workspace)


def test_a_model_goes_with_its_versions_and_its_name_is_free(workspace, tracked):
    run_id = run_with(workspace, b"x")
    version_of(workspace, run_id)
    version_of(workspace, run_id)
    workspace.models.set_tag(OWNER, name="delay", key="team", value="ops")
    workspace.models.delete(OWNER, name="delay")

    made = gc(workspace)

    assert made.removed == {"models": 1, "model versions": 2}
    assert rows(workspace, models.models) == rows(workspace, models.model_versions) == 0
    other = workspace.models.create(OWNER, name="other")
    assert workspace.models.rename(OWNER, name=other.name, new_name="delay").tags == {}
    assert version_of(workspace, run_id).number == 1
    assert_sound(workspace)


@pytest.mark.parametrize("role", ["deployed", "judged", "measured"])
def test_a_version_that_delivery_knows_stays_with_its_files(workspace, tracked, role):
    run_id = run_with(workspace, b"x")
    version = version_of(workspace, run_id)
    version_of(workspace, run_id)
    workspace.ledger.write(OWNER, lambda tx: stand_on(tx, version, role))
    workspace.models.delete(OWNER, name="delay")
    tracked.delete_run(OWNER, run_id=run_id)

    made = gc(workspace)

    assert made.removed == {"runs": 1, "metric points": 10}
    reasons = {kept.subject: kept.reason for kept in made.kept}
    assert role in reasons[f"model_version:{version.id}"]
    assert reasons["model:delay"] == "it has versions that stay"
    assert made.objects == 0
    assert workspace.objects.list_tree(version.digest)[0].path == "file.bin"


def stand_on(tx, version, role):
    values = {"id": "1", "model": "delay", "version": 1, "digest": version.digest, "created_at": tx.now}
    values |= {"created_by": "owner", "status": "open", "results": [], "rows": 1, "holdout": "", "champion": None}
    if role == "measured":
        table = metadata.tables["monitor_references"]
        values |= {"rows": 1, "columns": [], "blocks": 1, "source": "artifact:x"}
    elif role == "judged":
        table = metadata.tables["gate_reports"]
    else:
        endpoint = {"name": "e", "passthrough": [], "targets": [], "revision": 1, "served_revision": 0, "problem": ""}
        tx.execute(sa.insert(metadata.tables["endpoints"]), {**endpoint, "created_at": tx.now})
        table = metadata.tables["deployments"]
        values |= {"endpoint": "e", "number": 1, "model_version_id": version.id}
    tx.execute(sa.insert(table), {name: value for name, value in values.items() if name in table.c})


def test_what_is_taken_out_of_the_trash_meanwhile_stays(workspace, tracked, monkeypatch):
    run_id = run_with(workspace, b"x")
    tracked.delete_run(OWNER, run_id=run_id)
    before = utc_now() + timedelta(seconds=1)
    with workspace.ledger.read() as connection:
        going, _ = removal.plan(connection, before)
    assert going == {Ref("run", run_id)}
    choose = removal._choose_runs

    def late(connection, before, among, gone):
        found = choose(connection, before, among, gone)
        if among is None:
            tracked.restore_run(OWNER, run_id=run_id)
        return found

    order = [(kind, late if kind == "run" else ask, take) for kind, ask, take in removal._ORDER]
    monkeypatch.setattr(removal, "_ORDER", order)
    progress = Progress()
    removal.remove(workspace.ledger, OWNER, before, progress)
    assert progress.report().counts == {}
    assert tracked.get_run(OWNER, run_id=run_id).metrics == {"loss": 1.0}


def test_young_bytes_wait_for_their_name(workspace):
    digest = workspace.objects.put_bytes(b"on its way")
    made = workspace.maintenance.gc(OWNER, older_than="0s")

    assert (made.objects, made.young_objects, made.young_bytes) == (0, 1, 10)
    assert workspace.objects.read(digest) == b"on its way"


@pytest.mark.parametrize("how", ["put", "file", "adopt", "hold"])
def test_old_bytes_that_somebody_stores_again_are_young(workspace, tmp_path, how):
    objects: ObjectStore = workspace.objects
    digest = objects.put_bytes(b"again")
    age(workspace)
    found = unnamed.Unnamed(workspace.ledger, objects).find()
    assert found.old == [digest]
    (tmp_path / "f").write_bytes(b"again")
    ways = {"put": lambda: objects.put_bytes(b"again"), "hold": lambda: objects.hold(digest)}
    ways |= {"file": lambda: objects.put_file(tmp_path / "f"), "adopt": lambda: objects.adopt(tmp_path / "f")}
    ways[how]()

    assert unnamed.Unnamed(workspace.ledger, objects).remove(found).objects == 0
    assert objects.read(digest) == b"again"


def test_what_came_to_be_named_after_all_is_put_back(workspace, tracked):
    folder = workspace.settings.home.parent / "late"
    folder.mkdir()
    (folder / "a").write_bytes(b"weights")
    tree = workspace.objects.put_tree(folder)
    age(workspace)
    collector = unnamed.Unnamed(workspace.ledger, workspace.objects)
    found = collector.find()
    assert len(found.old) == 2
    run = tracked.create_run(OWNER)
    values = {"run_id": run.run_id, "path": "tree", "digest": tree, "size": 1}
    workspace.ledger.write(OWNER, lambda tx: tx.execute(sa.insert(tracking.run_artifacts), values))

    assert collector.remove(found).objects == 0
    assert len(stored(workspace)) == 2
    assert_sound(workspace)


def test_writers_and_collectors_at_the_same_time_lose_nothing(workspace, tracked):
    """Writers store the same few contents, name them, and let go of them again; what is named must be there."""
    contents = [bytes([number]) * 300 for number in range(4)]
    run_id = tracked.create_run(OWNER).run_id
    stop = threading.Event()
    naming = [threading.Lock() for _ in range(3)]  # nobody takes a day to name what is stored
    failures: list[str] = []

    def write(mine: int) -> None:
        root = f"run:{run_id}"
        for number in range(60):
            content = contents[(number + mine) % 4]
            with naming[mine]:
                digest = workspace.objects.put_bytes(content)
                tracked.put_artifact(OWNER, root=root, path=f"{mine}/{number}", digest=digest)
            if not workspace.objects.has(digest):
                failures.append(f"{mine}/{number}")
            if number % 2:
                tracked.delete_artifact(OWNER, root=root, path=f"{mine}/{number}")

    def collect() -> None:
        while not stop.is_set():
            with naming[0], naming[1], naming[2]:
                age(workspace)
            workspace.maintenance.gc(OWNER, older_than="0s")

    writers = [threading.Thread(target=write, args=(mine,)) for mine in range(3)]
    collector = threading.Thread(target=collect)
    for each in (*writers, collector):
        each.start()
    for each in writers:
        each.join()
    stop.set()
    collector.join()

    assert failures == []
    assert_sound(workspace)


def test_a_tree_that_cannot_be_read_stops_it(workspace, filled):
    orphan = workspace.objects.put_bytes(b"orphan")
    path = workspace.objects.path(filled["tree"])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(Damaged):
        gc(workspace)
    assert orphan in stored(workspace)


def test_trees_that_are_no_objects_of_ours_are_fine(workspace, tracked):
    lost = encode_manifest([])
    run = tracked.create_run(OWNER)
    tracked.log_artifact(OWNER, run_id=run.run_id, path="a", content=lost)

    assert gc(workspace).objects == 0


@pytest.mark.parametrize(("text", "error"), [("soon", InvalidDuration), ("999999d", InvalidInput)])
def test_a_time_that_is_none_is_refused(workspace, text, error):
    with pytest.raises(error):
        workspace.maintenance.gc(OWNER, older_than=text)


def test_it_waits_for_a_backup_and_a_backup_lets_go_when_nobody_reads_it(workspace, filled, monkeypatch):
    monkeypatch.setattr("tidemill.app.turns._WAIT_S", 0.05)
    pieces = workspace.maintenance.backup(OWNER)
    next(pieces)
    with pytest.raises(MaintenanceBusy):
        gc(workspace)
    del pieces
    gc(workspace)


def test_tables_in_which_no_object_is_sought_exist():
    assert set(metadata.tables) >= _SAY_NO_OBJECTS
