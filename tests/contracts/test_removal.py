"""Things leave the ledger for good on SQLite and on PostgreSQL alike, and files of steps clash on neither."""

from pathlib import Path

import pytest

from tidemill.app import references, removal
from tidemill.core.access import OWNER
from tidemill.core.digests import Digest
from tidemill.core.moments import utc_now
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger
from tidemill.models.service import ModelService
from tidemill.objects import ObjectStore
from tidemill.objects.unsynced import Unsynced
from tidemill.tracking import store
from tidemill.tracking.records import Artifact, InputDataset, Metric
from tidemill.tracking.service import TrackingService


@pytest.fixture
def ledger(place: str):
    opened = Ledger.open(place)
    yield opened
    opened.close()


@pytest.fixture
def tracking(ledger: Ledger, tmp_path: Path) -> TrackingService:
    return TrackingService(ledger, ObjectStore(tmp_path / "objects"))


@pytest.fixture
def models(ledger: Ledger, tmp_path: Path, tracking: TrackingService) -> ModelService:
    return ModelService(ledger, ObjectStore(tmp_path / "objects"), tmp_path / "work", Nowhere())


class Nowhere:
    """Knows no files."""

    def find(self, actor, source):
        return None


def fill(tracking: TrackingService, experiment: str) -> str:
    run_id = tracking.create_run(OWNER, experiment=experiment, params={"a": "1"}, tags={"b": "2"}).run_id
    tracking.log_batch(OWNER, run_id=run_id, metrics=[Metric(key="loss", value=1.0, step=step) for step in range(5)])
    tracking.log_inputs(OWNER, run_id=run_id, datasets=[InputDataset(name="flights", digest="x")])
    tracking.log_artifact(OWNER, run_id=run_id, path="f", content=run_id.encode())
    return run_id


def test_what_was_deleted_goes_and_what_is_needed_stays(ledger, tracking, models):
    kept, gone = fill(tracking, "kept"), fill(tracking, "kept")
    origin = fill(tracking, "old")
    version = models.create_version(OWNER, name="delay", source="s3://b/m", run_id=origin)
    models.create_version(OWNER, name="other", source="s3://b/m", run_id=kept)
    models.delete(OWNER, name="other")
    tracking.delete_run(OWNER, run_id=gone)
    old = tracking.find_experiment(OWNER, name="old").experiment_id
    tracking.delete_experiment(OWNER, experiment="old")
    with ledger.read() as connection:
        going, _ = removal.plan(connection, utc_now())

    made = removal.remove(ledger, OWNER, utc_now())

    assert removal.counted(going) + made.counts == {
        "runs": 4,
        "experiments": 2,
        "models": 2,
        "model versions": 2,
        "metric points": 10,
    }
    assert [run.run_id for run in tracking.search_runs(OWNER, view="all").runs] == [kept]
    assert tracking.create_experiment(OWNER, name="old").experiment_id == str(int(old) + 1)
    with ledger.read() as connection:
        assert list(references.missing_ends(connection)) == []
        assert references.lives(connection, Ref("model_version", version.id))
        assert not references.lives(connection, Ref("run", origin))
        assert references.mentioned(connection) >= {bytes.fromhex(version.digest)}
    Unsynced(ledger, tracking._objects).settle()
    with ledger.read() as connection:
        artifact = store.list_artifacts(connection, Ref("run", kept))[0]
        assert bytes.fromhex(artifact.digest) in references.mentioned(connection)
        assert bytes.fromhex(artifact.digest) not in references.mentioned(connection, {Ref("run", kept)})


def test_files_that_clash_are_put_beside(ledger, tracking):
    run_id = tracking.create_run(OWNER).run_id
    root = Ref("run", run_id)

    def put(*paths: str):
        files = [Artifact(path=path, size=1, digest=Digest("0" * 64)) for path in paths]
        ledger.write(OWNER, lambda tx: store.put_artifacts(tx, root, files, "clashes/s"))
        return [each.path for each in tracking.list_artifacts(OWNER, run_id=run_id)]

    assert put("a/b", "c", "a-b") == ["a-b", "a/b", "c"]
    assert put("a/b", "c") == ["a-b", "a/b", "c"], "a file that is there gets the new content"
    assert put("a") == ["a-b", "a/b", "c", "clashes/s/a"]
    assert put("c/d/e", "A", "a0") == ["A", "a-b", "a/b", "a0", "c", "clashes/s/a", "clashes/s/c/d/e"]
    assert put("x", "x/y")[-2:] == ["clashes/s/x/y", "x"]
