"""`tidemill spool` tells what waits, sends it, and loses it only when it is told to."""

import json

import pytest
from click.testing import CliRunner

from tidemill.cli.groups import build
from tidemill.client import connect
from tidemill.client.tracking import entries
from tidemill.client.tracking.reading import claims, state_of
from tidemill.client.tracking.spool import Place, SpoolWriter, folders
from tidemill.core.errors import NotFound
from tidemill.core.ids import new_id
from tidemill.core.settings import InvalidSetting, Settings
from tidemill.tracking.records import MetricPage


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TIDEMILL_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("TIDEMILL_HOME", str(tmp_path / "home"))
    return Settings.load()


@pytest.fixture
def run_id(settings, tmp_path):
    """Leave a spool as a killed process does: a run with ten points, and a param that changes."""
    writer = SpoolWriter(tmp_path / "spool", Place(home=str(settings.home)))
    made = new_id()
    writer.append(entries.started(made, experiment="left"))
    for step in range(10):
        for entry in entries.logged(made, [entries.point("loss", 1.0, step)], {"depth": "4"}):
            writer.append(entry)
    for entry in entries.logged(made, params={"depth": "5"}):
        writer.append(entry)
    writer.close()
    return made


def told(*words: str) -> str:
    done = CliRunner().invoke(build(), ["spool", *words, "--json"], catch_exceptions=False)
    return done.stdout


def only(tmp_path):
    (folder,) = folders(tmp_path / "spool")
    return folder


def test_what_waits_is_told_and_sent(settings, run_id, tmp_path):
    (listed,) = json.loads(told("list"))
    assert (listed["waiting"], listed["is_written"], listed["runs"]) == (22, False, [run_id])

    assert json.loads(told("push")) == {"delivered": 21, "refused": 1}

    with connect(settings) as api:
        assert len(api.get(f"/api/v1/runs/{run_id}/metrics", MetricPage, key="loss").metrics) == 10
    shown = json.loads(told("show", only(tmp_path).name))
    assert "Changing param values" in shown["reasons"][0]
    assert json.loads(told("push", "--refused")) == {"delivered": 0, "refused": 1}
    assert state_of(only(tmp_path)).refused == 1


def test_a_spool_is_lost_only_with_a_yes(settings, run_id, tmp_path):
    name = only(tmp_path).name
    asked = CliRunner().invoke(build(), ["spool", "drop", name], input="n\n")
    assert "Lose 22 entries" in asked.output
    assert only(tmp_path).name == name

    told("drop", name, "--yes")

    assert list(folders(tmp_path / "spool")) == []
    assert json.loads(told("list")) == []


def test_a_spool_of_a_living_process_is_left_alone(settings, run_id, tmp_path):
    (claim,) = claims(tmp_path / "spool")
    for words in (["push", only(tmp_path).name], ["drop", only(tmp_path).name, "--yes"], ["show", "nothing"]):
        with pytest.raises(NotFound, match="no spool"):
            CliRunner().invoke(build(), ["spool", *words], catch_exceptions=False)
    assert json.loads(told("push")) == {"delivered": 0, "refused": 0}
    claim.release(is_done=False)


def test_people_read_what_waits(settings, run_id, tmp_path):
    for words in (["list"], ["show", only(tmp_path).name]):
        read = CliRunner().invoke(build(), ["spool", *words], catch_exceptions=False).stdout
        assert only(tmp_path).name in read
        assert run_id in read
        assert "SpoolState" not in read


def test_a_place_of_spools_that_is_no_folder_is_named(settings, tmp_path):
    (tmp_path / "spool").write_text("a file")
    for words in (["list"], ["push"], ["show", "x"]):
        with pytest.raises(InvalidSetting, match="no folder"):
            CliRunner().invoke(build(), ["spool", *words], catch_exceptions=False)


def test_a_url_that_is_none_is_refused_before_anything_is_sent(settings, run_id, tmp_path):
    pushed = CliRunner().invoke(build(), ["spool", "push", "--url", "nonsense"])

    assert (pushed.exit_code, "http(s)://HOST" in pushed.stderr) == (2, True)
    assert state_of(only(tmp_path)).waiting == 22
