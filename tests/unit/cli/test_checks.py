"""Checks as a person types them."""

from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest


@pytest.fixture
def tables(tidemill, tmp_path):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"id": np.arange(600), "x": rng.normal(size=600), "late": rng.random(600) < 0.3})
    frame.write_csv(tmp_path / "train.csv")
    frame.with_columns(pl.col("id") + 500).write_csv(tmp_path / "test.csv")
    for name in ("train", "test"):
        tidemill("data", "add", name, tmp_path / f"{name}.csv", "--key", "id")
    return tmp_path


def test_a_clean_table_passes(tidemill, tables):
    ran = tidemill("checks", "run", "train", "--label", "late")

    assert ran.code == 0
    assert "train@1  integrity  PASS" in ran.out
    assert "- mixed_types: skipped, the table has no column of texts" in ran.out
    assert "/checks/" in ran.err


def test_a_finding_fails_the_command_and_is_written_for_ci(tidemill, tables):
    ran = tidemill("checks", "run", "test", "--against", "train", "--label", "late", "--junit", tables / "out.xml")

    assert ran.code == 1
    assert "✗ key_overlap: 100 of 600 test rows are also in training" in ran.out
    assert int(ET.parse(tables / "out.xml").getroot()[0].get("failures", 0)) >= 1
    (head,) = tidemill("checks", "list", "test", "--json").json
    again = tidemill("checks", "show", head["id"], "--json")
    assert (again.code, again.json["head"]) == (1, head)


def test_settings_of_the_command_line_reach_the_checks(tidemill, tables):
    words = ("--set", "key_overlap.at_most=0.2", "--set", "row_overlap.at_most=1", "--skip", "drift", "--label", "late")

    ran = tidemill("checks", "run", "test", "--against", "train", *words)

    assert ran.code == 0
    assert "- drift: skipped, it was left out" in ran.out
    assert tidemill("checks", "run", "test", "--set", "outliers").code == 2


def test_suites_are_listed_with_what_they_ask(tidemill):
    ran = tidemill("checks", "suites")

    assert "multivariate_drift" in ran.out


def test_personal_data_of_a_file_and_of_a_version_is_told_masked(tidemill, tmp_path):
    path = tmp_path / "people.csv"
    pl.DataFrame({"id": range(90), "contact": ["ann.lee@example.com"] * 90}).write_csv(path)
    tidemill("data", "add", "people", path)

    for source in (path, "people@1"):
        ran = tidemill("data", "personal", source)
        assert ran.code == 0
        assert "contact  email  values    100.0%" in ran.out
        assert "a•••@•••.com" in ran.out
        assert "Looked at 90 of 90 rows and 2 columns" in ran.err
    assert tidemill("data", "personal", "people@1", "--json").json["columns"][0]["kind"] == "email"
    assert "ann.lee" not in tidemill("data", "sample", "people").out
    assert "ann.lee" in tidemill("data", "sample", "people", "--unmasked").out
