"""`tidemill data profile` on files and on versions."""

import re
from pathlib import Path

import polars as pl
import pytest

from tidemill.server.pages import reports


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a file of rows in the working folder."""
    monkeypatch.chdir(tmp_path)
    frame = pl.DataFrame({"x": [1.5, 2.5, None, 4.0], "y": [3, 5, 7, 8], "kind": ["a", "b", "<b>", "a"]})
    frame.write_csv(tmp_path / "rows.csv")
    frame.write_parquet(tmp_path / "rows.parquet")
    return tmp_path / "rows.csv"


@pytest.mark.parametrize("name", ["rows.csv", "./rows.parquet"])
def test_any_file_is_profiled_without_a_workspace(tidemill, table, name):
    found = tidemill("data", "profile", name)

    assert found.code == 0
    assert "kind" in found.out
    assert not (table.parent / ".tidemill").exists()
    shown = tidemill("data", "profile", name, "--json").json
    assert [(each["name"], each["nulls"]) for each in shown["columns"]] == [("x", 1), ("y", 0), ("kind", 0)]


def test_columns_are_held_against_a_target(tidemill, table):
    found = tidemill("data", "profile", "rows.csv", "--target", "y")
    assert "WITH TARGET" in found.out
    shown = tidemill("data", "profile", "rows.csv", "--target", "y", "--json").json
    assert {each["first"] for each in shown["relations"]} == {"y"}
    assert {each["target"] for each in shown["targets"]} == {"y"}
    assert "unknown_column" in tidemill("data", "profile", "rows.csv", "--target", "z").err


def test_a_report_is_one_file_that_asks_for_nothing(tidemill, table):
    assert tidemill("data", "profile", "rows.csv", "--html", "report.html", "--target", "x").code == 0
    content = table.with_name("report.html").read_text()

    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", content)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", content)
    assert "&lt;b&gt;" in content
    assert "<b>" not in content.split("</head>")[1]
    assert "Look closer" in content


def test_a_report_of_a_wide_table_holds_the_columns_most_worth_a_look(tidemill, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "MOST_REPORTED", 5)
    columns = {f"column {at}": [at, at + 1, None if at == 20 else at] for at in range(30)}
    pl.DataFrame(columns).write_csv(tmp_path / "wide.csv")

    tidemill("data", "profile", tmp_path / "wide.csv", "--target", "column 7", "--html", tmp_path / "wide.html")

    page = (tmp_path / "wide.html").read_text()
    assert page.count('<article class="column"') == 5
    assert page.index('data-name="column 7"') < page.index('data-name="column 20"')
    assert "The 5 of 30 columns that are most worth a look" in page


def test_a_version_is_profiled_and_reported(tidemill, table):
    assert tidemill("data", "add", "rows", "rows.csv").code == 0
    assert "kind" in tidemill("data", "profile", "rows").out
    assert tidemill("data", "profile", "rows@1", "--html", "report.html").code == 0
    assert "First rows" in table.with_name("report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["nothing.csv"], "source_not_found"), (["."], "not_a_table"), (["./rows"], "source_not_found")],
)
def test_what_is_no_file_is_told(tidemill, table, arguments, code):
    assert code in tidemill("data", "profile", *arguments).err
