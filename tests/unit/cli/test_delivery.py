"""Gates, endpoints and rollouts as a person types them."""

import io
import json
import warnings

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from tidemill.app import Workspace
from tidemill.core.access import Actor, Role
from tidemill.core.settings import Settings
from tidemill.models.saving import save_model

ANN = Actor("ann", Role.EDITOR)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(1)
    x = rng.normal(size=800)
    late = (x + rng.normal(size=800) > 0).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, c in (("a", 1.0), ("b", 0.5)):
            model = LogisticRegression(C=c).fit(x.reshape(-1, 1), late)
            save_model(model, place / name, example=pl.DataFrame({"x": x[:50]}))
    return place, pl.DataFrame({"x": x, "late": late})


@pytest.fixture
def holdout(tmp_path, folders):
    """Give the reference of a hold-out, in a workspace with two versions of a model."""
    place, table = folders
    with Workspace(Settings(home=tmp_path / "home")) as workspace:
        for name in ("a", "b"):
            workspace.models.register(ANN, name="delay", tree=workspace.objects.put_tree(place / name))
        buffer = io.BytesIO()
        table.write_parquet(buffer)
        return f"artifact:{workspace.objects.put_bytes(buffer.getvalue())}"


def test_a_version_goes_from_gate_to_traffic_and_back(tidemill, holdout):
    judged = tidemill("gates", "evaluate", "delay@1", "--metric", "roc_auc >= 0.6", "--holdout", holdout, "--label",
                      "late")  # fmt: skip
    assert judged.code == 0, judged.err
    assert "delay@1  OPEN" in judged.out
    assert "✓ metric: roc_auc >= 0.6" in judged.out
    assert "surely meets >= 0.6" in judged.out
    assert "┃" in judged.out
    assert "a false pass: at most 0.05" in judged.out
    assert "The gate is open: deploy with `tidemill endpoints deploy" in judged.out

    shut = tidemill("gates", "evaluate", "delay@2", "--metric", "roc_auc >= 0.99", "--check", "leakage", "--holdout",
                    holdout, "--label", "late", "--json")  # fmt: skip
    assert (shut.code, shut.json["status"]) == (1, "shut")
    shown = tidemill("gates", "show", shut.json["id"])
    assert shown.code == 1
    assert "✗ metric: roc_auc >= 0.99" in shown.out
    assert "The gate is shut, because of metric: roc_auc >= 0.99." in shown.out
    assert "SHUT" in shown.out
    assert len(tidemill("gates", "list", "--json").json) == 2

    assert tidemill("endpoints", "create", "delay", "--passthrough", "id").code == 0
    deployed = tidemill("endpoints", "deploy", "delay", "delay@1")
    assert deployed.code == 0, deployed.err
    assert "delay  PROMOTED  rollout" in deployed.out
    refused = tidemill("endpoints", "deploy", "delay", "delay@2")
    assert (refused.code, "gate_shut" in refused.err) == (3, True)
    assert tidemill("endpoints", "deploy", "delay", "delay@2", "--force").code == 0
    back = tidemill("endpoints", "rollback", "delay", "--reason", "complaints")
    assert back.code == 0
    assert "stable  100.0%" in back.out
    assert "delay@1" in back.out
    assert "the data plane does not run" in back.err
    numbers = [each["number"] for each in tidemill("endpoints", "deployments", "delay", "--json").json]
    assert numbers == [2, 1]
    listed = tidemill("rollouts", "list", "--json").json
    assert [each["state"] for each in listed] == ["promoted", "promoted"]
    assert "all traffic at once" in tidemill("rollouts", "show", listed[0]["id"]).out
    assert tidemill("endpoints", "deployment", listed[0]["after"], "--json").json["version"] == 2
    assert tidemill("endpoints", "list", "--json").json[0]["name"] == "delay"
    assert "delay@1" in tidemill("endpoints", "show", "delay").out
    assert tidemill("endpoints", "configure", "delay", "--time", "at", "--json").json["time"] == "at"


def test_a_person_says_yes_or_no(tidemill, holdout):
    asked = tidemill("gates", "evaluate", "delay@1", "--approval", "reviewers", "--holdout", holdout)
    assert asked.code == 0
    assert "… approval: reviewers" in asked.out
    assert "`tidemill gates approve" in asked.out
    (report,) = tidemill("gates", "list", "--json").json
    assert "owner said yes: fine" in tidemill("gates", "approve", report["id"], "--comment", "fine").out
    assert "is shut" in tidemill("gates", "reject", report["id"]).err
    assert "a person said no" in tidemill("gates", "show", report["id"]).out


def test_a_canary_waits_for_a_person(tidemill, holdout):
    for version in (1, 2):
        judged = tidemill("gates", "evaluate", f"delay@{version}", "--metric", "roc_auc >= 0.6", "--holdout", holdout,
                          "--label", "late")  # fmt: skip
        assert judged.code == 0
    tidemill("endpoints", "create", "delay")
    tidemill("endpoints", "deploy", "delay", "delay@1")
    begun = tidemill("endpoints", "deploy", "delay", "delay@2", "--canary", "10%", "--on-timeout", "wait")
    assert "RUNNING" in begun.out
    again = tidemill("endpoints", "deploy", "delay", "delay@2", "--canary", "10%")
    assert (again.code, "rollout_underway" in again.err) == (3, True)
    promoted = tidemill("endpoints", "promote", "delay")
    assert promoted.code == 0, promoted.err
    assert "delay@2" in promoted.out
    assert tidemill("endpoints", "promote", "delay").code == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["gates", "show", "nothing"], 3, "gate_report_not_found"),
        (["gates", "evaluate", "delay@1", "--metric", "roc_acu >= 1", "--holdout", "artifact:x"], 2, "roc_auc"),
        (["gates", "evaluate", "delay@1", "--check", "slices={", "--holdout", "artifact:x"], 2, "no JSON"),
        (["endpoints", "show", "nothing"], 3, "endpoint_not_found"),
        (["endpoints", "create", "../x"], 2, "invalid_name"),
        (["endpoints", "deploy", "a", "b@1", "--canary", "200%"], 2, "invalid_plan"),
        (["rollouts", "show", "nothing"], 3, "rollout_not_found"),
    ],
)
def test_what_is_wrong_is_told_on_stderr(tidemill, words, code, said):
    ran = tidemill(*words)
    assert ran.code == code
    assert said in ran.err
    assert not ran.out


def test_json_is_all_that_is_written_for_programs(tidemill):
    assert json.loads(tidemill("rollouts", "list", "--json").out) == []


def test_tokens_of_an_endpoint_are_made_listed_and_revoked(tidemill, holdout):
    del holdout
    tidemill("endpoints", "create", "delay")
    made = tidemill("endpoints", "tokens", "create", "delay", "--name", "app", "--expires", "90d")
    assert made.code == 0, made.err
    assert made.out.startswith("tme_")
    assert len(made.out.split()) == 1  # stdout holds the secret alone, for $(...)
    assert "not shown again" in made.err

    again = tidemill("endpoints", "tokens", "create", "delay", "--name", "app")
    assert (again.code, "endpoint_token_exists" in again.err) == (3, True)
    assert tidemill("endpoints", "tokens", "list", "delay", "--json").json[0]["name"] == "app"

    assert tidemill("endpoints", "tokens", "revoke", "delay", "app").code == 0
    assert tidemill("endpoints", "tokens", "list", "delay", "--json").json[0]["revoked_at"]
    assert tidemill("endpoints", "tokens", "revoke", "delay", "app").code == 3
