"""Runs as a person types them: numbers that are none, and the way through the trash."""

import pytest


@pytest.mark.parametrize(("text", "word"), [("nan", "NaN"), ("inf", "Infinity"), ("-inf", "-Infinity")])
def test_a_value_that_is_no_ordinary_number_goes_both_ways(tidemill, text, word):
    run_id = tidemill("runs", "create", "--json").json["run_id"]
    ran = tidemill("runs", "log", run_id, "-m", f"loss={text}", "-m", "auc=0.5")
    assert ran.code == 0, ran.err

    assert tidemill("runs", "show", run_id, "--json").json["metrics"] == {"auc": 0.5, "loss": word}
    assert tidemill("runs", "list", "--json").json[0]["metrics"]["loss"] == word
    assert tidemill("runs", "metric", run_id, "loss", "--json").json[0]["value"] == word
    (history,) = tidemill("runs", "metrics", "loss", run_id, "--json").json
    assert history["points"][0]["value"] == word
    for command in (["show", run_id], ["list"], ["metric", run_id, "loss"], ["metrics", "loss", run_id]):
        ran = tidemill("runs", *command)
        assert ran.code == 0, ran.err
        assert text in ran.out.lower()


def test_a_run_comes_back_from_the_trash(tidemill):
    run_id = tidemill("runs", "create", "--json").json["run_id"]
    tidemill("runs", "delete", run_id)
    assert tidemill("runs", "list", "--json").json == []
    assert tidemill("runs", "list", "--deleted", "--json").json[0]["run_id"] == run_id

    tidemill("runs", "restore", run_id)
    assert tidemill("runs", "list", "--json").json[0]["run_id"] == run_id


def test_an_experiment_comes_back_from_the_trash_and_its_name_is_free_after_gc(tidemill):
    tidemill("experiments", "create", "delays")
    tidemill("experiments", "delete", "delays")
    assert [each["name"] for each in tidemill("experiments", "list", "--deleted", "--json").json] == ["delays"]
    assert "experiment_exists" in tidemill("experiments", "create", "delays").err
    assert tidemill("experiments", "restore", "delays").code == 0
    tidemill("experiments", "delete", "delays")

    tidemill("gc", "--older-than", "0s")
    assert tidemill("experiments", "create", "delays", "--json").json["experiment_id"] == "2"


def test_a_model_comes_back_from_the_trash_and_its_name_is_free_after_gc(tidemill):
    tidemill("models", "create", "delay")
    tidemill("models", "create", "other")
    tidemill("models", "delete", "delay")
    assert [each["name"] for each in tidemill("models", "list", "--json").json] == ["other"]
    assert [each["name"] for each in tidemill("models", "list", "--deleted", "--json").json] == ["delay"]
    assert tidemill("models", "restore", "delay").code == 0
    tidemill("models", "delete", "delay")
    assert "model_exists" in tidemill("models", "rename", "other", "delay").err

    tidemill("gc", "--older-than", "0s")
    assert tidemill("models", "rename", "other", "delay").code == 0


def test_a_logged_model_comes_back_from_the_trash_until_gc(tidemill):
    made = tidemill("logged-models", "create", "--name", "net", "--json")
    assert made.code == 0, made.err
    model_id = made.json["model_id"]
    tidemill("logged-models", "delete", model_id)
    assert tidemill("logged-models", "list", "--json").json == []

    assert tidemill("logged-models", "restore", model_id, "--json").json["model_id"] == model_id
    assert [each["model_id"] for each in tidemill("logged-models", "list", "--json").json] == [model_id]
    tidemill("logged-models", "delete", model_id)
    tidemill("gc", "--older-than", "0s")
    assert tidemill("logged-models", "restore", model_id).code == 3


def test_statuses_and_limits_that_are_none_are_named_by_their_option(tidemill):
    run_id = tidemill("runs", "create", "--json").json["run_id"]
    assert tidemill("runs", "list", "--status", "running", "--json").json[0]["run_id"] == run_id
    refused = tidemill("runs", "list", "--status", "TIRED")
    assert (refused.code, "FINISHED" in refused.err.upper()) == (2, True)
    lists = (["runs", "list"], ["experiments", "list"], ["logged-models", "list"], ["models", "search"])
    for words in (*lists, ["models", "find"], ["trash", "list"]):
        refused = tidemill(*words, "--limit", 0)
        assert (refused.code, "--limit" in refused.err) == (2, True), words
