"""In a whole workspace: a canary is counted from what the data plane captured, and moves on by itself."""

import io
import json

import pytest

from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.delivery.records import RolloutPlan
from tidemill.models.rules import ModelServes


@pytest.fixture
def workspace(tmp_path, bundles, start_plane):
    with Workspace(Settings(home=tmp_path)) as found:
        start_plane(tmp_path)
        found.start("")
        for which in ("one", "both"):
            found.models.register(OWNER, name="delay", tree=found.objects.put_tree(bundles[which]))
        yield found


def test_a_canary_is_promoted_by_what_was_captured(workspace, start_plane, wait_for):
    delivery = workspace.delivery
    delivery.create_endpoint(OWNER, name="delay", passthrough=["z"])
    delivery.deploy(OWNER, endpoint="delay", model="delay@1", force=True)
    wait_for(lambda: start_plane.last.ask(z=1.0)[0] == 200, within_s=30)
    for _ in range(30):
        start_plane.last.ask(z=1.0)
    workspace.monitoring.tick(OWNER)
    plan = RolloutPlan(
        shares=[0.5], watch=["error_rate", "latency_p50"], slow_factor=1000.0, min_requests=60, interval_s=0.05
    )
    rollout = delivery.deploy(OWNER, endpoint="delay", model="delay@2", force=True, plan=plan)
    wait_for(lambda: len(delivery.get_endpoint(OWNER, name="delay").targets) == 2, within_s=30)

    def ended():
        status, _ = start_plane.last.ask(z=1.0)
        assert status == 200
        return delivery.get_rollout(OWNER, id=rollout.id).state != "running"

    wait_for(ended, within_s=60)
    found = delivery.get_rollout(OWNER, id=rollout.id)
    assert found.state == "promoted"
    (limit,) = [event.facts for event in found.events if event.kind == "limit"]
    assert (limit["from"], limit["rows"] >= 30) == ("history", True)
    assert limit["slow_ms"] == pytest.approx(1000 * limit["quantile_ms"])
    (judged,) = [event for event in found.events if event.kind == "judged"]
    assert judged.facts["error_rate"]["canary_count"] >= 60
    assert judged.facts["error_rate"]["stable_count"] > 10
    assert workspace.workflows().result(f"rollout-{rollout.id}", timeout_s=30) == "promoted"
    wait_for(lambda: delivery.get_endpoint(OWNER, name="delay").served == found.after)


def test_a_person_goes_back_while_the_workflow_watches(workspace, wait_for):
    delivery = workspace.delivery
    delivery.create_endpoint(OWNER, name="delay", passthrough=["z"])
    first = delivery.deploy(OWNER, endpoint="delay", model="delay@1", force=True)
    plan = RolloutPlan(shares=[0.5], on_timeout="wait", interval_s=60.0)
    rollout = delivery.deploy(OWNER, endpoint="delay", model="delay@2", force=True, plan=plan)
    wait_for(lambda: len(delivery.get_endpoint(OWNER, name="delay").targets) == 2, within_s=30)
    found = delivery.rollback(OWNER, endpoint="delay")
    assert (found.served, found.problem) == (first.after, "")
    # The message wakes the workflow at once, a minute before its next look.
    assert workspace.workflows().result(f"rollout-{rollout.id}", timeout_s=30) == "rolled_back"


def test_a_gate_reads_artifacts_and_dataset_versions(workspace, rows, tmp_path):
    table = rows(2).drop_nulls()
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    path = tmp_path / "rows.parquet"
    path.write_bytes(buffer.getvalue())
    version = workspace.data.ingest(OWNER, "flights", str(path))
    artifact = workspace.objects.put_bytes(buffer.getvalue())
    for holdout in (f"dataset_version:{version.id}", f"artifact:{artifact}"):
        report = workspace.delivery.evaluate_gate(
            OWNER, model="delay@2", rules=[{"metric": "roc_auc >= 0.6"}], holdout=holdout, label="late"
        )
        assert (report.status, report.rows) == ("open", table.height)
    for holdout, code in (
        ("run:abc", "not_rows"),
        (f"artifact:{workspace.objects.put_bytes(json.dumps({}).encode())}", "damaged_rows"),
    ):
        with pytest.raises(Exception, match=r"does not name rows|not a Parquet") as caught:
            workspace.delivery.evaluate_gate(
                OWNER, model="delay@2", rules=[{"metric": "roc_auc >= 0.6"}], holdout=holdout, label="late"
            )
        assert caught.value.code == code  # type: ignore[attr-defined]


def test_a_version_that_an_endpoint_answers_with_cannot_go(workspace):
    delivery, models = workspace.delivery, workspace.models
    delivery.create_endpoint(OWNER, name="live", passthrough=["z"])
    delivery.deploy(OWNER, endpoint="live", model="delay@1", force=True)
    with pytest.raises(ModelServes, match="live"):
        models.delete_version(OWNER, ref="delay@1")
    with pytest.raises(ModelServes):
        models.rename(OWNER, name="delay", new_name="late")
    models.delete_version(OWNER, ref="delay@2")
    assert [each.number for each in models.versions(OWNER, name="delay")] == [1]
