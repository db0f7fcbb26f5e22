"""Datasets as a person types them."""

import pytest

FIRST = "id,x\n1,2.5\n2,9\n3,1\n"
SECOND = "id,x,y\n1,2.5,a\n3,2,b\n4,1,c\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text(FIRST)
    (tmp_path / "b.csv").write_text(SECOND)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_is_added_looked_at_and_compared(tidemill, folder, monkeypatch):
    del folder
    first = tidemill("data", "add", "t", "a.csv", "--key", "id", "--time", "id")
    assert (first.code, first.out) == (0, "t@1\n")
    assert "3 rows, 0 put aside" in first.err
    assert "holds this already" in tidemill("data", "add", "t", "a.csv", "-k", "id", "--time", "id").err
    monkeypatch.chdir("below")
    assert tidemill("data", "add", "t", "../b.csv", "-k", "id").out == "t@2\n"

    assert tidemill("data", "list", "--json").json[0]["latest"] == 2
    assert [each["number"] for each in tidemill("data", "log", "t", "--json").json] == [2, 1]
    shown = tidemill("data", "show", "t@1").out
    assert "a.csv" in shown
    assert "float64" in shown
    assert [line.split()[0] for line in tidemill("data", "profile", "t").out.splitlines()] == ["NAME", "id", "x", "y"]
    assert tidemill("data", "sample", "t@1", "-n", 1, "--json").json["rows"] == [["1", "2.5"]]
    said = tidemill("data", "diff", "t@1", "t").out
    assert "+ column y: text" in said
    assert "by id: 1 added, 1 removed, 1 changed, 1 unchanged" in said
    assert "~ id=3  x: 1.0 -> 2.0" in said
    assert "hold the same" in tidemill("data", "diff", "t", "t@2").err
    assert tidemill("data", "diff", "t@1", "t", "--json").json["rows"]["added"] == 1


def test_rules_come_from_a_file_and_the_command_line(tidemill, folder):
    (folder / "rules.yaml").write_text("x: {between: [0, 100]}\nid: {unique: true}\n")
    words = ["data", "add", "t", "a.csv", "--rules-file", "rules.yaml", "--rule", "x={between: [0, 3]}"]

    refused = tidemill(*words)
    assert refused.code == 2
    assert "bad_rows" in refused.err
    assert "1 put aside" in tidemill(*words, "--on-bad-rows", "quarantine").err
    report = tidemill("data", "report", "t").out
    assert "between  x" in report
    assert tidemill("data", "report", "t", "--json").json["quarantined"] == 1
    aside = tidemill("data", "sample", "t", "--quarantined").out
    assert "_RULE" in aside
    assert "between(x)" in aside


def test_files_of_a_pattern_are_appended(tidemill, folder):
    tidemill("data", "add", "t", "a*.csv", "--key", "id")
    (folder / "a2.csv").write_text("id,x\n7,2.5\n")

    added = tidemill("data", "add", "t", "below/../a*.csv", "--key", "id", "--append")
    assert "4 rows" in added.err, added.err


def test_a_tag_points_and_is_removed(tidemill, folder):
    del folder
    tidemill("data", "add", "t", "a.csv")

    assert tidemill("data", "tag", "t@1", "gold", "--json").json["tags"] == ["gold"]
    assert tidemill("data", "show", "t@gold", "--json").json["number"] == 1
    assert tidemill("data", "untag", "t", "gold").code == 0
    assert tidemill("data", "show", "t@gold").code == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(["add", "t", "none-*.csv"], 3, "source_not_found"), (["add", "t", "a.csv", "--rule", "x"], 2, "not KEY=VALUE"),
     (["add", "t", "a.csv", "--rule", "x={"], 2, "is not YAML"), (["show", "none"], 3, "tidemill data add"),
     (["add", "t", "a.csv", "--rules-file", "a.csv"], 2, "holds no rules"),
     (["add", "t", "a.csv", "--rule", "x={betwen: 1}"], 2, "between"), (["log", "none"], 3, "dataset_not_found")],
)  # fmt: skip
def test_what_does_not_work_says_why(tidemill, folder, words, code, said):
    del folder
    ran = tidemill("data", *words)

    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_the_mean_of_moments_is_not_told_as_a_number(tidemill, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("at,x\n2024-01-01 10:00:00,1\n2024-01-03 10:00:00,3\n")
    tidemill("data", "add", "t", table)

    at, x = tidemill("data", "profile", "t").out.splitlines()[1:]
    assert at.split()[-2:] == ["-", "-"]
    assert x.split()[-2] == "2"
    assert tidemill("data", "profile", "t", "--json").json["columns"][0]["mean"] is not None


def test_versions_and_datasets_go_to_the_trash_and_come_back(tidemill, folder):
    del folder
    tidemill("data", "add", "t", "a.csv")
    tidemill("data", "add", "t", "b.csv")
    assert "Take it out with `tidemill data restore t@1`" in tidemill("data", "delete", "t@1").err
    assert "data restore t@1" in tidemill("data", "show", "t@1").err
    assert tidemill("trash", "list", "--kind", "dataset_version", "--json").json[0]["name"] == "t@1"
    assert tidemill("data", "restore", "t@1", "--json").json["number"] == 1
    assert tidemill("data", "restore", "t@gold").code == 2
    tidemill("data", "delete", "t")
    assert "No datasets yet" in tidemill("data", "list").err
    assert tidemill("data", "restore", "t", "--json").json["latest"] == 2
    tidemill("data", "delete", "t@1")
    assert tidemill("gc", "--older-than", "0s", "--json").json["removed"]["dataset versions"] == 1
    assert [each["number"] for each in tidemill("data", "removed", "t", "--json").json] == [1]
    assert "was removed for good" in tidemill("data", "show", "t@1").err


def test_several_files_become_one_version_as_a_shell_names_them(tidemill, folder):
    (folder / "c.csv").write_text("id,x\n5,6\n")
    made = tidemill("data", "add", "t", "a.csv", "c.csv", "./a.csv", "--json").json

    assert [part["source"]["name"].rpartition("/")[2] for part in made["parts"]] == ["a.csv", "c.csv"]
    assert made["source"]["uri"] == f"3 files of {folder}"
    assert tidemill("data", "add", "t", "a.csv", "below").code == 2
    assert tidemill("data", "add", "t", "a.csv", "sqlite:///x.db#table=t").code == 2


def test_a_folder_of_tables_is_kept_as_files_and_told_so(tidemill, folder):
    (folder / "below" / "a.csv").write_text(FIRST)

    assert f"tidemill data add f-table '{folder}/below/*.csv'" in tidemill("data", "add", "f", "below").err
    assert "f-table" not in tidemill("data", "add", "g", "below", "--as-files").err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(["add", "t", "aa.csv"], 3, "Did you mean 'a.csv'?"), (["show", ""], 2, "A name is empty"),
     (["sample", "t", "-n", "0"], 2, "0 is not in the range"), (["add", "größe", "a.csv"], 2, "'größe' is not a name"),
     (["profile", "a.csv", "--html", "nowhere/p.html"], 2, "nowhere/p.html cannot be written"),
     (["progress", "t"], 0, "Nothing is under way for t"), (["progress"], 0, "Nothing is under way."),
     (["watch", "t", "nowhere", "--once"], 0, "There is no folder")],
)  # fmt: skip
@pytest.mark.usefixtures("folder")
def test_what_does_not_work_says_what_to_do(tidemill, words, code, said):
    tidemill("data", "add", "t", "a.csv")
    ran = tidemill("data", *words)

    assert (ran.code, said in ran.err) == (code, True), ran.err


def test_the_mean_of_a_moment_is_not_told_in_seconds(tidemill, folder):
    for name, day in (("a.csv", "02"), ("b.csv", "03")):
        (folder / name).write_text("id,day\n" + "".join(f"{at},2026-01-{day}\n" for at in range(50)))
        tidemill("data", "add", "t", name)
    found = {each["column"]: each for each in tidemill("data", "diff", "t@1", "t@2", "--json").json["distributions"]}

    assert found["day"]["mean_after"] is None
