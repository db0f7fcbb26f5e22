import math

import pytest

from tidemill.objects import ObjectStore
from tidemill.objects.trees import UnsafePath
from tidemill.pipelines import context
from tidemill.pipelines.errors import InvalidMetrics


@pytest.fixture
def log(tmp_path):
    log = context.StepLog(ObjectStore(tmp_path / "store"), lambda _: None)
    token = context.step_log.set(log)
    yield log
    context.step_log.reset(token)


def test_outside_of_a_run_logging_goes_nowhere():
    context.log_metric("a", 1)
    context.log_params({"a": 1})
    context.set_tags({"a": 1})
    context.log_artifact("/absent")


def test_points_count_their_steps_where_none_are_given(log):
    context.log_metric("loss", 3)
    context.log_metrics({"loss": 2.0, "auc": float("nan")})
    context.log_metric("loss", 1, step=10)
    context.log_metric("loss", 0)

    points = log.finish().metrics
    assert [(one.key, one.step) for one in points] == [("loss", 0), ("loss", 1), ("auc", 0), ("loss", 10), ("loss", 11)]
    assert math.isnan(points[2].value)


@pytest.mark.parametrize(("name", "value"), [("a", "x"), ("a", None), ("a", [1]), ("", 1), (3, 1)])
def test_what_is_no_metric_is_refused(log, name, value):
    with pytest.raises(InvalidMetrics):
        context.log_metric(name, value)


def test_points_have_a_limit(log, monkeypatch):
    monkeypatch.setattr(context, "MOST_METRICS", 3)
    for number in range(3):
        context.log_metric("a", number)

    with pytest.raises(InvalidMetrics, match="over 3"):
        context.log_metric("a", 3)


def test_artifacts_stay_inside_the_run(log, tmp_path):
    (tmp_path / "plot.txt").write_text("x")
    context.log_artifact(tmp_path / "plot.txt", "plots/one.txt")

    with pytest.raises(UnsafePath):
        context.log_artifact(tmp_path / "plot.txt", "../escape")
    assert [one.path for one in log.finish().artifacts] == ["plots/one.txt"]
