"""A run keeps what it was told, and says so when it cannot."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import InvalidInput
from tidemill.core.names import InvalidText
from tidemill.core.refs import Ref
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.ledger.audit import read
from tidemill.ledger.lineage import trace
from tidemill.objects import ObjectStore, UnsafePath
from tidemill.tracking import rules
from tidemill.tracking.paging import InvalidPageToken
from tidemill.tracking.records import InputDataset, Metric, Output, RunStatus
from tidemill.tracking.service import TrackingService


def test_a_run_comes_back_with_all_that_was_logged(tracking: TrackingService) -> None:
    run = tracking.create_run(OWNER, experiment="delays", params={"rate": "0.1"}, tags={"kind": "test"})
    points = [Metric(key="auc", value=value, step=step) for step, value in enumerate([0.5, 0.7, 0.6])]
    tracking.log_batch(OWNER, run_id=run.run_id, metrics=points, params={"depth": "4"}, tags={"kind": "real"})
    tracking.log_input(OWNER, run_id=run.run_id, ref="dataset_version:d1", context="training")
    ended = tracking.end_run(OWNER, run_id=run.run_id)
    assert ended.params == {"depth": "4", "rate": "0.1"}
    assert ended.tags == {"kind": "real", "mlflow.runName": run.name}
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


def test_a_filter_goes_together_with_status_and_tags(tracking: TrackingService) -> None:
    good, slow, other = (tracking.create_run(OWNER, tags={"team": "o'ps"}).run_id for _ in range(3))
    for run_id, auc in ((good, 0.9), (slow, 0.8), (other, 0.95)):
        tracking.log_batch(OWNER, run_id=run_id, metrics=[Metric(key="auc", value=auc)])
    tracking.end_run(OWNER, run_id=good)
    tracking.end_run(OWNER, run_id=slow)

    def found(**said: Any) -> list[str]:
        return [run.run_id for run in tracking.search_runs(OWNER, **said).runs]

    assert found(filter="metrics.auc > 0.85", order_by=["metrics.auc DESC"]) == [other, good]
    assert found(filter="metrics.auc > 0.85", status=RunStatus.FINISHED, tags={"team": "o'ps"}) == [good]
    assert found(status=RunStatus.RUNNING) == [other]
    assert found(tags={"team": "nobody"}) == []
    tracking.delete_run(OWNER, run_id=slow)
    assert found(view="deleted") == [slow]
    assert len(found(view="all")) == 3
    for said in ({"filter": "name = 'a') OR (name = 'b'"}, {"tags": {"team": "'\""}}):
        with pytest.raises(InvalidInput):
            found(status=RunStatus.FINISHED, **said)


def test_a_dataset_that_names_a_version_here_is_linked_to_it(
    tracking: TrackingService, ledger: Ledger, objects: ObjectStore, tmp_path: Path
) -> None:
    table = tmp_path / "flights.csv"
    table.write_text("id,late\n1,5\n2,7\n")
    version = DataService(ledger, objects, root=tmp_path).ingest(OWNER, "flights", str(table))
    sources = [
        InputDataset(name="a", digest="x", source='{"uri": "tidemill:flights@1"}', context="training"),
        InputDataset(name="b", digest=version.digest[:8]),
        InputDataset(name="c", digest="x", source="tidemill:nothing@1 or tidemill:flights@@"),
        InputDataset(name="d", digest="0" * 8),
    ]
    linked = []
    for source in sources:
        run_id = tracking.create_run(OWNER).run_id
        tracking.log_inputs(OWNER, run_id=run_id, datasets=[source])
        linked.append(
            f"dataset_version:{version.id}" in {each.ref for each in tracking.get_run(OWNER, run_id=run_id).inputs}
        )
        with ledger.read() as connection:
            above = {edge.source for edge in trace(connection, Ref("run", run_id), "up").edges}
        assert (f"dataset_version:{version.id}" in above) == linked[-1]
    assert linked == [True, True, False, False]


def test_life_leaves_audit_events_and_metrics_leave_none(tracking: TrackingService, ledger: Ledger) -> None:
    run_id = tracking.create_run(OWNER).run_id
    tracking.log_batch(OWNER, run_id=run_id, metrics=[Metric(key="m", value=1.0)], params={"a": "b"}, tags={"c": "d"})
    tracking.log_soon(OWNER, run_id=run_id, metrics=[Metric(key="m", value=2.0, step=1)]).result()
    tracking.end_run(OWNER, run_id=run_id)
    tracking.delete_run(OWNER, run_id=run_id)
    tracking.delete_run(OWNER, run_id=run_id)
    tracking.restore_run(OWNER, run_id=run_id)
    with ledger.read() as connection:
        told = [event.action for event in read(connection, subject=Ref("run", run_id))]
    assert told == ["run.restore", "run.delete", "run.status", "run.create"]


@pytest.mark.parametrize("root", ["run", "run:", "model:1", "experiment:0", ""])
def test_what_has_no_files_is_no_root(tracking: TrackingService, root: str) -> None:
    with pytest.raises(rules.InvalidArtifactRoot):
        tracking.list_folder(OWNER, root=root)


def test_descriptions_over_the_limits_are_refused(tracking: TrackingService) -> None:
    run_id = tracking.create_run(OWNER).run_id
    for wrong in (
        InputDataset(name="", digest="x"),
        InputDataset(name="n", digest="x" * 37),
        InputDataset(name="n", digest="x", schema="s" * 2**20),
    ):
        with pytest.raises(InvalidInput):
            tracking.log_inputs(OWNER, run_id=run_id, datasets=[wrong])
    with pytest.raises(rules.LoggedModelNotFound):
        tracking.log_outputs(OWNER, run_id=run_id, outputs=[Output(model_id="m-none")])
    assert tracking.get_run(OWNER, run_id=run_id).inputs == []


@pytest.mark.parametrize("run_id", ["0", "nightly", "A-b_c", "0f" * 128])
def test_a_run_of_any_fit_id_gets_a_name(tracking: TrackingService, run_id: str) -> None:
    run = tracking.create_run(OWNER, run_id=run_id)
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d+", run.name)
    assert tracking.create_run(OWNER, run_id=run_id) == run


def test_a_run_s_name_is_a_tag_as_mlflow_has_it(tracking: TrackingService) -> None:
    run = tracking.create_run(OWNER)
    assert run.tags == {"mlflow.runName": run.name}
    renamed = tracking.update_run(OWNER, run_id=run.run_id, name="late")
    assert (renamed.name, renamed.tags) == ("late", {"mlflow.runName": "late"})
    assert tracking.search_runs(OWNER, filter="tags.`mlflow.runName` = 'late'").runs == [renamed]


def test_an_experiment_goes_to_the_trash_once_and_comes_back_once(tracking: TrackingService) -> None:
    tracking.create_experiment(OWNER, name="e")
    with pytest.raises(rules.ExperimentNotFound, match="not in the trash"):
        tracking.restore_experiment(OWNER, experiment="e")
    tracking.delete_experiment(OWNER, experiment="e")
    with pytest.raises(rules.ExperimentNotFound, match="in the trash already"):
        tracking.delete_experiment(OWNER, experiment="e")


@pytest.mark.parametrize("place", ["file:///etc", "/etc", "here", "C:\\x", "s3://b/../x", "s3://b/%2e%2e/x"])
def test_a_location_on_this_server_s_disk_is_refused(tracking: TrackingService, place: str) -> None:
    with pytest.raises(rules.InvalidLocation):
        tracking.create_experiment(OWNER, name="e", artifact_location=place)


@pytest.mark.parametrize("key", ["../up", "a//b", "/a", "a/", ".", "..", "a/./b"])
def test_a_key_stays_in_its_group(key: str) -> None:
    with pytest.raises(InvalidInput):
        rules.check_key(key, "metric")
    assert rules.check_key("val/a-b.c d_e", "metric") == "val/a-b.c d_e"
