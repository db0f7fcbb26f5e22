"""What tracking promises, on SQLite and on PostgreSQL alike."""

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import TidemillError
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.tracking import rules
from tidemill.tracking.paging import InvalidPageToken
from tidemill.tracking.records import InputDataset, LoggedModelStatus, Metric, Output, RunStatus
from tidemill.tracking.service import LoggedModelService, TrackingService


@pytest.fixture
def ledger(place: str) -> Iterator[Ledger]:
    opened = Ledger.open(place)
    yield opened
    opened.close()


@pytest.fixture
def tracking(ledger: Ledger, tmp_path: Path) -> TrackingService:
    return TrackingService(ledger, ObjectStore(tmp_path / "objects"))


@pytest.fixture
def logged_models(ledger: Ledger, tmp_path: Path) -> LoggedModelService:
    return LoggedModelService(ledger, ObjectStore(tmp_path / "objects"))


def point(key: str, value: float, step: int = 0, timestamp: int = 1) -> Metric:
    return Metric(key=key, value=value, step=step, timestamp=timestamp)


# ------------------------------------------------------------------------------------------- experiments


def test_the_default_experiment_is_there_from_the_start(tracking: TrackingService) -> None:
    default = tracking.find_experiment(OWNER, experiment_id="0")

    assert default.name == "Default"
    assert tracking.create_experiment(OWNER, name="delays").experiment_id == "1"
    assert tracking.create_run(OWNER).experiment_id == "0"


def test_an_experiment_is_renamed_tagged_deleted_and_restored_with_its_runs(tracking: TrackingService) -> None:
    made = tracking.create_experiment(OWNER, name="delays", tags={"team": "ops"}, artifact_location="s3://b/p")
    kept, gone = (tracking.create_run(OWNER, experiment="delays").run_id for _ in range(2))
    tracking.delete_run(OWNER, run_id=gone)

    changed = tracking.update_experiment(OWNER, experiment=made.experiment_id, name="late", tags={"team": "core"})
    tracking.delete_experiment(OWNER, experiment="late")
    deleted = tracking.find_experiment(OWNER, name="late")

    assert (changed.name, changed.tags, changed.artifact_location) == ("late", {"team": "core"}, "s3://b/p")
    assert deleted.lifecycle_stage == "deleted"
    assert deleted.deleted_at is not None
    with pytest.raises(rules.RunNotActive):
        tracking.log_batch(OWNER, run_id=kept, tags={"a": "b"})
    with pytest.raises(rules.ExperimentNotActive):
        tracking.create_run(OWNER, experiment="late")
    with pytest.raises(rules.ExperimentExists, match="trash"):
        tracking.create_experiment(OWNER, name="late")
    tracking.restore_experiment(OWNER, experiment="late")
    assert [run.run_id for run in tracking.search_runs(OWNER, experiments=["late"]).runs] == [kept]
    tracking.delete_experiment_tag(OWNER, experiment="late", key="team")
    assert tracking.get_experiment(OWNER, name="late").tags == {}
    with pytest.raises(rules.TagNotFound):
        tracking.delete_experiment_tag(OWNER, experiment="late", key="team")


def test_of_creates_of_the_same_name_at_once_exactly_one_wins(tracking: TrackingService) -> None:
    barrier = threading.Barrier(6)

    def create(name: str) -> bool:
        barrier.wait()
        try:
            tracking.create_experiment(OWNER, name=name)
        except rules.ExperimentExists:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(create, ["one", "one", "one", "two", "two", "two"]))
    found = tracking.search_experiments(OWNER).experiments

    assert sum(won) == 2
    assert sorted(each.name for each in found) == ["Default", "one", "two"]
    assert len({each.experiment_id for each in found}) == 3


def test_pages_of_experiments_give_each_once(tracking: TrackingService) -> None:
    for number in range(7):
        tracking.create_experiment(OWNER, name=f"e{number}")
    seen, token = [], ""
    while True:
        page = tracking.search_experiments(OWNER, max_results=3, page_token=token)
        seen += [each.name for each in page.experiments]
        token = page.next_page_token
        if not token:
            break

    assert seen == [*(f"e{number}" for number in reversed(range(7))), "Default"]
    with pytest.raises(InvalidPageToken):
        tracking.search_experiments(OWNER, page_token="eyJvZmZzZXQiOiAtMX0=")


# ------------------------------------------------------------------------------------------- runs


def test_a_run_comes_back_with_all_that_was_logged(tracking: TrackingService) -> None:
    run = tracking.create_run(OWNER, params={"rate": "0.1"}, tags={"mlflow.runName": "first"}, user="ann")
    tracking.log_batch(
        OWNER,
        run_id=run.run_id,
        metrics=[point("auc", 0.7, 2), point("auc", 0.9, 1), point("loss", math.nan), point("far", -math.inf)],
        params={"depth": "4"},
        tags={"kind": "real"},
    )
    found = tracking.update_run(OWNER, run_id=run.run_id, status=RunStatus.FINISHED)

    assert (run.name, run.user) == ("first", "ann")
    assert found.params == {"depth": "4", "rate": "0.1"}
    assert found.tags == {"kind": "real", "mlflow.runName": "first"}
    assert found.metrics["auc"] == 0.7
    assert found.latest["auc"] == (2, 1)
    assert math.isnan(found.metrics["loss"])
    assert found.metrics["far"] == -math.inf
    assert found.end_time is not None
    assert tracking.search_runs(OWNER).runs[0].params == found.params


def test_the_latest_point_is_that_of_the_largest_step_then_time_then_value(tracking: TrackingService) -> None:
    run_id = tracking.create_run(OWNER).run_id
    for some in ([point("a", 5.0, 2, 7)], [point("a", 9.0, 1, 9)], [point("a", 6.0, 2, 7)], [point("a", 1.0, 2, 6)]):
        tracking.log_batch(OWNER, run_id=run_id, metrics=[*some, point("b", some[0].value, some[0].step)])
    history = tracking.metric_points(OWNER, run_id=run_id, key="a")

    assert tracking.get_run(OWNER, run_id=run_id).metrics == {"a": 6.0, "b": 6.0}
    assert [(one.step, one.timestamp, one.value) for one in history] == [
        (1, 9, 9.0),
        (2, 6, 1.0),
        (2, 7, 5.0),
        (2, 7, 6.0),
    ]


def test_a_thousand_metrics_are_logged_again_without_doubling(tracking: TrackingService) -> None:
    run_id = tracking.create_run(OWNER).run_id
    batch = [point(f"k{number}", float(number), number % 3) for number in range(1000)]
    for _ in range(2):
        tracking.log_batch(OWNER, run_id=run_id, metrics=batch)
    tracking.log_batch(OWNER, run_id=run_id, metrics=[point("many", float(step), step) for step in range(1000)])
    run = tracking.get_run(OWNER, run_id=run_id)

    assert len(run.metrics) == 1001
    assert run.metrics["k999"] == 999.0
    assert run.latest["many"] == (999, 1)
    assert len(tracking.metric_points(OWNER, run_id=run_id, key="k7")) == 1


def test_a_history_comes_in_pages_and_thinned_for_charts(tracking: TrackingService) -> None:
    long, short, bare = (tracking.create_run(OWNER).run_id for _ in range(3))
    tracking.log_batch(OWNER, run_id=long, metrics=[point("m", float(step), step) for step in range(1000)])
    tracking.log_batch(OWNER, run_id=short, metrics=[point("m", 1.0, 3)])
    seen, token = [], ""
    while True:
        page = tracking.metric_history(OWNER, run_id=long, key="m", max_results=300, page_token=token)
        seen += [one.step for one in page.metrics]
        token = page.next_page_token
        if not token:
            break
    thin, whole = tracking.metric_histories(OWNER, run_ids=[long, short, bare], key="m", max_points=100)

    assert seen == list(range(1000))
    assert (thin.run_id, thin.is_thinned) == (long, True)
    assert len(thin.points) <= 101
    assert (thin.points[0].step, thin.points[-1].step) == (0, 999)
    assert (whole.run_id, whole.is_thinned, len(whole.points)) == (short, False, 1)


def test_of_params_logged_at_once_one_value_stays_and_the_others_fail(tracking: TrackingService) -> None:
    run_id = tracking.create_run(OWNER).run_id
    barrier = threading.Barrier(4)

    def log(value: str) -> bool:
        barrier.wait()
        try:
            tracking.log_batch(OWNER, run_id=run_id, params={"rate": value}, metrics=[point(f"of{value}", 1.0)])
        except rules.ParamChanged:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        kept = dict(zip("1234", pool.map(log, "1234"), strict=True))
    run = tracking.get_run(OWNER, run_id=run_id)

    assert [value for value, is_kept in kept.items() if is_kept] == [run.params["rate"]]
    assert list(run.metrics) == [f"of{run.params['rate']}"]


def test_a_renamed_run_and_its_tag_move_together(tracking: TrackingService) -> None:
    run_id = tracking.create_run(OWNER, tags={"mlflow.runName": "a"}).run_id
    tracking.log_batch(OWNER, run_id=run_id, tags={"mlflow.runName": "b"})
    assert tracking.get_run(OWNER, run_id=run_id).name == "b"
    assert tracking.update_run(OWNER, run_id=run_id, name="c").tags == {"mlflow.runName": "c"}
    tracking.delete_run_tag(OWNER, run_id=run_id, key="mlflow.runName")
    with pytest.raises(rules.TagNotFound):
        tracking.delete_run_tag(OWNER, run_id=run_id, key="mlflow.runName")


# ------------------------------------------------------------------------------------------- points of many at once


def test_points_of_many_are_kept_and_a_bad_request_fails_alone(tracking: TrackingService) -> None:
    runs = [tracking.create_run(OWNER).run_id for _ in range(3)]
    tracking.delete_run(OWNER, run_id=runs[2])
    asked = [
        (run_id, tracking.log_soon(OWNER, run_id=run_id, metrics=[point("m", float(step), step)]))
        for step in range(50)
        for run_id in (*runs, "nobody")
    ]
    outcomes = [(run_id, future.exception(timeout=30)) for run_id, future in asked]

    assert {type(error) for run_id, error in outcomes if run_id in runs[:2]} == {type(None)}
    assert {type(error) for run_id, error in outcomes if run_id == runs[2]} == {rules.RunNotActive}
    assert {type(error) for run_id, error in outcomes if run_id == "nobody"} == {rules.RunNotFound}
    for run_id in runs[:2]:
        assert [one.step for one in tracking.metric_points(OWNER, run_id=run_id, key="m")] == list(range(50))
        assert tracking.get_run(OWNER, run_id=run_id).metrics == {"m": 49.0}


def test_threads_that_log_the_same_metric_lose_nothing(tracking: TrackingService) -> None:
    run_id = tracking.create_run(OWNER).run_id

    def log(thread: int) -> None:
        for step in range(25):
            tracking.log_soon(
                OWNER, run_id=run_id, metrics=[point("m", float(thread), step * 8 + thread), point(f"t{thread}", 1.0)]
            ).result(timeout=30)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(log, range(8)))
    run = tracking.get_run(OWNER, run_id=run_id)

    assert [one.step for one in tracking.metric_points(OWNER, run_id=run_id, key="m")] == list(range(200))
    assert run.latest["m"][0] == 199
    assert len(run.metrics) == 9


def test_a_metric_that_cannot_be_kept_is_refused_at_once(tracking: TrackingService) -> None:
    run_id = tracking.create_run(OWNER).run_id
    with pytest.raises(rules.InvalidMetric):
        tracking.log_soon(OWNER, run_id=run_id, metrics=[point("m", 1.0, 2**64)])


def test_a_closed_ledger_fails_the_future(tracking: TrackingService, ledger: Ledger) -> None:
    run_id = tracking.create_run(OWNER).run_id
    ledger.close()

    future = tracking.log_soon(OWNER, run_id=run_id, metrics=[point("m", 1.0)])

    assert isinstance(future.exception(timeout=30), TidemillError)


# ------------------------------------------------------------------------------------------- inputs, outputs, models


def test_datasets_and_models_of_a_run_come_back(tracking: TrackingService, logged_models: LoggedModelService) -> None:
    run_id = tracking.create_run(OWNER).run_id
    used = InputDataset(
        name="flights",
        digest="abc",
        source="s",
        schema="{}",
        context="training",
        tags={"mlflow.data.context": "training"},
    )
    model = logged_models.create(OWNER, experiment_id="0", name="delay", source_run_id=run_id, params={"a": "1"})
    for _ in range(2):
        tracking.log_inputs(OWNER, run_id=run_id, datasets=[used], models=[model.model_id])
    tracking.log_outputs(OWNER, run_id=run_id, outputs=[Output(model_id=model.model_id, step=3)])
    other = tracking.create_run(OWNER).run_id
    tracking.log_inputs(OWNER, run_id=other, datasets=[used])
    run = tracking.get_run(OWNER, run_id=run_id)

    assert [each.dataset for each in run.inputs if each.dataset] == [used]
    assert f"logged_model:{model.model_id}" in {each.ref for each in run.inputs}
    assert run.outputs == [Output(model_id=model.model_id, step=3)]
    assert tracking.get_run(OWNER, run_id=other).inputs[0].ref in {each.ref for each in run.inputs}


def test_a_logged_model_lives_and_has_the_metrics_that_runs_log_about_it(
    tracking: TrackingService, logged_models: LoggedModelService
) -> None:
    run_id = tracking.create_run(OWNER).run_id
    model_id = logged_models.create(OWNER, experiment_id="0", source_run_id=run_id, tags={"k": "v"}).model_id
    about = [
        Metric(key="auc", value=value, step=step, timestamp=1, model_id=model_id, dataset_name="d", dataset_digest="x")
        for step, value in enumerate([0.5, 0.7])
    ]
    tracking.log_batch(OWNER, run_id=run_id, metrics=about)
    logged_models.set_tags(OWNER, model_id=model_id, tags={"more": "1"})
    logged_models.delete_tag(OWNER, model_id=model_id, key="k")
    logged_models.log_params(OWNER, model_id=model_id, params={"depth": "4"})
    with pytest.raises(rules.ParamChanged):
        logged_models.log_params(OWNER, model_id=model_id, params={"depth": "5"})
    found = logged_models.finalize(OWNER, model_id=model_id, status=LoggedModelStatus.READY)

    assert (found.status, found.tags, found.params) == ("READY", {"more": "1"}, {"depth": "4"})
    assert [(each.value, each.run_id, each.dataset_name) for each in found.metrics] == [(0.7, run_id, "d")]
    assert tracking.get_run(OWNER, run_id=run_id).metrics == {"auc": 0.7}
    assert [each.model_id for each in logged_models.search(OWNER, experiment_ids=["0"]).models] == [model_id]
    logged_models.delete(OWNER, model_id=model_id)
    assert logged_models.search(OWNER).models == []
    for future in (
        tracking.log_soon(OWNER, run_id=run_id, metrics=about),
        tracking.log_soon(OWNER, run_id=run_id, metrics=[point("m", 1.0)]),
    ):
        error = future.exception(timeout=30)
        assert error is None or isinstance(error, rules.LoggedModelNotFound)
    assert tracking.get_run(OWNER, run_id=run_id).metrics["m"] == 1.0


def test_files_of_runs_and_models_are_put_listed_and_deleted(
    tracking: TrackingService, logged_models: LoggedModelService, tmp_path: Path
) -> None:
    run_id = tracking.create_run(OWNER).run_id
    digest = ObjectStore(tmp_path / "objects").put_bytes(b"hello")
    model_id = logged_models.create(OWNER, experiment_id="0").model_id
    for root in (f"run:{run_id}", f"logged_model:{model_id}"):
        for path in ("a/b.txt", "a/c/d.txt", "A/e.txt", "a_/f.txt", "top.txt"):
            tracking.put_artifact(OWNER, root=root, path=path, digest=digest)
        entries = tracking.list_folder(OWNER, root=root)
        assert [(each.path, each.is_dir, each.size) for each in entries] == [
            ("A", True, 0),
            ("a", True, 0),
            ("a_", True, 0),
            ("top.txt", False, 5),
        ]
        assert [each.path for each in tracking.list_folder(OWNER, root=root, path="a")] == ["a/b.txt", "a/c"]
        assert tracking.list_folder(OWNER, root=root, path="top.txt") == []
        for clash in ("a", "top.txt/x"):
            with pytest.raises(rules.ArtifactClash):
                tracking.put_artifact(OWNER, root=root, path=clash, digest=digest)
        tracking.delete_artifact(OWNER, root=root, path="a")
        with pytest.raises(rules.ArtifactNotFound):
            tracking.find_artifact(OWNER, root=root, path="a/b.txt")
        with pytest.raises(rules.ArtifactNotFound):
            tracking.delete_artifact(OWNER, root=root, path="a")
        assert tracking.find_artifact(OWNER, root=root, path="A/e.txt").digest == digest
    assert [each.path for each in logged_models.list_artifacts(OWNER, model_id=model_id)] == [
        "A/e.txt",
        "a_/f.txt",
        "top.txt",
    ]
