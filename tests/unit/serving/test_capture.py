import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.serving.capture import CaptureWriter, Frame, pack_frame, read_segment, seal_orphans
from tidemill.serving.errors import CaptureUnavailable


def frame(at=0, **more):
    return Frame(t=at, endpoint="delay", status=200, ids=[f"id{at}"], columns={"x": [at]}, outputs={"s": [0.5]}, **more)


def test_frames_come_back_as_they_were_written(tmp_path):
    writer = CaptureWriter(tmp_path)
    written = [frame(at) for at in range(5)]
    assert writer.append([pack_frame(one) for one in written]) > 0
    (path,) = tmp_path.glob("*.seg")
    reader = read_segment(path)
    assert list(reader) == written
    assert (reader.end, reader.torn_bytes) == (path.stat().st_size, 0)


def test_an_open_segment_is_read_on_from_where_one_stopped(tmp_path):
    writer = CaptureWriter(tmp_path)
    writer.append([pack_frame(frame(1))])
    (path,) = tmp_path.glob("*.seg")
    reader = read_segment(path)
    list(reader)
    writer.append([pack_frame(frame(2))])
    assert list(read_segment(path, start=reader.end)) == [frame(2)]


@given(cut=st.integers(1, 200), flip=st.booleans())
def test_a_torn_tail_costs_only_itself(tmp_path_factory, cut, flip):
    path = tmp_path_factory.mktemp("torn") / "1-1.seg"
    whole = [pack_frame(frame(at)) for at in range(4)]
    data = bytearray(b"".join(whole))
    cut = min(cut, len(whole[-1]))
    if flip:
        data[-cut] ^= 0xFF
    else:
        del data[-cut:]
    path.write_bytes(data)
    reader = read_segment(path)
    assert list(reader) == [frame(at) for at in range(3)]
    assert reader.torn_bytes == len(data) - sum(map(len, whole[:3]))


def test_a_damaged_length_does_not_ask_for_all_memory(tmp_path):
    path = tmp_path / "1-1.seg"
    path.write_bytes(pack_frame(frame()) + b"\xff" * 100)
    reader = read_segment(path)
    assert list(reader) == [frame()]
    assert reader.torn_bytes == 100


def test_a_full_segment_is_closed_under_its_last_name(tmp_path):
    writer = CaptureWriter(tmp_path, segment_bytes=200)
    for at in range(10):
        writer.append([pack_frame(frame(at))])
    done = sorted(tmp_path.glob("*.done"))
    assert len(done) >= 2
    assert all(path.name.startswith(f"{os.getpid()}-") for path in done)
    writer.close()
    assert not list(tmp_path.glob("*.seg"))
    found = [one.t for path in sorted(tmp_path.glob("*.done")) for one in read_segment(path)]
    assert found == list(range(10))


def test_an_old_segment_is_closed(tmp_path):
    writer = CaptureWriter(tmp_path, segment_s=0)
    writer.close_if_old()
    writer.append([pack_frame(frame())])
    writer.close_if_old()
    assert len(list(tmp_path.glob("*.done"))) == 1
    assert not list(tmp_path.glob("*.seg"))


def test_a_short_write_is_written_on(tmp_path, monkeypatch):
    writer = CaptureWriter(tmp_path)
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, bytes(data[:7])))
    writer.append([pack_frame(frame(at)) for at in range(3)])
    (path,) = tmp_path.glob("*.seg")
    assert [one.t for one in read_segment(path)] == [0, 1, 2]


def test_a_write_that_fails_leaves_whole_frames_only(tmp_path, monkeypatch):
    writer = CaptureWriter(tmp_path)
    writer.append([pack_frame(frame(0))])
    real = os.write
    left = [10]

    def full(file, data):
        if not left[0]:
            raise OSError(28, "No space left on device")
        taken = real(file, bytes(data[: left[0]]))
        left[0] = 0
        return taken

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(CaptureUnavailable, match="No space left"):
            writer.append([pack_frame(frame(1))])
    writer.append([pack_frame(frame(2))])
    (cut,), (fresh,) = tmp_path.glob("*.done"), tmp_path.glob("*.seg")
    for path, whole in ((cut, 0), (fresh, 2)):
        reader = read_segment(path)
        assert [one.t for one in reader] == [whole]
        assert reader.torn_bytes == 0


def test_segments_of_killed_processes_are_closed_and_no_others(tmp_path):
    writer = CaptureWriter(tmp_path)
    writer.append([pack_frame(frame())])
    (tmp_path / "1-5.seg").write_bytes(pack_frame(frame(7)) + b"torn")
    assert seal_orphans(tmp_path) == [tmp_path / "1-5.done"]
    assert len(list(tmp_path.glob("*.seg"))) == 1
    assert [one.t for one in read_segment(tmp_path / "1-5.done")] == [7]


def test_a_frame_is_the_agreed_messagepack():
    head, payload = pack_frame(frame(3, model="m"))[:8], pack_frame(frame(3, model="m"))[8:]
    assert int.from_bytes(head[:4], "little") == len(payload)
    assert msgspec.msgpack.decode(payload) == {
        "t": 3, "endpoint": "delay", "status": 200, "model": "m", "ids": ["id3"], "columns": {"x": [3]},
        "outputs": {"s": [0.5]},
    }  # fmt: skip


def test_without_capture_nothing_is_answered(server, monkeypatch):
    real = os.write

    def full(file, data):
        if len(data) > 64:  # not the loop's own wake-up
            raise OSError(28, "No space left on device")
        return real(file, data)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        reply = server.call({"records": [{"x": 1}]}, raw=True)
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert b"tidemill_capture_failures_total 1" in server.get("/metrics")[1]
    assert server.call({"records": [{"x": 1}]})[0] == 200


def test_best_effort_answers_without_capture(start, monkeypatch):
    server = start(capture="best-effort")
    server.one()
    real = os.write

    def full(file, data):
        if len(data) > 64:
            raise OSError(28, "No space left on device")
        return real(file, data)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert server.call({"records": [{"x": 1}]})[0] == 200
    assert b"tidemill_capture_failures_total 1" in server.get("/metrics")[1]
