"""Tokens, audit, trace, fsck, backup and restore as a person types them."""

import json
import re
from pathlib import Path

import pytest


def test_a_token_is_shown_once_on_stdout_alone(tidemill):
    made = tidemill("tokens", "create", "ann", "--role", "admin", "--expires-in", "90d")

    assert made.code == 0
    assert re.fullmatch(r"tm_[A-Za-z0-9_-]{43}\n", made.out)
    assert "not shown again" in made.err
    assert made.out.strip() not in tidemill("tokens", "list").out
    assert tidemill("tokens", "list", "--json").json[0]["name"] == "ann"


def test_a_token_is_revoked(tidemill):
    tidemill("tokens", "create", "ann")

    assert tidemill("tokens", "revoke", "ann", "--json").json["revoked_at"]
    again = tidemill("tokens", "revoke", "ann")
    assert (again.code, "token_not_found" in again.err) == (3, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(["tokens", "create", "a/b"], 2, "invalid_name"),
     (["tokens", "create", "a", "--role", "king"], 2, "'king' is not one of"),
     (["tokens", "create", "owner"], 2, "name_reserved"), (["tokens", "create"], 2, "Missing argument"),
     (["trace", "nothing"], 3, "thing_not_found"), (["audit", "--limit", "0"], 2, "invalid_limit"),
     (["audit", "--of", "nonsense"], 2, "invalid_ref"), (["tokenz"], 2, "Did you mean 'tokens'")],
)  # fmt: skip
def test_what_does_not_work_says_why_with_the_right_exit_code(tidemill, words, code, said):
    ran = tidemill(*words)

    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


@pytest.mark.parametrize(
    "words", [["fsck"], ["endpoints", "list"], ["trace", "x"], ["audit"], ["deliveries", "show", "d"], ["runs", "list"]]
)
def test_where_there_is_no_workspace_reading_makes_none(bare, tmp_path, words):
    ran = bare(*words)

    assert (ran.code, ran.out, "workspace_missing" in ran.err) == (3, "", True)
    assert "tidemill init" in ran.err
    assert not (tmp_path / "home").exists()


def test_a_backup_that_is_not_there_is_said(bare):
    ran = bare("restore", "nowhere.tar")
    assert (ran.code, "backup_missing" in ran.err) == (3, True)


def test_what_writes_makes_the_workspace(bare, tmp_path):
    assert bare("experiments", "create", "first").code == 0
    assert "first" in [each["name"] for each in bare("experiments", "list", "--json").json]
    assert (tmp_path / "home" / "ledger.sqlite").exists()


@pytest.mark.parametrize("at", range(3))
def test_home_and_json_may_stand_before_the_verb(tidemill, tmp_path, at):
    words = ["endpoints", "list"]
    assert tidemill(*words[:at], "--json", *words[at:]).json == []
    ran = tidemill(*words[:at], "--home", tmp_path / "other", *words[at:])
    assert (ran.code, "workspace_missing" in ran.err, str(tmp_path / "other") in ran.err) == (3, True, True)


def test_what_is_said_twice_is_said_last(tidemill, tmp_path):
    ran = tidemill("--home", tmp_path / "one", "endpoints", "list", "--home", tmp_path / "two")
    assert str(tmp_path / "two") in ran.err


def test_who_one_is(tidemill):
    assert tidemill("tokens", "whoami", "--json").json["role"] == "admin"


def test_what_was_done_is_listed_newest_first(tidemill):
    tidemill("tokens", "create", "ann")
    tidemill("tokens", "revoke", "ann")

    assert [event["action"] for event in tidemill("audit", "--json").json] == ["token.revoke", "token.create"]
    assert "token.revoke" in tidemill("audit", "--limit", 1).out
    assert [event["seq"] for event in tidemill("audit", "--before", 2, "--json").json] == [1]


def run_with_artifact(tidemill, tmp_path: Path) -> tuple[str, str]:
    run = tidemill("runs", "create", "--json").json["run_id"]
    (tmp_path / "notes.txt").write_text("hello")
    digest = tidemill("runs", "attach", run, tmp_path / "notes.txt", "--json").json["digest"]
    return run, digest


def test_a_thing_is_traced_to_what_it_came_from(tidemill, tmp_path):
    run, digest = run_with_artifact(tidemill, tmp_path)

    up = tidemill("trace", f"artifact:{digest}")
    assert up.out.splitlines()[0] == f"artifact:{digest}"
    assert f"<- produced - run:{run}" in up.out
    assert f"- produced -> artifact:{digest}" in tidemill("trace", run, "--down").out
    assert tidemill("trace", run, "--both", "--json").json["complete"] is True


def test_a_sound_workspace_exits_0_and_a_damaged_one_1(tidemill, tmp_path):
    _, digest = run_with_artifact(tidemill, tmp_path)
    assert tidemill("fsck").code == 0

    (tmp_path / "home" / "objects" / digest[:2] / digest[2:]).unlink()

    damaged = tidemill("fsck")
    assert damaged.code == 1
    assert "it is missing" in damaged.out
    assert "path=notes.txt" in damaged.out
    assert json.loads(tidemill("fsck", "--json").out)["is_clean"] is False


@pytest.mark.parametrize("name", ["b.tar", "folder"])
def test_a_workspace_goes_to_a_backup_and_back(tidemill, tmp_path, name):
    run, _ = run_with_artifact(tidemill, tmp_path)

    saved = tidemill("backup", tmp_path / name)
    assert (saved.code, saved.out) == (0, "")
    assert "2 files" in saved.err
    assert tidemill("backup", tmp_path / name).code == 3
    assert tidemill("backup", tmp_path / name, "--force").code == 0

    assert tidemill("restore", tmp_path / name).code == 3
    assert tidemill("restore", tmp_path / name, "--home", tmp_path / "again", "--json").json["files"] == 2
    assert tidemill("runs", "show", run, "--home", tmp_path / "again", "--json").json["run_id"] == run
    forced = tidemill("restore", tmp_path / name, "--force")
    assert forced.code == 0
    assert "what was there is now in" in forced.err


def test_a_dataset_version_is_traced_by_its_name_both_ways(tidemill, tmp_path):
    file = tmp_path / "orders.csv"
    for text in ("n\n1\n", "n\n1\n2\n", "n\n1\n2\n3\n"):
        file.write_text(text)
        tidemill("data", "add", "orders", str(file))

    said = tidemill("trace", "orders@2").out.splitlines()

    assert re.fullmatch(r"dataset_version:[0-9a-f]{32}  orders@2", said[0])
    assert any(re.fullmatch(r"   <- ingested - source:[0-9a-f]{64}  .*orders\.csv", line) for line in said)
    assert any(re.fullmatch(r"   <- previous - dataset_version:[0-9a-f]{32}  orders@1", line) for line in said)
    assert any(re.fullmatch(r"   - previous -> dataset_version:[0-9a-f]{32}  orders@3", line) for line in said)
    assert tidemill("trace", "orders@9").code == 3
