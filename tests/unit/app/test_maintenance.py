"""What keeps a workspace sound says how far it is, and takes turns."""

import pytest

from tidemill.app import Workspace
from tidemill.app.trackers.records import Report
from tidemill.app.turns import MaintenanceBusy
from tidemill.core.access import OWNER
from tidemill.core.errors import Damaged, OutOfSpace
from tidemill.tracking.records import Metric


def thrown_away(workspace: Workspace) -> None:
    run_id = workspace.tracking.create_run(OWNER, experiment="delays").run_id
    points = [Metric(key="loss", value=1.0, step=step) for step in range(10)]
    workspace.tracking.log_batch(OWNER, run_id=run_id, metrics=points)
    workspace.tracking.delete_run(OWNER, run_id=run_id)


def test_a_collection_says_how_far_it_is(workspace, monkeypatch):
    for _ in range(3):
        thrown_away(workspace)
    told: list[Report] = []
    write = workspace.ledger.write

    def looked_at(actor, work):
        told.append(workspace.maintenance.collecting(OWNER))
        return write(actor, work)

    assert workspace.maintenance.collecting(OWNER) == Report()
    monkeypatch.setattr(workspace.ledger, "write", looked_at)
    made = workspace.maintenance.gc(OWNER, older_than="0s")

    assert made.removed == {"runs": 3, "metric points": 30}
    seen = [(each.doing, each.done, each.total, each.counts.get("metric points", 0)) for each in told if each.total]
    assert seen[0] == ("runs", 0, 3, 0)
    assert seen[1] == ("runs", 1, 3, 10)
    assert workspace.maintenance.collecting(OWNER) == Report()


def test_a_collection_that_failed_is_not_under_way(workspace, filled):
    path = workspace.objects.path(filled["tree"])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(Damaged):
        workspace.maintenance.gc(OWNER, older_than="0s")

    assert workspace.maintenance.collecting(OWNER) == Report()


def test_a_backup_that_could_not_begin_is_not_in_the_audit(workspace, monkeypatch):
    monkeypatch.setattr("tidemill.app.turns._WAIT_S", 0.01)
    with workspace.maintenance._turns.alone(), pytest.raises(MaintenanceBusy):
        workspace.maintenance.backup(OWNER)

    assert workspace.governance.audit(OWNER) == []


def test_a_backup_that_failed_at_its_begin_is_in_nobodys_way(workspace, monkeypatch):
    def full(*_):
        raise OutOfSpace("There is no space", hint="Make room.")

    monkeypatch.setattr("tidemill.app.turns._WAIT_S", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr("tidemill.app.maintenance.take", full)
        with pytest.raises(OutOfSpace):
            workspace.maintenance.backup(OWNER)

    assert workspace.maintenance.gc(OWNER).removed == {}
