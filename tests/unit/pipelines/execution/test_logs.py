from hypothesis import given
from hypothesis import strategies as st

from tidemill.pipelines.execution.logs import HEAD_BYTES, TAIL_BYTES, LogBuffer


def test_little_output_is_kept_whole():
    log = LogBuffer()
    log.add(b"one\n")
    log.add(b"two\n")

    assert log.content() == b"one\ntwo\n"
    assert log.fresh() == "one\ntwo\n"
    assert log.fresh() == ""


@given(st.lists(st.integers(1, 200_000), max_size=40))
def test_much_output_keeps_its_beginning_and_its_end(sizes):
    log, whole = LogBuffer(), b""
    for number, size in enumerate(sizes):
        piece = (f"{number} ".encode() * size)[:size]
        whole += piece
        log.add(piece)
    kept = log.content()

    assert log.size == len(whole)
    assert kept[:HEAD_BYTES] == whole[:HEAD_BYTES]
    assert kept[-1000:] == whole[-1000:]
    if len(whole) <= HEAD_BYTES + TAIL_BYTES:
        assert kept == whole
    else:
        assert kept == whole or b"bytes left out" in kept
        assert len(kept) <= HEAD_BYTES + TAIL_BYTES + 200_000 + 100


def test_the_live_view_shows_the_end_of_much():
    log = LogBuffer()
    log.add(b"x" * 100_000 + b"end")

    text = log.fresh()
    assert text.endswith("end")
    assert "bytes" in text
    assert len(text) < 5000
