"""Artifacts hold on every database that the ledger runs on."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import InvalidInput, NotFound, TidemillError
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger
from tidemill.ledger.removal import forget, remove_rows
from tidemill.ledger.writer import LedgerClosed
from tidemill.objects import ObjectStore
from tidemill.tracking.rules import ArtifactClash
from tidemill.tracking.service import TrackingService
from tidemill.tracking.store import experiments


@pytest.fixture
def tracking(place, tmp_path):
    ledger = Ledger.open(place)
    service = TrackingService(ledger, ObjectStore(tmp_path / "objects"))
    yield service
    service.close()
    ledger.close()


def test_a_path_is_never_a_file_and_a_folder(tracking):
    root = f"run:{tracking.create_run(OWNER, experiment='e').run_id}"

    def put(path):
        together.wait()
        try:
            tracking.put_content(OWNER, root=root, path=path, content=path.encode())
        except ArtifactClash:
            return 0
        return 1

    for at in range(20):
        together = threading.Barrier(2, timeout=30)
        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(put, (f"d{at}", f"d{at}/x"))) == 1
    assert len(tracking.list_folder(OWNER, root=root)) == 20


def test_what_is_refused_leaves_no_bytes(tracking, tmp_path):
    for at in range(3):
        with pytest.raises(NotFound):
            tracking.put_content(OWNER, root="run:nope", path="x", content=f"junk {at}".encode())
    assert not [found for found in (tmp_path / "objects").rglob("*") if found.is_file()]


def test_a_null_character_is_the_callers_fault(tracking):
    for ask in (
        lambda: tracking.get_run(OWNER, run_id="a\0b"),
        lambda: tracking.find_experiment(OWNER, name="a\0b"),
        lambda: tracking.metric_history(OWNER, run_id="a\0b", key="k"),
    ):
        with pytest.raises((NotFound, InvalidInput)):
            ask()


def test_the_id_of_an_experiment_that_was_removed_is_not_given_again(tracking):
    first = tracking.create_experiment(OWNER, name="first").experiment_id
    gate = threading.Event()

    def remove(tx):
        remove_rows(tx, experiments, experiments.c.experiment_id == first)
        forget(tx, [Ref("experiment", first)], lambda _connection, _ref: None)

    ledger = tracking._ledger
    waiting = ledger.submit(OWNER, lambda _: gate.wait(30))  # what follows is one batch on SQLite
    removed = ledger.submit(OWNER, remove)
    if ledger.backend == "postgresql":
        gate.set()
        removed.result()
    made = ThreadPoolExecutor(1).submit(tracking.create_experiment, OWNER, name="second")
    gate.set()
    waiting.result()
    assert int(made.result().experiment_id) > int(first)


def test_who_asks_a_closed_ledger_is_told_so(place, tmp_path):
    ledger = Ledger.open(place)
    tracking = TrackingService(ledger, ObjectStore(tmp_path / "objects"))
    run_id = tracking.create_run(OWNER, experiment="e").run_id
    tracking.close()
    ledger.close()
    for _ in range(2):
        with pytest.raises(TidemillError) as error:
            tracking.log_soon(OWNER, run_id=run_id).result(10)
        assert isinstance(error.value, LedgerClosed)
