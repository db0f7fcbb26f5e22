"""Whatever is torn or changed, a reader gets the entries that were written whole, in order, and no others."""

from hypothesis import given
from hypothesis import strategies as st

from tidemill.client.tracking.frames import frame, read_lines

TEXT = st.text(max_size=20)
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
ENTRIES = st.lists(st.dictionaries(TEXT, VALUES, max_size=4), max_size=8)


@given(ENTRIES)
def test_what_was_written_is_read(entries):
    assert [line.entry for line in read_lines(b"".join(map(frame, entries)))] == entries


@given(ENTRIES, st.data())
def test_a_torn_end_costs_only_the_torn_entry(entries, data):
    whole = b"".join(map(frame, entries))
    cut = data.draw(st.integers(0, len(whole)))
    ends = [len(b"".join(map(frame, entries[: count + 1]))) for count in range(len(entries))]

    lines = read_lines(whole[:cut])

    assert [line.entry for line in lines] == entries[: sum(end <= cut for end in ends)]
    assert [line.end for line in lines] == [end for end in ends if end <= cut]


@given(ENTRIES.filter(bool), st.data())
def test_a_changed_byte_is_noticed_and_costs_its_neighbours_nothing(entries, data):
    whole = bytearray(b"".join(map(frame, entries)))
    at = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    is_end = whole[at] == ord("\n")
    whole[at] = other
    hit = whole[:at].count(b"\n")

    found = [line.entry for line in read_lines(bytes(whole)) if line.entry is not None]

    lost = {hit, hit + 1} if is_end else {hit}  # without its end a line runs into the next
    assert found == [entry for number, entry in enumerate(entries) if number not in lost]


@given(ENTRIES, st.binary(max_size=50))
def test_anything_in_front_is_no_entry(entries, noise):
    found = read_lines(noise.replace(b"\n", b"") + b"\n" + b"".join(map(frame, entries)))

    assert [line.entry for line in found if line.entry is not None] == entries


def test_empty_lines_are_nothing():
    assert read_lines(b"\n\n" + frame({"a": 1}) + b"\n") == [(({"a": 1}), 2 + len(frame({"a": 1})))]
