"""What could not be read of a capture is kept for a person: for a time, up to a size, and its end is on record."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.access import SYSTEM
from tidemill.core.errors import OutOfSpace
from tidemill.ledger import Transaction
from tidemill.monitoring.service.torn import KEPT_BYTES, KEPT_DAYS, Aside, due

DAY_S = 86_400
NOW_S = 1000.0 * DAY_S


def torn_file(house, name="1-5", *, days=0.0, size=100):
    house.capture.mkdir(parents=True, exist_ok=True)
    path = house.capture / f"{name}.torn"
    with path.open("wb") as file:
        file.truncate(size)
    moment = time.time() - days * DAY_S
    os.utime(path, (moment, moment))
    return path


def told(house):
    with house.ledger.read() as connection:
        query = "SELECT detail FROM audit_events WHERE action = 'capture.discard' ORDER BY seq"
        return [str(body) for body in connection.exec_driver_sql(query).scalars()]


files = st.lists(
    st.builds(
        Aside,
        at_s=st.floats(NOW_S - 60 * DAY_S, NOW_S),
        path=st.uuids().map(lambda name: Path(f"{name}.torn")),
        size_bytes=st.integers(0, KEPT_BYTES),
    ),
    max_size=20,
)


@given(files)
def test_what_stays_is_young_and_small_and_nothing_younger_goes_before_it(found):
    gone = due(found, NOW_S)
    stays = [file for file in found if file not in gone]
    assert sum(file.size_bytes for file in stays) <= KEPT_BYTES
    assert all(NOW_S - file.at_s <= KEPT_DAYS * DAY_S for file in stays)
    assert gone == sorted(gone)
    if gone and stays:
        assert max(gone) < max(stays)


@given(files)
def test_nothing_goes_without_need(found):
    if sum(file.size_bytes for file in found) <= KEPT_BYTES:
        assert all(NOW_S - file.at_s > KEPT_DAYS * DAY_S for file in due(found, NOW_S))


@given(files)
def test_what_was_decided_is_settled(found):
    stays = [file for file in found if file not in due(found, NOW_S)]
    assert due(stays, NOW_S) == []


def test_an_old_file_goes_and_the_audit_says_which(house):
    old, young = torn_file(house, "1-5", days=KEPT_DAYS + 1), torn_file(house, "1-6", days=KEPT_DAYS - 1)
    house.tick()

    assert [path.exists() for path in (old, young)] == [False, True]
    [event] = told(house)
    assert "1-5.torn" in event
    house.tick()
    assert len(told(house)) == 1


def test_the_oldest_go_when_they_are_too_much_together(house):
    third = KEPT_BYTES // 3 + 1
    paths = [torn_file(house, f"1-{day}", days=day, size=third) for day in (1, 2, 3)]
    house.tick()

    assert [path.exists() for path in paths] == [True, True, False]


def test_the_time_counts_from_when_it_was_put_aside(house, days, caplog):
    house.answer(days(1, rows=5))
    house.writer.close()
    [path] = house.capture.glob("*.done")
    path.write_bytes(path.read_bytes() + b"torn")
    os.utime(path, (1.0, 1.0))
    house.tick()
    house.tick()

    assert [one.suffix for one in house.capture.iterdir()] == [".torn"]
    assert "its last 4 bytes could not be read" in caplog.text


def test_a_removal_that_cannot_be_recorded_is_not_done_and_is_told(house, monkeypatch):
    path = torn_file(house, days=KEPT_DAYS + 1)

    def full(tx, action, *_, **__):
        raise OutOfSpace(f"The disk is full at {action}", hint="Make room.")

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "audit", full)
        [problem] = house.monitoring.tick(SYSTEM).problems
    assert (problem.code, "capture.discard" in problem.message) == ("out_of_space", True)
    assert path.exists()
    house.tick()
    assert not path.exists()


@pytest.mark.parametrize("name", ["readme.torn", "notes.txt"])
def test_other_files_in_the_folder_are_not_ours(house, name):
    house.capture.mkdir(parents=True, exist_ok=True)
    path = house.capture / name
    path.write_text("mine")
    os.utime(path, (1.0, 1.0))
    house.tick()

    assert path.exists()
