"""A run keeps what it was told, and says so when it cannot."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.core.access import OWNER
from tidemill.core.names import InvalidText
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger
from tidemill.ledger.lineage import trace
from tidemill.objects import ObjectStore, UnsafePath
from tidemill.tracking import rules
from tidemill.tracking.paging import InvalidPageToken
from tidemill.tracking.records import Metric, RunStatus
from tidemill.tracking.service import TrackingService


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def tracking(ledger: Ledger, tmp_path: Path) -> TrackingService:
    return TrackingService(ledger, ObjectStore(tmp_path / "objects"))


def test_a_run_comes_back_with_all_that_was_logged(tracking: TrackingService) -> None:
    run = tracking.create_run(OWNER, experiment="delays", params={"rate": "0.1"}, tags={"kind": "test"})
    points = [Metric(key="auc", value=value, step=step) for step, value in enumerate([0.5, 0.7, 0.6])]
    tracking.log_batch(OWNER, run_id=run.run_id, metrics=points, params={"depth": "4"}, tags={"kind": "real"})
    tracking.log_input(OWNER, run_id=run.run_id, ref="dataset_version:d1", context="training")
    ended = tracking.end_run(OWNER, run_id=run.run_id)
    assert ended.params == {"depth": "4", "rate": "0.1"}
    assert ended.tags == {"kind": "real"}
    assert ended.metrics == {"auc": 0.6}
    assert ended.status == RunStatus.FINISHED
    assert ended.end_time is not None
    assert [entry.ref for entry in ended.inputs] == ["dataset_version:d1"]
    history = tracking.metric_points(OWNER, run_id=run.run_id, key="auc")
    assert [(point.step, point.value) for point in history] == [(0, 0.5), (1, 0.7), (2, 0.6)]


def test_logging_a_batch_again_doubles_nothing(tracking: TrackingService) -> None:
    run = tracking.create_run(OWNER)
    point = Metric(key="loss", value=1.5, step=3, timestamp=1000)
    for _ in range(2):
        tracking.log_batch(OWNER, run_id=run.run_id, metrics=[point], params={"a": "b"})
    assert tracking.metric_points(OWNER, run_id=run.run_id, key="loss") == [point]


def test_a_late_point_does_not_become_the_latest(tracking: TrackingService) -> None:
    run = tracking.create_run(OWNER)
    tracking.log_batch(OWNER, run_id=run.run_id, metrics=[Metric(key="loss", value=1.0, step=9)])
    tracking.log_batch(OWNER, run_id=run.run_id, metrics=[Metric(key="loss", value=7.0, step=2)])
    assert tracking.get_run(OWNER, run_id=run.run_id).metrics == {"loss": 1.0}


def test_a_metric_may_be_nan(tracking: TrackingService) -> None:
    run = tracking.create_run(OWNER)
    tracking.log_batch(OWNER, run_id=run.run_id, metrics=[Metric(key="loss", value=math.nan)])
    assert math.isnan(tracking.get_run(OWNER, run_id=run.run_id).metrics["loss"])


def test_a_param_cannot_change_and_the_batch_is_kept_whole_or_not_at_all(tracking: TrackingService) -> None:
    run = tracking.create_run(OWNER, params={"rate": "0.1"})
    with pytest.raises(rules.ParamChanged, match="rate"):
        tracking.log_batch(OWNER, run_id=run.run_id, params={"rate": "0.2"}, metrics=[Metric(key="auc", value=1.0)])
    assert tracking.get_run(OWNER, run_id=run.run_id).metrics == {}


def test_a_deleted_run_takes_nothing_until_it_is_restored(tracking: TrackingService) -> None:
    run = tracking.create_run(OWNER)
    tracking.delete_run(OWNER, run_id=run.run_id)
    with pytest.raises(rules.RunNotActive):
        tracking.log_batch(OWNER, run_id=run.run_id, tags={"a": "b"})
    assert tracking.search_runs(OWNER).runs == []
    tracking.restore_run(OWNER, run_id=run.run_id)
    tracking.log_batch(OWNER, run_id=run.run_id, tags={"a": "b"})
    assert len(tracking.search_runs(OWNER).runs) == 1


def test_pages_give_each_run_once_newest_first(tracking: TrackingService) -> None:
    made = [tracking.create_run(OWNER, experiment="e", tags={"n": str(n % 2)}).run_id for n in range(7)]
    seen, token = [], ""
    while True:
        page = tracking.search_runs(OWNER, experiments=["e"], max_results=3, page_token=token)
        seen += [run.run_id for run in page.runs]
        token = page.next_page_token
        if not token:
            break
    assert seen == made[::-1]
    assert len(tracking.search_runs(OWNER, tags={"n": "0"}).runs) == 4


def test_artifacts_are_listed_read_and_linked(tracking: TrackingService, ledger: Ledger, tmp_path: Path) -> None:
    run = tracking.create_run(OWNER)
    file = tmp_path / "table.csv"
    file.write_text("a,b\n1,2\n")
    tracking.log_artifact(OWNER, run_id=run.run_id, path="plots/roc.svg", content=b"<svg/>")
    kept = tracking.log_artifact_file(OWNER, run_id=run.run_id, path="table.csv", file=file)
    assert [entry.path for entry in tracking.list_artifacts(OWNER, run_id=run.run_id)] == ["plots/roc.svg", "table.csv"]
    below = tracking.list_artifacts(OWNER, run_id=run.run_id, path="plots")
    assert [entry.path for entry in below] == ["plots/roc.svg"]
    assert tracking.read_artifact(OWNER, run_id=run.run_id, path="plots/roc.svg") == b"<svg/>"
    with ledger.read() as connection:
        sources = {edge.source for edge in trace(connection, Ref("artifact", kept.digest)).edges}
    assert f"run:{run.run_id}" in sources


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../b", "a\0b"])
def test_an_artifact_stays_inside_its_run(tracking: TrackingService, path: str) -> None:
    run = tracking.create_run(OWNER)
    with pytest.raises((UnsafePath, InvalidText)):
        tracking.log_artifact(OWNER, run_id=run.run_id, path=path, content=b"")


def test_bad_input_is_refused_with_its_code(tracking: TrackingService) -> None:
    run = tracking.create_run(OWNER, experiment="e")
    with pytest.raises(rules.RunNotFound):
        tracking.get_run(OWNER, run_id="0" * 32)
    with pytest.raises(rules.ExperimentNotFound):
        tracking.get_experiment(OWNER, name="none")
    with pytest.raises(rules.ExperimentExists):
        tracking.create_experiment(OWNER, name="e")
    with pytest.raises(InvalidPageToken):
        tracking.search_runs(OWNER, page_token="%%%")
    with pytest.raises(rules.InvalidMetric):
        tracking.log_batch(OWNER, run_id=run.run_id, metrics=[Metric(key="a", value=1.0, step=2**64)])
    for text in ("a\0b", "\ud800", "x" * 251):
        with pytest.raises(InvalidText):
            tracking.log_batch(OWNER, run_id=run.run_id, tags={text: "v"})
