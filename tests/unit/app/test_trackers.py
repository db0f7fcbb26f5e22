"""Imports of MLflow's databases, through the service as the API calls it."""

import math
import sqlite3
import threading

import pytest
from tests.mlflow.stores import BORN, GONE, NET, ONE, TWO, Store, fill

from tidemill.app.trackers import running
from tidemill.app.trackers.importing import Import
from tidemill.app.trackers.records import TransferStatus
from tidemill.core.access import OWNER
from tidemill.core.errors import NotFound
from tidemill.core.moments import from_ms, to_ms
from tidemill.ledger.rows import record
from tidemill.tracking.ports import Credentials, InvalidTracker, TrackerNotFound, UnknownSchema


def test_a_store_is_taken_with_ids_times_histories_and_the_trash(store, root, workspace, take):
    done = take(store.url, artifacts=True, artifact_root=str(root))

    assert (done.status, done.report.error) == (TransferStatus.DONE, "")
    counts = done.report.counts
    assert {name: counts[name] for name in ("experiments", "runs", "metric points", "versions", "artifacts")} == {
        "experiments": 3,
        "runs": 3,
        "metric points": 9,
        "versions": 3,
        "artifacts": 4,
    }
    run = workspace.tracking.get_run(OWNER, run_id=ONE)
    assert (run.experiment_id, run.name, run.user, run.params) == ("5", "tree", "ada", {"depth": "3"})
    assert (to_ms(run.start_time), to_ms(run.end_time)) == (BORN + 10, BORN + 20)
    assert [point.value for point in workspace.tracking.metric_points(OWNER, run_id=ONE, key="loss")] == [1, 0.5, 1 / 3]
    assert math.isnan(run.metrics["odd"])
    assert (run.metrics["big"], run.metrics["low"]) == (math.inf, -math.inf)
    assert [(used.dataset.name, used.context) for used in run.inputs if used.dataset] == [("customers", "training")]
    assert workspace.tracking.read_artifact(OWNER, run_id=ONE, path="notes.txt") == ONE.encode()
    assert workspace.tracking.get_run(OWNER, run_id=GONE).lifecycle_stage == "deleted"
    assert workspace.tracking.find_experiment(OWNER, experiment_id="6").lifecycle_stage == "deleted"
    assert workspace.maintenance.fsck(OWNER).is_clean


def test_versions_keep_numbers_stages_aliases_and_files(store, root, workspace, take):
    take(store.url, artifacts=True, artifact_root=str(root))

    champion = workspace.models.get(OWNER, ref="delay@champion")
    assert (champion.number, champion.stage, champion.run_id, champion.size) == (1, "Production", ONE, 12)
    assert [version.number for version in workspace.models.versions(OWNER, name="delay")] == [3, 1]
    assert workspace.models.restore_version(OWNER, name="delay", number=2).number == 2


def test_logged_models_keep_metrics_and_what_made_them(tmp_path, root, workspace, take):
    done = take(fill(Store(tmp_path / "mlflow.db"), root).url)

    model = workspace.logged_models.get(OWNER, model_id=NET)
    assert (model.name, model.source_run_id, model.metrics[0].value) == ("net", ONE, 0.9)
    assert [(made.model_id, made.step) for made in workspace.tracking.get_run(OWNER, run_id=ONE).outputs] == [(NET, 4)]
    assert done.report.skipped == {"traces have no place here": 1}


def test_the_same_again_changes_nothing_and_news_are_taken(store, root, workspace, take):
    take(store.url, artifacts=True, artifact_root=str(root))
    again = take(store.url, artifacts=True, artifact_root=str(root)).report.counts
    assert {name for name in again if "unchanged" not in name} == set()

    store.point(TWO, "loss", 0.125, 3)
    more = take(store.url).report.counts
    assert (more["runs"], more["runs unchanged"]) == (1, 2)
    points = workspace.tracking.metric_points(OWNER, run_id=TWO, key="loss")
    assert [point.value for point in points] == [1, 0.5, 1 / 3, 0.125]


def test_an_import_that_ends_while_somebody_asks_was_not_stopped(store, workspace, monkeypatch):
    may_end = threading.Event()
    monkeypatch.setattr(Import, "run", lambda _: may_end.wait())
    begun = workspace.trackers.start_import(OWNER, tracker="mlflow", source=store.url)

    def end_after_the_row_was_read(row):
        may_end.set()
        for thread in threading.enumerate():
            if thread.name == "import-mlflow":
                thread.join()
        return record(row)

    monkeypatch.setattr(running, "record", end_after_the_row_was_read)
    assert workspace.trackers.get(OWNER, id=begun.id).status == TransferStatus.RUNNING
    assert workspace.trackers.list(OWNER)[0].status == TransferStatus.DONE


def test_what_was_put_away_here_stays_away_until_the_source_says_otherwise(store, workspace, take):
    take(store.url)
    workspace.tracking.delete_run(OWNER, run_id=TWO)
    store.point(TWO, "loss", 0.125, 3)
    take(store.url)
    assert workspace.tracking.get_run(OWNER, run_id=TWO).lifecycle_stage == "deleted"

    store.connection.execute("UPDATE runs SET lifecycle_stage = 'active' WHERE run_uuid = ?", (GONE,))
    take(store.url)
    assert workspace.tracking.get_run(OWNER, run_id=GONE).lifecycle_stage == "active"


def test_an_id_that_is_taken_gives_way_and_a_name_that_is_here_is_joined(store, workspace, take):
    for name in ("a", "b", "c", "d", "e"):
        workspace.tracking.create_experiment(OWNER, name=name)  # 1 to 5
    take(store.url)

    churn = workspace.tracking.find_experiment(OWNER, name="churn")
    assert churn.experiment_id != "5"
    assert churn.tags["tidemill.import.experiment_id"] == "5"
    assert workspace.tracking.get_run(OWNER, run_id=ONE).experiment_id == churn.experiment_id
    assert workspace.tracking.find_experiment(OWNER, experiment_id="0").artifact_location == ""


def test_a_version_that_is_another_one_here_is_not_touched(store, workspace, take):
    workspace.models.create_version(OWNER, name="delay", source="s3://elsewhere/model")
    done = take(store.url)

    assert workspace.models.get(OWNER, ref="delay@1").source == "s3://elsewhere/model"
    assert done.report.skipped["versions whose number is another version's here"] == 1
    assert done.report.skipped["aliases of versions that were left out"] == 1


def test_since_takes_what_began_or_ended_later(store, workspace, take):
    store.run("9" * 32, 5, start_time=BORN, end_time=BORN + 90_000)
    take(store.url, since=from_ms(BORN + 80_000))

    workspace.tracking.get_run(OWNER, run_id="9" * 32)
    with pytest.raises(NotFound):
        workspace.tracking.get_run(OWNER, run_id=ONE)


def test_files_outside_the_named_folders_are_not_read(store, root, tmp_path, workspace, take):
    secret = tmp_path.parent / f"{tmp_path.name}-secret"
    secret.mkdir()
    (secret / "key.pem").write_text("secret")
    store.run("7" * 32, 5, str(secret))
    store.run("8" * 32, 5, "mlflow-artifacts:/../../" + secret.name)
    folder = root / "5" / ("9" * 32) / "artifacts"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(secret / "key.pem")
    store.run("9" * 32, 5, f"mlflow-artifacts:/5/{'9' * 32}/artifacts")
    done = take(store.url, artifacts=True, artifact_root=str(root))

    for run_id in ("7" * 32, "8" * 32, "9" * 32):
        assert workspace.tracking.list_artifacts(OWNER, run_id=run_id) == []
    assert sum(count for reason, count in done.report.skipped.items() if reason.startswith("artifacts of runs")) == 2


def test_a_file_that_shrinks_on_the_way_is_no_artifact(store, root, workspace, take, monkeypatch):
    read = "tidemill.integrations.trackers.mlflow.stored.read_file"
    monkeypatch.setattr(read, lambda *_: iter([b"cut"]))
    done = take(store.url, artifacts=True, artifact_root=str(root))

    assert (done.status, done.report.code) == (TransferStatus.FAILED, "tracker_failed")
    assert workspace.tracking.list_artifacts(OWNER, run_id=ONE) == []


def test_a_schema_that_is_not_known_is_refused(tmp_path, take):
    store = Store(tmp_path / "mlflow.db", "0123456789ab")
    store.connection.execute("ALTER TABLE metrics DROP COLUMN is_nan")
    with pytest.raises(UnknownSchema, match=r"0123456789ab.*metrics\.is_nan"):
        take(store.url)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)")
    with pytest.raises(UnknownSchema, match="no database of an MLflow server"):
        take(f"sqlite:///{tmp_path / 'other.db'}")


def test_what_is_no_address_is_refused(tmp_path, workspace, take):
    for uri in ("", "ftp://host/x", "sqlite:///", f"sqlite:///{tmp_path / 'none.db'}", "http://"):
        with pytest.raises(InvalidTracker):
            take(uri)
    with pytest.raises(TrackerNotFound):
        workspace.trackers.start_import(OWNER, tracker="neptune", source="https://host")


def test_a_password_is_nowhere_in_what_is_kept_or_shown(workspace, take):
    for uri in ("http://ada:hush@127.0.0.1:1", "postgresql://ada:hush@127.0.0.1:1/mlflow?password=hush"):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever: nothing listens there
            take(uri, credentials=Credentials(token="hush"))
        assert "hush" not in str(caught.value)
    assert "hush" not in repr(Credentials(password="hush"))
    assert workspace.trackers.list(OWNER) == []


def test_a_transfer_that_died_with_its_process_is_shown_as_stopped(store, workspace, take):
    done = take(store.url)
    with sqlite3.connect(workspace.settings.home / "ledger.sqlite") as connection:
        connection.execute("UPDATE transfers SET status = 'running', ended_at = NULL")

    assert workspace.trackers.get(OWNER, id=done.id).status == TransferStatus.STOPPED
    assert workspace.trackers.cancel(OWNER, id=done.id).status == TransferStatus.STOPPED
