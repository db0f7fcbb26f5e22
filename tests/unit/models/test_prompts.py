"""Prompts among the registered models: without files, and found by those who ask for them."""

import pytest

from tidemill.core.access import OWNER
from tidemill.ledger import Ledger
from tidemill.models.rules import InvalidSource
from tidemill.models.service import ModelService
from tidemill.objects import ObjectStore

ASKED = {"mlflow.prompt.is_prompt": "true"}
BY_TAG = "tags.`mlflow.prompt.is_prompt` = 'true'"


@pytest.fixture
def models(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    registry = ModelService(ledger, ObjectStore(tmp_path / "objects"), tmp_path / "work")
    registry.create(OWNER, name="greet", tags=ASKED)
    text = {**ASKED, "mlflow.prompt.text": "Hello"}
    registry.create_version(OWNER, name="greet", source="prompt-template", tags=text)
    registry.create(OWNER, name="delay")
    yield registry
    ledger.close()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["delay"]),
        ("name LIKE '%e%'", ["delay"]),
        (BY_TAG, ["greet"]),
        ("tags.`mlflow.prompt.is_prompt` != 'true'", ["delay"]),
        (f"{BY_TAG} OR name = 'delay'", ["delay", "greet"]),
        (f"NOT {BY_TAG}", ["delay"]),
    ],
)
def test_prompts_are_found_by_those_who_ask_for_them(models, text, names):
    assert [each.name for each in models.search(OWNER, filter=text).models] == names


def test_a_version_of_a_prompt_is_its_tags(models):
    assert models.search_versions(OWNER).versions == []
    found = models.search_versions(OWNER, filter=f"{BY_TAG} AND name = 'greet'").versions
    assert [(each.number, each.size, each.tags["mlflow.prompt.text"]) for each in found] == [(1, 0, "Hello")]


@pytest.mark.parametrize(("source", "tags"), [("prompt-template", {}), ("/etc", ASKED), ("other-word", ASKED)])
def test_only_a_prompt_does_without_a_source(models, source, tags):
    with pytest.raises(InvalidSource):
        models.create_version(OWNER, name="greet", source=source, tags=tags)
