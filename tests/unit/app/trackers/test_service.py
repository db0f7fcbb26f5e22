"""Transfers under way are told, ended and counted as what they are, at whatever moment somebody asks."""

import threading

import pytest

from tidemill.app.trackers.importing import Import
from tidemill.app.trackers.records import TransferStatus
from tidemill.app.trackers.running import TransferNotFound, TransferRuns, Transfers
from tidemill.core.access import OWNER
from tidemill.core.errors import OutOfSpace
from tidemill.tracking.ports import TrackerFailed


@pytest.fixture
def held(monkeypatch):
    """Let imports wait at their begin for a word, or for their end."""
    go = threading.Event()

    def run(self) -> None:
        while not go.wait(0.001):
            self._progress.step()

    monkeypatch.setattr(Import, "run", run)
    yield go
    go.set()


def begin(workspace, url: str):
    return workspace.trackers.start_import(OWNER, tracker="mlflow", source=url)


def status(workspace, transfer) -> TransferStatus:
    return TransferStatus(workspace.trackers.get(OWNER, id=transfer.id).status)


def test_the_same_import_is_not_begun_twice_and_another_one_is(tmp_path, store, workspace, held):
    first = begin(workspace, store.url)
    with pytest.raises(TransferRuns) as refused:
        begin(workspace, store.url)

    assert first.id in refused.value.hint
    assert [each.status for each in workspace.trackers.list(OWNER)] == ["running"]


def test_one_that_was_cancelled_has_ended_when_the_call_returns(store, workspace, held):
    first = begin(workspace, store.url)
    ended = workspace.trackers.cancel(OWNER, id=first.id)

    assert (ended.status, ended.report.code) == (TransferStatus.CANCELLED, "transfer_cancelled")
    assert ended.ended_at is not None
    assert workspace.trackers.cancel(OWNER, id=first.id) == ended, "once more changes nothing"
    with pytest.raises(TransferNotFound):
        workspace.trackers.cancel(OWNER, id="none")


def test_one_is_cancelled_that_has_not_begun_to_run(store, workspace, held, monkeypatch):
    """It stands in the list as soon as it is written, a moment before its thread starts."""
    cancelled: list[TransferStatus] = []
    plain = threading.Thread

    class Late(threading.Thread):
        def start(self) -> None:
            [found] = workspace.trackers.list(OWNER)
            asking = plain(target=lambda: cancelled.append(workspace.trackers.cancel(OWNER, id=found.id).status))
            asking.start()
            while asking.is_alive() and not workspace.trackers._transfers._running[found.id][1]._stop.is_set():
                asking.join(0.001)
            super().start()
            asking.join(30)

    def make(**options):
        return (Late if str(options.get("name")).startswith("import-mlflow") else plain)(**options)

    monkeypatch.setattr(threading, "Thread", make)
    begin(workspace, store.url)

    assert cancelled == [TransferStatus.CANCELLED]


def test_one_that_cannot_be_written_down_is_not_under_way_and_lets_go_of_its_source(
    store, workspace, held, monkeypatch
):
    closed = []

    def full(self, tx, transfer, what):
        raise OutOfSpace("There is no space", hint="Make room.")

    with monkeypatch.context() as patch:
        patch.setattr(Transfers, "_write", full)
        patch.setattr("tidemill.integrations.trackers.mlflow.stored.StoredMLflow.close", lambda _: closed.append(1))
        with pytest.raises(OutOfSpace):
            begin(workspace, store.url)

    assert closed == [1]
    assert workspace.trackers.list(OWNER) == []
    assert status(workspace, begin(workspace, store.url)) is TransferStatus.RUNNING


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (TrackerFailed("It does not answer", hint="Start it."), "tracker_failed", "It does not answer"),
        (ValueError("postgresql://u:secret@h"), "internal", "The import failed by a fault of Tidemill: ValueError"),
    ],
)
def test_one_that_failed_says_why_and_keeps_what_it_did(store, workspace, monkeypatch, wait_for, fault, code, said):
    def run(self) -> None:
        self._progress.counts["runs"] += 3
        self._progress.skipped["traces"] += 1
        raise fault

    monkeypatch.setattr(Import, "run", run)
    first = begin(workspace, store.url)
    wait_for(lambda: status(workspace, first) is TransferStatus.FAILED)
    found = workspace.trackers.get(OWNER, id=first.id)

    assert (found.report.code, found.report.error) == (code, said)
    assert (found.report.counts, found.report.skipped) == ({"runs": 3}, {"traces": 1})
    assert "secret" not in repr(found)


def test_closing_ends_what_is_under_way(store, workspace, held):
    first = begin(workspace, store.url)
    workspace.trackers.close()

    assert status(workspace, first) is TransferStatus.CANCELLED
