"""Suites over dataset versions, their reports, and the ways to read them."""

from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest

from tidemill.app import Workspace
from tidemill.checks.errors import ColumnMissing, InvalidParam, UnknownSuite
from tidemill.checks.outcome import Verdict
from tidemill.cli.junit import junit_xml
from tidemill.core.access import OWNER
from tidemill.core.refs import Ref
from tidemill.core.settings import Settings
from tidemill.data.checking.service import CheckReportNotFound, WrongSuite
from tidemill.ledger.lineage import trace

START = datetime(2013, 1, 1)  # noqa: DTZ001 - columns hold times without a zone


@pytest.fixture
def workspace(tmp_path):
    with Workspace(Settings(home=tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def add(workspace, tmp_path):
    def make(name, seed, start, rows=800, **more):
        rng = np.random.default_rng(seed)
        frame = pl.DataFrame(
            {
                "id": np.arange(start, start + rows),
                "at": [START + timedelta(minutes=start + at) for at in range(rows)],
                "x": rng.normal(size=rows),
                "carrier": rng.choice(["UA", "AA"], rows),
                "late": rng.random(rows) < 0.3,
            }
        ).with_columns(**more)
        path = tmp_path / f"{name}.parquet"
        frame.write_parquet(path)
        return workspace.data.ingest(OWNER, name, str(path), key=["id"], time="at")

    return make


def test_a_clean_table_passes_and_the_report_is_kept_with_its_lineage(workspace, add):
    version = add("train", 0, 0)

    made = workspace.checks.run(OWNER, "train", label="late")

    assert made.head.verdict is Verdict.PASS
    assert (made.head.version, made.head.rows, made.head.counts) == ("train@1", 800, {"pass": 15})
    assert workspace.checks.get_report(OWNER, made.head.id) == made
    with workspace.ledger.read() as connection:
        edges = trace(connection, Ref("check_report", made.head.id), "up").edges
    assert [(edge.source, edge.relation) for edge in edges][:1] == [(f"dataset_version:{version.id}", "checked_in")]
    assert workspace.maintenance.fsck(OWNER).is_clean


def test_a_test_is_held_against_its_training(workspace, add):
    add("train", 0, 0)
    add("test", 1, 790, carrier=pl.lit("B6"))

    made = workspace.checks.run(OWNER, "test", against="train", label="late")

    verdicts = {outcome.check: outcome.verdict for outcome in made.findings.outcomes}
    assert made.head.suite == "train-test"
    assert (made.head.against, made.head.rows_against) == ("train@1", 800)
    assert made.head.verdict is Verdict.FAIL
    assert verdicts["key_overlap"] is verdicts["time_overlap"] is verdicts["drift"] is Verdict.FAIL
    assert verdicts["new_categories"] is Verdict.WARN
    assert verdicts["label_drift"] is Verdict.PASS


def test_reports_are_listed_by_dataset_and_version(workspace, add):
    add("train", 0, 0)
    add("train", 1, 0)
    add("other", 2, 0)
    reports = [workspace.checks.run(OWNER, ref).head for ref in ("train@1", "train@2", "other")]

    assert [head.id for head in workspace.checks.list_reports(OWNER)] == [head.id for head in reversed(reports)]
    assert [head.version for head in workspace.checks.list_reports(OWNER, ref="train")] == ["train@2", "train@1"]
    assert workspace.checks.list_reports(OWNER, ref="train@1") == reports[:1]
    assert workspace.checks.list_reports(OWNER, limit=1) == reports[-1:]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"suite": "integrty"}, UnknownSuite),
        ({"suite": "train-test"}, WrongSuite),
        ({"suite": "integrity", "against": "train"}, WrongSuite),
        ({"label": "lat"}, ColumnMissing),
        ({"features": ["y"]}, ColumnMissing),
        ({"settings": {"outliers": {"at_mots": 1}}}, InvalidParam),
    ],
)
def test_what_cannot_be_run_is_refused_and_leaves_nothing(workspace, add, options, error):
    add("train", 0, 0)

    with pytest.raises(error) as raised:
        workspace.checks.run(OWNER, "train", **options)

    assert raised.value.hint
    assert workspace.checks.list_reports(OWNER) == []


def test_settings_are_part_of_the_report(workspace, add):
    add("train", 0, 0)

    made = workspace.checks.run(OWNER, "train", settings={"outliers": False, "duplicates": {"at_most": 0.5}})

    assert made.findings.settings == {"outliers": False, "duplicates": {"at_most": 0.5}}
    assert made.findings.skipped["outliers"] == "it was left out"


def test_a_report_that_is_not_there_is_said(workspace):
    with pytest.raises(CheckReportNotFound):
        workspace.checks.get_report(OWNER, "nothing")


def test_every_check_of_every_suite_says_what_it_asks(workspace):
    told = workspace.checks.suites(OWNER)

    assert {info.name for info in told} == {"integrity", "train-test"}
    assert all(info.asks.endswith(".") for info in told)


def test_a_report_is_a_junit_test_suite(workspace, add):
    add("train", 0, 0, carrier=pl.lit("\x01?!"), one=pl.lit(1))
    report = workspace.checks.run(OWNER, "train", settings={"single_value": {"severity": "fail"}})

    suite = ET.fromstring(junit_xml(report))[0]

    cases: dict[str | None, Any] = {case.get("name"): case for case in suite}
    assert suite.get("tests") == str(len(cases)) == "15"
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "4")
    assert "one" in cases["single_value"].find("failure").get("message")
    assert "?!" in cases["special_characters"].find("system-out").text
    assert cases["class_balance"].find("skipped").get("message") == "no label is given"


def test_reports_tell_no_value_of_a_personal_column(workspace, add):
    # A variant and a special character, names that say nothing by themselves, and classes of people.
    names = ["Ada Secret", "ada secret", "!!Secret", *(f"Secret{at % 7}" for at in range(797))]
    for name, seed, start in (("train", 1, 0), ("test", 2, 900)):
        add(name, seed, start, first_name=pl.Series([*names[:-1], f"Secret-{name}"]), only=pl.lit("Secret"))

    reports = [
        workspace.checks.run(OWNER, "train", label="late"),
        workspace.checks.run(OWNER, "test", label="first_name"),
        workspace.checks.run(OWNER, "test", against="train", label="first_name"),
    ]

    told = [str(report) for report in reports]
    assert all("first_name" in text and "S•••" in text for text in told)
    assert not [text for text in told if "Secret" in text.replace("'Secret'", "")]  # `only` is nobody's name
