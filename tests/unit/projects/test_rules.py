"""A project file whose parts do not fit together is refused with what to write."""

import pytest

from tidemill.core.errors import InvalidInput
from tidemill.projects.reading import parse_project
from tidemill.projects.rules import GateAbsent, check_spec

PIPELINE = "project: a\npipeline: pipeline.py:train\n"
MODEL = PIPELINE + "model: {name: churn, label: left}\n"
DEPLOY = "deploy: {endpoint: churn}\n"
GATE = "gate: [{metric: roc_auc >= 0.6}]\n"


@pytest.mark.parametrize(
    "text", ["project: a\n", PIPELINE, MODEL, MODEL + "gate: []\n", MODEL + GATE, MODEL + GATE + DEPLOY]
)
def test_what_deploys_nothing_needs_no_gate(text: str) -> None:
    check_spec(parse_project(text.encode()))


@pytest.mark.parametrize("gate", ["", "gate: []\n"])
def test_what_deploys_needs_a_gate_and_is_told_what_to_write(gate: str) -> None:
    with pytest.raises(GateAbsent, match="needs a gate") as caught:
        check_spec(parse_project((MODEL + gate + DEPLOY).encode()))
    assert "gate: [{metric: roc_auc" in caught.value.hint
    assert "gate: [{approval: reviewers}]" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PIPELINE + DEPLOY + GATE, "`deploy` needs to know what"),
        (PIPELINE + GATE, "`gate` needs to know what it judges"),
        ("project: a\nmodel: {name: churn, label: left}\n", "`model` needs a pipeline"),
        (MODEL + "monitor: {window: 1d}\n", "`monitor` needs an endpoint"),
        (MODEL + "retrain: {cooldown: 1h}\n", "`retrain` needs an endpoint"),
    ],
)
def test_a_part_that_lacks_another_is_named(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_spec(parse_project(text.encode()))
    assert said in caught.value.message
    assert caught.value.hint
