"""Values of metrics that JSON has no number for are said as words, wherever metrics stand."""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tidemill.tracking import records
from tidemill.tracking.numbers import WORDS, heard, said, sayable
from tidemill.tracking.records import LoggedModel, LoggedModelPage, Metric, MetricHistory, MetricPage, Run, RunPage

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ODD = Metric(key="loss", value=math.nan)
RUN = Run(
    run_id="r",
    experiment_id="0",
    name="n",
    user="u",
    status=records.RunStatus.RUNNING,
    lifecycle_stage="active",
    start_time=NOW,
    metrics={"loss": math.nan, "gain": -math.inf, "auc": 0.5},
)
MODEL = LoggedModel(
    model_id="m",
    experiment_id="0",
    name="n",
    status=records.LoggedModelStatus.READY,
    created_at=NOW,
    updated_at=NOW,
    metrics=[ODD],
)
WHOLE = [
    ODD,
    RUN,
    RunPage(runs=[RUN]),
    MetricPage(metrics=[ODD]),
    MetricHistory(run_id="r", points=[ODD]),
    MODEL,
    LoggedModelPage(models=[MODEL]),
]


@pytest.mark.parametrize("value", WHOLE, ids=lambda value: type(value).__name__)
def test_what_holds_metrics_comes_back_as_it_was(value):
    content = msgspec.json.encode(sayable(value), enc_hook=str)
    again = msgspec.json.decode(content, type=type(value), strict=False)

    assert b'"NaN"' in content
    assert repr(again) == repr(value)


def test_every_record_with_a_number_is_looked_at():
    structs = [kind for kind in vars(records).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    with_numbers = {kind for kind in structs for field in msgspec.structs.fields(kind) if "float" in str(field.type)}
    assert with_numbers == {Metric, Run}
    holders = {kind for kind in structs for field in msgspec.structs.fields(kind) if holds_numbers(field.type)}
    assert holders | with_numbers == {type(value) for value in WHOLE}


def holds_numbers(kind: object) -> bool:
    return any(f".{name}" in str(kind) for name in ("Metric]", "Run]", "LoggedModel]"))


def test_lists_of_them_too():
    assert msgspec.json.encode(sayable([ODD]), enc_hook=str) == b'[{"key":"loss","value":"NaN"}]'


def test_what_is_ordinary_is_left_alone():
    run = msgspec.structs.replace(RUN, metrics={"auc": 0.5})
    assert sayable(run) is run
    assert said(0.5) == 0.5


@pytest.mark.parametrize("word", WORDS)
def test_words_are_heard_as_they_are_said(word):
    metrics: Any = heard([{"key": "a", "value": word}])
    (metric,) = metrics
    assert said(metric["value"]) == word


@pytest.mark.parametrize(
    "other", [None, "x", [1], [{"key": "a", "value": ["NaN"]}], [{"key": "a", "value": "nan"}], [{}]]
)
def test_what_is_no_metric_is_left_for_the_decoder_to_refuse(other):
    assert heard(other) == other
