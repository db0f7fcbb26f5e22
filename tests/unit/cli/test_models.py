"""Models as a person types them."""

import warnings

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from tidemill.app import Workspace
from tidemill.core.settings import Settings
from tidemill.models.saving import save_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("models") / "a"
    x = np.linspace(-1, 1, 60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression().fit(x.reshape(-1, 1), (x > 0).astype(int))
        save_model(model, place, example=pl.DataFrame({"x": x}))
    return place


@pytest.fixture
def digest(tmp_path, folder):
    """Give the digest of a model folder that is stored in the workspace."""
    with Workspace(Settings(home=tmp_path / "home")) as workspace:
        return workspace.objects.put_tree(folder)


def test_a_model_is_registered_named_and_described(tidemill, digest):
    run = tidemill("runs", "create", "--json").json["run_id"]

    made = tidemill("models", "register", "delay", digest, "--run", run, "--description", "first", "-t", "team=a")
    assert made.code == 0, made.err
    assert "x: double" in made.out
    assert tidemill("models", "register", "delay", digest, "--json").json["number"] == 2
    assert tidemill("models", "list", "--search", "ela", "--json").json[0]["latest"] == 2
    assert tidemill("models", "list", "--search", "none", "--json").json == []
    assert [each["number"] for each in tidemill("models", "versions", "delay", "--json").json] == [2, 1]
    assert [each["number"] for each in tidemill("models", "of-run", run, "--json").json] == [1]

    assert tidemill("models", "alias", "delay", "champion", 1).code == 0
    assert tidemill("models", "show", "delay@champion", "--json").json["description"] == "first"
    assert "champion=1" in tidemill("models", "list").out
    assert tidemill("models", "unalias", "delay", "champion").code == 0
    assert tidemill("models", "show", "delay@champion").code == 3

    told = tidemill("models", "describe", "delay@1", "--tag", "stage=gold", "--json").json
    assert told["tags"] == {"team": "a", "stage": "gold"}
    assert told["description"] == "first"
    assert tidemill("models", "describe", "delay@1", "--description", "", "--json").json["description"] == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(["show", "none"], 3, "tidemill models register"), (["register", "m", "0"], 2, "digest"),
     (["alias", "m", "a", "x"], 2, "not a valid integer"), (["alias", "m", "latest", "1"], 2, "invalid_alias"),
     (["describe", "m"], 2, "--description or --tag"), (["versions", "m"], 3, "model_not_found")],
)  # fmt: skip
def test_what_does_not_work_says_why(tidemill, words, code, said):
    ran = tidemill("models", *words)

    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_searches_take_the_options_of_every_list(tidemill):
    for name in ("ash", "beech", "cedar"):
        tidemill("models", "create", name)
    found = tidemill("models", "search", "--order-by", "name DESC", "--limit", 2, "--json").json
    assert [model["name"] for model in found["models"]] == ["cedar", "beech"]


def test_what_is_not_in_the_trash_is_looked_for_there(tidemill):
    tidemill("models", "create", "ash")
    refused = tidemill("models", "restore", "ash")
    assert (refused.code, "tidemill trash list" in refused.err) == (3, True)
