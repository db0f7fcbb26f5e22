"""Things leave the ledger for good on SQLite and on PostgreSQL alike, and files of steps clash on neither."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa

from tidemill.app import pieces, references, removal
from tidemill.app.choices import counted
from tidemill.app.trackers.progress import Progress
from tidemill.core.access import OWNER
from tidemill.core.digests import Digest
from tidemill.core.moments import utc_now
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger
from tidemill.ledger.schema import lineage_edges
from tidemill.models.service import ModelService
from tidemill.objects import ObjectStore
from tidemill.objects.unsynced import Unsynced
from tidemill.tracking import store
from tidemill.tracking.records import Artifact, InputDataset, Metric
from tidemill.tracking.rules import ExperimentNotFound, LoggedModelNotFound, RunLeaving, RunNotFound
from tidemill.tracking.service import LoggedModelService, TrackingService


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


def remove(ledger: Ledger) -> dict[str, int]:
    progress = Progress()
    removal.remove(ledger, OWNER, utc_now(), progress)
    return progress.report().counts


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

    counts = remove(ledger)

    assert counted(going) + Counter(counts) == {
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


class Stopped(Exception):
    """Ends a collection between two pieces, as a kill does."""


class Pausing(Ledger):
    """A ledger whose writer is looked at before each piece."""

    def __init__(self, ledger: Ledger, look) -> None:
        self._ledger = ledger
        self._look = look
        self.pieces = 0

    def read(self):
        return self._ledger.read()

    def write(self, actor, work):
        self._look(self.pieces)
        self.pieces += 1
        return self._ledger.write(actor, work)


@pytest.fixture
def small(monkeypatch):
    """Let pieces have few rows, whatever time they take."""
    monkeypatch.setattr(pieces, "_FEWEST_ROWS", 5)
    monkeypatch.setattr(pieces, "MOST_ROWS", 10)
    monkeypatch.setattr(pieces, "_MOST_EDGES", 3)


def stop_at(number: int):
    def look(piece: int) -> None:
        if piece == number:
            raise Stopped

    return look


def big_run(tracking: TrackingService) -> str:
    run_id = tracking.create_run(OWNER, experiment="big").run_id
    points = [Metric(key=f"m{step % 4}", value=1.0, step=step) for step in range(40)]
    params, tags = {f"p{n}": "1" for n in range(15)}, {f"t{n}": "2" for n in range(15)}
    tracking.log_batch(OWNER, run_id=run_id, metrics=points, params=params, tags=tags)
    tracking.log_inputs(OWNER, run_id=run_id, datasets=[InputDataset(name="flights", digest="x")])
    for number in range(12):
        tracking.log_artifact(OWNER, run_id=run_id, path=f"f{number}", content=f"{run_id}{number}".encode())
    tracking.delete_run(OWNER, run_id=run_id)
    return run_id


def rows_left(ledger: Ledger) -> dict[str, int]:
    tables = [store.runs, store.metrics, store.metric_series, store.run_params, store.run_tags, store.run_artifacts]
    tables += [store.run_inputs, store.input_datasets, store.logged_models, store.logged_model_metrics]
    with ledger.read() as connection:
        count = sa.func.count()
        found = {table.name: connection.execute(sa.select(count).select_from(table)).scalar_one() for table in tables}
    return {name: int(number) for name, number in found.items() if number}


def test_a_large_run_goes_in_pieces(ledger, tracking, small):
    run_id = big_run(tracking)
    sizes: list[int] = []

    def look(_: int) -> None:
        sizes.append(sum(rows_left(ledger).values()))

    pausing, progress = Pausing(ledger, look), Progress()
    removal.remove(pausing, OWNER, utc_now(), progress)

    sizes.append(sum(rows_left(ledger).values()))
    went = [before - after for before, after in pairwise(sizes)]
    assert max(went) <= 13, "ten of what belongs to it; and at the end itself, its input and that dataset"
    assert progress.report().counts == {"runs": 1, "metric points": 40}
    assert rows_left(ledger) == {}
    with ledger.read() as connection:
        assert list(connection.execute(sa.select(lineage_edges).where(lineage_edges.c.source_id == run_id))) == []
        assert list(references.missing_ends(connection)) == []


@pytest.mark.parametrize("at", [1, 3, 6, 9, 12])
def test_what_is_half_removed_is_nowhere_and_the_next_time_ends_it(ledger, tracking, small, at):
    run_id = big_run(tracking)
    with pytest.raises(Stopped):
        removal.remove(Pausing(ledger, stop_at(at)), OWNER, utc_now(), Progress())

    assert rows_left(ledger)["runs"] == 1
    for verb in (tracking.get_run, tracking.restore_run, tracking.delete_run, tracking.list_artifacts):
        with pytest.raises(RunNotFound):
            verb(OWNER, run_id=run_id)
    with pytest.raises(RunNotFound):
        tracking.log_batch(OWNER, run_id=run_id, params={"a": "b"})
    with pytest.raises(RunLeaving):
        tracking.create_run(OWNER, experiment="big", run_id=run_id)
    for view in ("active", "deleted", "all"):
        assert tracking.search_runs(OWNER, view=view).runs == []
        assert tracking.count_runs(OWNER, view=view).count == 0
    with ledger.read() as connection:
        assert list(references.missing_ends(connection)) == []

    progress = Progress()
    removal.remove(ledger, OWNER, utc_now().replace(year=1960), progress)
    assert progress.report().counts["runs"] == 1
    assert rows_left(ledger) == {}
    assert tracking.create_run(OWNER, experiment="big", run_id=run_id).params == {}


@pytest.mark.parametrize("at", [0, 1])
def test_what_is_restored_between_pieces_is_whole_or_not_there(ledger, tracking, small, at):
    run_id = big_run(tracking)
    refused: list[RunNotFound] = []

    def restore(piece: int) -> None:
        if piece == at:
            try:
                tracking.restore_run(OWNER, run_id=run_id)
            except RunNotFound as error:
                refused.append(error)

    removal.remove(Pausing(ledger, restore), OWNER, utc_now(), Progress())

    assert len(refused) == at
    if at == 0:
        assert len(tracking.metric_history(OWNER, run_id=run_id, key="m0").metrics) == 10
        assert len(tracking.get_run(OWNER, run_id=run_id).params) == 15
    else:
        assert rows_left(ledger) == {}


@pytest.mark.parametrize("at", [1, 4, 8])
def test_an_experiment_with_large_models_goes_in_pieces(ledger, tracking, tmp_path, small, at):
    logged = LoggedModelService(ledger, ObjectStore(tmp_path / "objects"))
    home = tracking.create_experiment(OWNER, name="old", tags={"a": "b"})
    other = tracking.create_run(OWNER, experiment="kept").run_id
    models = [logged.create(OWNER, experiment_id="old", name=f"m{number}").model_id for number in range(3)]
    for model_id in models:
        points = [Metric(key="auc", value=0.5, step=step, model_id=model_id) for step in range(20)]
        tracking.log_batch(OWNER, run_id=other, metrics=points)
    tracking.delete_experiment(OWNER, experiment="old")
    with pytest.raises(Stopped):
        removal.remove(Pausing(ledger, stop_at(at)), OWNER, utc_now(), Progress())

    with pytest.raises(ExperimentNotFound):
        tracking.restore_experiment(OWNER, experiment=home.experiment_id)
    again = tracking.create_experiment(OWNER, name="old")
    assert int(again.experiment_id) > int(home.experiment_id)
    assert {each.name for each in tracking.search_experiments(OWNER, view="all").experiments} >= {"old", "kept"}
    removal.remove(ledger, OWNER, utc_now(), Progress())

    for model_id in models:
        with pytest.raises(LoggedModelNotFound):
            logged.restore(OWNER, model_id=model_id)
    assert set(rows_left(ledger)) == {"runs", "run_tags", "metric_series", "metrics"}
    with ledger.read() as connection:
        assert list(references.missing_ends(connection)) == []
        assert not references.lives(connection, Ref("experiment", home.experiment_id))
