"""What only the file on disk has: snapshots, reports of damage, and which databases there are."""

import sqlite3
import threading
from contextlib import closing

import pytest
import sqlalchemy as sa

from tidemill.core.access import OWNER
from tidemill.core.errors import TidemillError
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger
from tidemill.ledger.audit import verify_chain
from tidemill.ledger.faults import LedgerReadOnly
from tidemill.ledger.ledger import UnknownDatabase


@pytest.fixture
def ledger(tmp_path):
    (tmp_path / "a folder").mkdir()
    opened = Ledger.open(tmp_path / "a folder" / "ledger #1?.sqlite")
    yield opened
    opened.close()


def note(ledger, number):
    ledger.write(OWNER, lambda tx: tx.audit("note", Ref("run", str(number)), number=number))


def test_a_place_with_odd_characters_is_a_place(ledger, tmp_path):
    note(ledger, 1)

    assert (tmp_path / "a folder" / "ledger #1?.sqlite").exists()


def test_a_snapshot_is_one_state_while_others_write(ledger, tmp_path):
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            note(ledger, number)
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(5):
            ledger.snapshot(tmp_path / f"{number}.sqlite")
    finally:
        stop.set()
        thread.join()
    for number in range(5):
        copy = Ledger.open(tmp_path / f"{number}.sqlite")
        with copy.read() as connection:
            assert list(verify_chain(connection)) == []
        assert list(copy.damage()) == []
        copy.close()


def test_a_snapshot_over_a_file_is_refused(ledger, tmp_path):
    (tmp_path / "there").write_text("something")

    with pytest.raises(TidemillError):
        ledger.snapshot(tmp_path / "there")
    assert (tmp_path / "there").read_text() == "something"


def test_a_place_that_cannot_be_opened_is_said(tmp_path):
    with pytest.raises(LedgerReadOnly):
        Ledger.open(tmp_path / "no such folder" / "ledger.sqlite")


def test_another_kind_of_database_is_refused():
    with pytest.raises(UnknownDatabase, match="mysql"):
        Ledger.open("mysql://localhost/x")


def test_the_file_is_kept_in_the_way_that_survives_a_power_cut(ledger, tmp_path):
    note(ledger, 1)
    pragma = {name: ledger.write(OWNER, lambda tx, name=name: tx.connection.exec_driver_sql(f"PRAGMA {name}").scalar())
              for name in ("journal_mode", "synchronous", "foreign_keys")}  # fmt: skip

    assert pragma == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_readers_never_checkpoint(ledger, tmp_path):
    path = tmp_path / "a folder" / "ledger #1?.sqlite"
    note(ledger, 1)
    wal = path.with_name(path.name + "-wal")
    before = wal.stat().st_size
    for _ in range(20):
        with ledger.read() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM audit_events").scalar()
    assert wal.stat().st_size == before
    with ledger.read() as connection:
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 0


def test_closing_leaves_one_file(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    note(ledger, 1)
    ledger.close()

    assert [path.name for path in tmp_path.iterdir()] == ["ledger.sqlite"]
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_read_that_broke_off_does_not_leave_the_past_to_others(ledger):
    """Whoever holds the error holds the half-read result, and with it its state of the database."""
    for number in range(3):
        note(ledger, number)
    held = []

    def read_halfway():
        with ledger.read() as connection:
            held.append(connection.execute(sa.text("SELECT * FROM audit_events")))
            held[0].fetchone()
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway") as caught:
        read_halfway()
    note(ledger, 3)

    assert caught.value.__traceback__ is not None
    for _ in range(20):
        with ledger.read() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM audit_events")).scalar() == 4
