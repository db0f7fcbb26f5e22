"""An import holds on every database that the ledger runs on."""

from tests.mlflow.stores import NET, ONE, Store, fill

from tidemill.app import Workspace
from tidemill.app.trackers.records import TransferStatus
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings


def test_a_store_is_taken_once(place, tmp_path, wait_for):
    store = fill(Store(tmp_path / "mlflow.db"), tmp_path / "files")
    store.put("tags", run_uuid=ONE, key="odd", value="a\0b")  # PostgreSQL keeps no NUL
    store.put("model_version_tags", name="delay", version=1, key="seen", value="yes")
    for step in range(5000):
        store.point(ONE, "long", step / 7, step)
    files = str(tmp_path / "files")
    with Workspace(Settings(home=tmp_path / "home", database=place)) as workspace:
        reports = []
        for time in range(3):
            if time == 2:
                for table in ("tags", "experiment_tags", "model_version_tags", "registered_model_aliases"):
                    store.connection.execute(f"DELETE FROM {table}")
            begun = workspace.trackers.start_import(
                OWNER, tracker="mlflow", source=store.url, artifacts=True, artifact_root=files
            )

            def over(transfer_id=begun.id):
                found = workspace.trackers.get(OWNER, id=transfer_id)
                return found if found.status != TransferStatus.RUNNING else None

            done = wait_for(over, within_s=60)
            assert (done.status, done.report.error) == (TransferStatus.DONE, "")
            reports.append(done.report.counts)
            if time == 1:
                assert workspace.tracking.get_run(OWNER, run_id=ONE).tags["odd"] == "ab"
                assert workspace.models.get(OWNER, ref="delay@champion").tags == {"seen": "yes"}
        assert (reports[0]["metric points"], reports[0]["artifacts"]) == (5009, 4)
        assert {name for name in reports[1] if "unchanged" not in name} == set()
        assert len(workspace.tracking.metric_points(OWNER, run_id=ONE, key="long")) == 5000
        assert workspace.logged_models.get(OWNER, model_id=NET).source_run_id == ONE
        assert (reports[2]["tags deleted"], reports[2]["aliases deleted"]) == (3, 1)
        assert workspace.tracking.get_run(OWNER, run_id=ONE).tags == {"mlflow.runName": "tree"}
        assert workspace.tracking.get_experiment(OWNER, name="churn").tags == {}
        first = workspace.models.get(OWNER, ref="delay@1")
        assert (first.size, first.tags) == (12, {})
        assert workspace.models.get_model(OWNER, name="delay").aliases == {}
