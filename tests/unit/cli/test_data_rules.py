"""Rules as a person types them: held against what is there, found in it, and told to CI."""

import json
from xml.etree.ElementTree import parse

import pytest

ROWS = "id,carrier,out,back\n" + "".join(
    f"{i},{('UA', 'AA')[i % 2]},2026-01-01T{i % 20:02}:00,2026-01-01T{i % 20 + 2:02}:30\n" for i in range(120)
)
BAD = ROWS + "3,XX,2026-01-02T05:00,2026-01-02T04:00\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "good.csv").write_text(ROWS)
    (tmp_path / "bad.csv").write_text(BAD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_from_a_file_to_suggested_rules_to_a_broken_file(tidemill, folder):
    tidemill("data", "add", "flights", "good.csv", "-k", "id")
    written = tidemill("data", "suggest-rules", "flights", "--yaml").out
    (folder / "rules.yaml").write_text(written)
    assert "in: [AA, UA]" in written
    assert "# 0 of 120 rows are null" in written
    assert "no value occurs twice" in tidemill("data", "suggest-rules", "flights").out

    assert tidemill("data", "check", "flights", "--rules-file", "rules.yaml").code == 0
    found = tidemill("data", "check", "bad.csv", "--rules-file", "rules.yaml", "-k", "id", "--junit", "found.xml")

    assert found.code == 1
    assert "in(carrier): 1 of 121 rows break in [AA, UA]." in found.out
    assert "row 121: carrier = XX" in found.out
    assert "expect: back >= out: 1 of 121 rows" in found.out
    assert "1 of 121 rows would be put aside" in found.err
    suite = parse(folder / "found.xml").getroot()[0]
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert suite.get("failures") == str(len(failed))
    assert {"in(carrier)", "unique(id)", "key(id)", "expect: back >= out"} <= set(failed)


def test_a_file_is_held_to_the_rules_of_a_version(tidemill, folder):
    del folder
    tidemill("data", "add", "flights", "good.csv", "-k", "id", "--rule", "carrier={in: [UA, AA]}")

    assert tidemill("data", "check", "good.csv", "--like", "flights").code == 0
    found = tidemill("data", "check", "bad.csv", "--like", "flights", "--json")

    assert (found.code, found.json["report"]["quarantined"]) == (1, 1)
    assert "expect" not in tidemill("data", "check", "flights").out


def test_a_report_is_told_to_ci(tidemill, folder):
    tidemill("data", "add", "f", "bad.csv", "--rule", "carrier={in: [UA, AA]}", "--on-bad-rows", "quarantine")

    assert "in(carrier)" in tidemill("data", "report", "f", "--junit", "report.xml").out

    suite = parse(folder / "report.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")
    assert "were put aside" in str(suite[0].findtext("system-out"))


def test_a_file_is_checked_where_there_is_no_workspace_and_none_is_made(bare, folder):
    assert bare("data", "check", "good.csv", "--rule", "id={unique: true}").code == 0
    assert bare("data", "check", "bad.csv", "--rule", "id={unique: true}").code == 1
    assert "no rules to hold them to" in bare("data", "check", "good.csv").err
    assert not (folder / "home").exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("r.yaml", "a: " + "[" * 5000 + "]" * 5000, "nested too deep"),
        ("r.json", "[" * 5000 + "]" * 5000, "nested too deep"),
        ("r.yaml", "a: {in: [" + "1," * 600_000 + "1]}", "more than"),
        ("r.yaml", "a: &a [1, 1]\nb: [" + "*a, " * 90 + "*a]\n", "are '[1"),
        ("r.yaml", "a: {b", "is not YAML"),
        ("r.json", "{", "is not JSON"),
        ("r.yaml", "5", "no rules by column"),
        ("r.json", '{"id": {"unik": true}}', "'unique'"),
        ("r.yaml", "id: {expect: 'id >= bck'}", "'back'"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_rules_that_cannot_be_used_say_why(bare, folder, name, text, said):
    (folder / name).write_text(text)

    ran = bare("data", "check", "good.csv", "--rules-file", name)

    assert ran.code == 2
    assert said in ran.err


def test_rules_in_json_are_rules(bare, folder):
    (folder / "rules.json").write_text(json.dumps({"id": {"between": [0, 50]}}))

    assert "69 of 120" in bare("data", "check", "good.csv", "--rules-file", "rules.json").out


def test_what_another_source_gives_is_checked_without_keeping_it(bare, folder):
    (folder / "jobs.py").write_text("def rows(count='1'):\n    return [{'n': i} for i in range(int(count))]\n")

    found = bare("data", "check", "python:jobs:rows#count=3", "--rule", "n={between: [0, 1]}")

    assert found.code == 1, found.err
    assert "row 3: n = 2" in found.out
    assert not (folder / "home").exists()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [("id: {nulls: never}\ncarrier:\n  nulls: never\n  betwen: [UA]\n", 4, "Did you mean 'between'?"),
     ("id: {nulls: never}\n\ncarier: {in: [UA]}\n", 3, "Did you mean 'carrier'?"),
     ("table:\n  rows: {between: [3, null]}\n  expect:\n    - out < bakk\n", 3, "Did you mean 'back'?"),
     ("id: {nulls: never}\ncarrier: {in: [UA\n", 3, "is not YAML")],
)  # fmt: skip
def test_a_slip_in_a_file_of_rules_is_told_with_its_line(tidemill, folder, text, line, said):
    (folder / "rules.yaml").write_text(text)

    for words in (["check", "good.csv"], ["add", "t", "good.csv"]):
        ran = tidemill("data", *words, "--rules-file", "rules.yaml")
        assert (ran.code, f"rules.yaml, line {line}" in ran.err, said in ran.err) == (2, True, True), ran.err
