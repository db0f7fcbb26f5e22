"""Who reads a whole workspace goes with others, who removes from it goes alone, and nobody stays in the way."""

import threading

import pytest

from tidemill.app import turns
from tidemill.app.turns import Lasting, MaintenanceBusy, Turns


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(turns, "_WAIT_S", 0.01)


def test_readers_go_together():
    mine = Turns()
    with mine.together(), mine.together():
        leave = mine.join()
    leave()

    with mine.alone():
        pass


def test_one_that_goes_alone_keeps_all_others_out_and_is_kept_out_by_each():
    mine = Turns()
    with mine.alone():
        with pytest.raises(MaintenanceBusy, match="a collection is under way"), mine.together():
            pass
        with pytest.raises(MaintenanceBusy, match="a check, a backup or a collection"), mine.alone():
            pass
    leave = mine.join()
    with pytest.raises(MaintenanceBusy), mine.alone():
        pass
    leave()

    with mine.alone():
        pass


@pytest.mark.parametrize("way", ["alone", "together"])
def test_one_that_failed_is_not_in_the_way(way):
    mine = Turns()
    with pytest.raises(ZeroDivisionError), getattr(mine, way)():
        raise ZeroDivisionError

    with mine.alone():
        pass


def test_it_waits_for_those_who_end_in_time(monkeypatch):
    monkeypatch.setattr(turns, "_WAIT_S", 30)
    mine, order = Turns(), []
    leave = mine.join()

    def remove():
        with mine.alone():
            order.append("alone")

    alone = threading.Thread(target=remove)
    alone.start()
    order.append("reader")
    leave()
    alone.join(30)

    assert order == ["reader", "alone"]


def test_a_wait_that_is_broken_off_locks_nobody_out():
    mine = Turns()

    def interrupted() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), mine._free(interrupted, "nothing"):
        pass
    found: list[bool] = []
    other = threading.Thread(target=lambda: found.append(mine._changed.acquire(blocking=False)))
    other.start()
    other.join(30)

    assert found == [True]


def counted():
    ends: list[int] = []
    return ends, lambda: ends.append(1)


def test_pieces_end_once_when_they_were_read():
    ends, end = counted()
    pieces = Lasting(iter([b"a", b"b"]), end)
    assert next(pieces) == b"a"
    assert ends == []
    assert list(pieces) == [b"b"]
    with pytest.raises(StopIteration):
        next(pieces)
    del pieces

    assert ends == [1]


def test_pieces_end_once_when_one_cannot_be_read_or_nobody_reads_on():
    def broken():
        yield b"a"
        raise OSError("it is gone")

    ends, end = counted()
    pieces = Lasting(broken(), end)
    next(pieces)
    with pytest.raises(OSError, match="it is gone"):
        next(pieces)
    assert ends == [1]
    del pieces
    assert ends == [1]

    ends, end = counted()
    unread = Lasting(iter([b"a"]), end)
    del unread
    assert ends == [1]
