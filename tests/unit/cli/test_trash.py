"""`tidemill trash` as a person types it."""


def test_an_empty_trash_is_said(tidemill):
    ran = tidemill("trash", "list")

    assert (ran.code, "The trash is empty." in ran.out + ran.err) == (0, True)


def test_what_was_deleted_is_listed_and_comes_back(tidemill):
    run_id = tidemill("runs", "create", "--experiment", "delays", "--json").json["run_id"]
    model_id = tidemill("logged-models", "create", "--name", "tree", "--json").json["model_id"]
    tidemill("runs", "delete", run_id)
    tidemill("logged-models", "delete", model_id)

    assert [each["id"] for each in tidemill("trash", "list", "--json").json] == [model_id, run_id]
    assert [each["kind"] for each in tidemill("trash", "list", "--kind", "run", "--json").json] == ["run"]
    assert model_id in tidemill("trash", "list").out
    tidemill("logged-models", "restore", model_id)
    tidemill("runs", "restore", run_id)
    assert tidemill("trash", "list", "--json").json == []


def test_a_kind_that_there_is_not_is_refused(tidemill):
    assert tidemill("trash", "list", "--kind", "datasets").code == 2
    assert tidemill("trash", "list", "--older-than", "soon").code == 2
