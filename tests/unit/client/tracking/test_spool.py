"""A spool takes what it is given, in order, and gives it to one reader at a time, also after its writer's death."""

import errno
import os
import stat

import pytest

from tidemill.client.tracking import spool
from tidemill.client.tracking.reading import SpoolReader, claims, state_of
from tidemill.client.tracking.spool import Place, SpoolWriter, folders, spool_root

PLACE = Place(url="http://server")


@pytest.fixture
def writer(tmp_path):
    made = SpoolWriter(tmp_path / "spool", PLACE)
    yield made
    made.close()


def drained(reader: SpoolReader) -> list[int]:
    found: list[int] = []
    while waiting := reader.peek():
        found += [each.entry["n"] for each in waiting]
        reader.advance(waiting[-1].segment, waiting[-1].end)
    return found


def test_entries_come_in_order_through_many_files(writer, monkeypatch):
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 100)
    for step in range(50):
        writer.append({"op": "log", "run": "r", "step": step})
    reader = SpoolReader(writer.folder)

    assert drained(reader) == list(range(1, 51))
    assert len(list(writer.folder.glob("*.log"))) == 1  # those that were delivered are gone
    assert reader.freed > 0


def test_a_reader_goes_on_where_the_last_one_was(writer):
    for _ in range(3):
        writer.append({"run": "r"})
    first = SpoolReader(writer.folder)
    waiting = first.peek()
    first.advance(waiting[1].segment, waiting[1].end)
    first.close()

    assert drained(SpoolReader(writer.folder)) == [3]


def test_a_position_that_cannot_be_read_costs_only_a_repetition(writer):
    writer.append({"run": "r"})
    reader = SpoolReader(writer.folder)
    drained(reader)
    (writer.folder / "position").write_bytes(b"\0" * 80)

    assert drained(SpoolReader(writer.folder)) == [1]


def test_an_entry_longer_than_a_read_is_read(writer):
    writer.append({"run": "r", "text": "x" * (3 << 20)})
    writer.append({"run": "r"})

    assert drained(SpoolReader(writer.folder)) == [1, 2]


def test_only_its_user_can_read_it(writer):
    assert stat.S_IMODE(writer.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(writer.folder.parent.stat().st_mode) == 0o700


def test_nobody_else_reads_it_while_its_writer_lives(writer, tmp_path):
    writer.append({"run": "r"})
    assert list(claims(tmp_path / "spool")) == []
    assert state_of(writer.folder).is_written

    writer.close()

    assert list(claims(tmp_path / "spool", Place(url="http://other"))) == []
    (claim,) = claims(tmp_path / "spool", PLACE)
    assert list(claims(tmp_path / "spool", PLACE)) == []
    assert drained(claim.reader) == [1]
    claim.release(is_done=True)
    assert list(folders(tmp_path / "spool")) == []


def test_what_was_refused_keeps_the_folder(writer, tmp_path):
    writer.append({"op": "log", "run": "r"})
    writer.close()
    (claim,) = claims(tmp_path / "spool")
    (waiting,) = claim.reader.peek()
    claim.reader.refuse(waiting.entry, "param_changed", "no")
    claim.reader.advance(waiting.segment, waiting.end)
    claim.release(is_done=True)

    (folder,) = folders(tmp_path / "spool")
    told = state_of(folder)
    assert (told.waiting, told.refused, told.runs, told.reasons) == (0, 1, ["r"], ["param_changed: no"])


def test_a_full_disk_is_waited_out_in_memory_and_in_order(writer, monkeypatch):
    writer.append({"run": "r"})
    real = os.write
    budget = [5]

    def write(handle, data):
        if budget[0] < len(data):
            if budget[0]:
                real(handle, data[: budget[0]])
            part, budget[0] = budget[0], 0
            if part:
                return part
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data)

    monkeypatch.setattr(os, "write", write)
    for _ in range(3):
        writer.append({"run": "r"})
    assert "pace" in writer.failure or "full" in writer.failure
    assert drained(SpoolReader(writer.folder)) == [1]

    budget[0] = 1 << 30
    writer.append({"run": "r"})
    assert drained(SpoolReader(writer.folder)) == [2, 3, 4, 5]


def test_what_the_disk_never_takes_is_given_from_memory(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    writer = SpoolWriter(tmp_path / "file", PLACE)
    writer.append({"run": "r"})

    assert writer.folder is None
    assert len(writer.held(0)) == 1
    assert writer.held(0) == []


def test_what_has_no_room_anywhere_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "MOST_IN_MEMORY", 10)
    (tmp_path / "file").write_text("not a folder")
    writer = SpoolWriter(tmp_path / "file", PLACE)
    for _ in range(3):
        writer.append({"run": "r"})

    assert writer.dropped == {"r": 3}


def test_spools_lie_where_state_belongs(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert spool_root() == tmp_path / "tidemill" / "spool"
    assert spool_root("elsewhere").name == "elsewhere"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert spool_root() == tmp_path / ".local" / "state" / "tidemill" / "spool"
