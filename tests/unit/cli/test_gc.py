"""`tidemill gc` as a person types it."""

import os
import threading
import time

import pytest

from tidemill.app import Workspace, removal
from tidemill.cli.drawing import Bar, Drawn
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings


def test_nothing_to_do_is_said(tidemill):
    ran = tidemill("gc")

    assert ran.code == 0
    assert ran.out == "Removed nothing.\n"


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
def test_a_folder_without_a_workspace_is_left_as_it_is(bare, tmp_path, words):
    ran = bare("gc", *words)

    assert (ran.code, "workspace_missing" in ran.err) == (3, True)
    assert not (tmp_path / "home").exists()


def test_a_run_goes_from_the_trash_for_good(tidemill, tmp_path):
    file = tmp_path / "weights.bin"
    file.write_bytes(b"w" * 100_000)
    run_id = tidemill("runs", "create", "--experiment", "delays", "--json").json["run_id"]
    tidemill("artifacts", "put", f"run:{run_id}", file)
    tidemill("runs", "delete", run_id)
    assert [run["run_id"] for run in tidemill("runs", "list", "--deleted", "--json").json] == [run_id]
    let_objects_be_old(tmp_path / "home")

    assert "Would remove 1 run, 1 object of 97.7 KiB." in tidemill("gc", "--older-than", "0s", "--dry-run").out
    assert tidemill("gc", "--json").json["removed"] == {}
    made = tidemill("gc", "--older-than", "0s", "--json").json

    assert (made["removed"], made["objects"], made["size_bytes"]) == ({"runs": 1}, 1, 100_000)
    assert tidemill("runs", "list", "--deleted", "--json").json == []
    assert tidemill("fsck").code == 0
    assert "workspace.gc" in tidemill("audit").out


def test_what_stays_is_named_with_the_reason(tidemill):
    tidemill("experiments", "create", "old")
    run_id = tidemill("runs", "create", "--experiment", "old", "--json").json["run_id"]
    tidemill("experiments", "delete", "old")
    tidemill("runs", "restore", run_id)

    assert "experiment:1 stays: it has runs" in tidemill("gc", "--older-than", "0s").err


def test_a_time_that_is_none_is_refused(tidemill):
    ran = tidemill("gc", "--older-than", "soon")

    assert (ran.code, "invalid_duration" in ran.err) == (2, True)


@pytest.fixture
def terminal(monkeypatch):
    """Draw as on a terminal; give what was drawn."""
    drawn: list[Drawn] = []

    class OnTerminal(Bar):
        def __init__(self, counted) -> None:
            super().__init__(counted)
            self.is_drawn = True

        def draw(self, report: Drawn) -> None:
            drawn.append(report)
            super().draw(report)

    monkeypatch.setattr("tidemill.cli.gc.Bar", OnTerminal)
    monkeypatch.setattr("tidemill.cli.waiting._LOOK_S", 0.001)
    return drawn


def test_a_terminal_sees_how_far_it_is(tidemill, terminal, monkeypatch):
    run_id = tidemill("runs", "create", "--experiment", "delays", "--json").json["run_id"]
    tidemill("runs", "delete", run_id)
    collect, seen = removal.remove, threading.Event()

    def held(ledger, actor, before, progress):
        progress.begin("runs", 7)
        assert seen.wait(30)
        return collect(ledger, actor, before, progress)

    draw = Bar.draw

    def noted(self, report):
        draw(self, report)
        if report.doing == "runs":
            seen.set()

    monkeypatch.setattr(removal, "remove", held)
    monkeypatch.setattr(Bar, "draw", noted)
    ran = tidemill("gc", "--older-than", "0s")

    assert ran.out == "Removed 1 run.\n"
    assert "runs: 0 of 7; 0 points" in ran.err
    assert ran.err.endswith("\r")


def test_what_goes_wrong_is_said_on_a_terminal_too(tidemill, terminal):
    ran = tidemill("gc", "--older-than", "soon")

    assert (ran.code, "invalid_duration" in ran.err) == (2, True)


def let_objects_be_old(home):
    moment = time.time() - 3 * 24 * 3600
    with Workspace(Settings(home=home)) as workspace:
        workspace.maintenance.fsck(OWNER)
        for digest in workspace.objects.digests():
            os.utime(workspace.objects.path(digest), (moment, moment))
