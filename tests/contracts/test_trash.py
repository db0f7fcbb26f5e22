"""The trash tells the same of what lies in it on SQLite and on PostgreSQL."""

from datetime import timedelta
from pathlib import Path

import pytest

from tidemill.app import trash
from tidemill.app.removal import plan, remove
from tidemill.app.trackers.progress import Progress
from tidemill.core.access import OWNER
from tidemill.core.moments import utc_now
from tidemill.data.deleting.service import DeletingService
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.models.service import ModelService
from tidemill.objects import ObjectStore
from tidemill.tracking.service import LoggedModelService, TrackingService

KEEP = timedelta(days=30)


class Nowhere:
    """Knows no files."""

    def find(self, actor, source):
        return None


@pytest.fixture
def ledger(place: str):
    opened = Ledger.open(place)
    yield opened
    opened.close()


def test_each_kind_is_listed_with_what_went_with_it_and_its_bytes(ledger: Ledger, tmp_path: Path):
    objects = ObjectStore(tmp_path / "objects")
    tracking = TrackingService(ledger, objects)
    models = ModelService(ledger, objects, tmp_path / "work", Nowhere())
    logged = LoggedModelService(ledger, objects)
    alone = tracking.create_run(OWNER, experiment="kept").run_id
    for experiment in ("gone", "gone"):
        run_id = tracking.create_run(OWNER, experiment=experiment).run_id
        tracking.log_artifact(OWNER, run_id=run_id, path="f", content=b"x" * 100)
    for name in ("delay", "delay", "old"):
        models.create_version(OWNER, name=name, source="s3://b/m")
    made = logged.create(OWNER, experiment_id="kept", name="tree")
    tracking.delete_run(OWNER, run_id=alone)
    tracking.delete_experiment(OWNER, experiment="gone")
    models.delete_version(OWNER, ref="delay@1")
    models.delete(OWNER, name="old")
    logged.delete(OWNER, model_id=made.model_id)

    with ledger.read() as connection:
        found = trash.find(connection, None, KEEP, 10, 0)
        second = trash.find(connection, None, KEEP, 1, 1)
        runs = trash.find(connection, "run", KEEP, 10, 0)
    tracking.close()

    assert [(each.kind, each.name, each.together, each.size_bytes > 0, each.stays) for each in found] == [
        ("logged_model", "tree", 0, False, ""),
        ("model", "old", 1, False, ""),
        ("model_version", "delay@1", 0, False, ""),
        ("experiment", "gone", 2, True, ""),
        ("run", found[-1].name, 0, False, ""),
    ]
    assert second == found[1:2]
    assert [each.id for each in runs] == [alone]
    assert all(each.goes_at == each.deleted_at + KEEP for each in found)


def test_datasets_go_and_come_back(ledger: Ledger, tmp_path: Path):
    data = DataService(ledger, ObjectStore(tmp_path / "objects"), root=tmp_path)
    deleting = DeletingService(data.place)
    for name, rows in (("a", "1"), ("a", "2"), ("a", "3"), ("b", "1")):
        (tmp_path / "t.csv").write_text(f"x\n{rows}\n")
        data.ingest(OWNER, name, "t.csv")
    deleting.delete_version(OWNER, ref="a@1")
    deleting.delete_version(OWNER, ref="a@3")
    deleting.restore_version(OWNER, name="a", number=3)
    deleting.delete(OWNER, name="b")

    with ledger.read() as connection:
        found = trash.find(connection, None, KEEP, 10, 0)
        going, kept = plan(connection, utc_now())
    assert [(each.kind, each.name, each.together, each.size_bytes > 0) for each in found] == [
        ("dataset", "b", 1, True),
        ("dataset_version", "a@1", 0, True),
    ]
    assert (len(going), kept) == (3, [])
    remove(ledger, OWNER, utc_now(), Progress())
    assert [(each.name, each.latest) for each in data.list(OWNER)] == [("a", 3)]
    assert [each.number for each in data.versions(OWNER, "a")] == [3, 2]
    assert [each.ref for name in "ab" for each in deleting.removed(OWNER, name=name)] == ["a@1", "b@1"]
    assert data.ingest(OWNER, "b", "t.csv").number == 2
