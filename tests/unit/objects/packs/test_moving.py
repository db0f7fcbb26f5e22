"""What is planned to be moved is what is lacking, and the layout that follows leads to the same bytes."""

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.digests import Digest
from tidemill.objects.packs.layout import Layout
from tidemill.objects.packs.moving import plan_move, relaid

CHUNKS = [bytes([number]) * (50 + number) for number in range(12)]


def pack_of(numbers) -> tuple[tuple[Digest, int], bytes]:
    content = b"".join(CHUNKS[number] for number in numbers)
    return (Digest(blake3(content).hexdigest()), len(content)), content


class Place:
    """Packs at a place, and layouts on them."""

    def __init__(self) -> None:
        self.packs: dict[tuple[Digest, int], bytes] = {}

    def put(self, numbers) -> tuple[Digest, int]:
        pack, content = pack_of(numbers)
        self.packs[pack] = content
        return pack

    def layout(self, packs: list[list[int]], files: list[list[int]]) -> Layout:
        layout = Layout([self.put(numbers) for numbers in packs])
        at: dict[int, tuple[int, int]] = {}
        for pack, numbers in enumerate(packs):
            offset = 0
            for number in numbers:
                at.setdefault(number, (pack, offset))
                offset += len(CHUNKS[number])
        for file in files:
            for number in file:
                layout.add(blake3(CHUNKS[number]).digest(), *at[number], len(CHUNKS[number]))
            layout.end_file(len(file))
        return layout

    def files(self, layout: Layout) -> list[bytes]:
        found = []
        for file in range(layout.files):
            chunks = [layout.chunk(number) for number in layout.chunks_of(file)]
            found.append(b"".join(self.packs[layout.packs[c.pack]][c.offset : c.offset + c.length] for c in chunks))
        return found


def move(here: Place, layout: Layout, there: Place, others: list[Layout]) -> tuple[Layout, int]:
    planned = plan_move(layout, lambda pack: pack in there.packs, others)
    moved = 0
    for pack in planned.whole:
        there.packs[pack] = here.packs[pack]
        moved += pack[1]
    made = []
    for chunks in planned.chunks:
        content = b"".join(here.packs[layout.packs[c.pack]][c.offset : c.offset + c.length] for c in chunks)
        pack = (Digest(blake3(content).hexdigest()), len(content))
        there.packs[pack] = content
        made.append(pack)
        moved += len(content)
    return relaid(layout, planned, made), moved


numbers = st.lists(st.integers(0, 11), min_size=1, max_size=8, unique=True)


@given(st.data())
def test_files_are_the_same_there_whatever_was_there_before(data):
    packs = data.draw(st.lists(numbers, min_size=1, max_size=3))
    held = sorted({number for pack in packs for number in pack})
    files = data.draw(st.lists(st.lists(st.sampled_from(held), max_size=6), min_size=1, max_size=4))
    here, there = Place(), Place()
    layout = here.layout(packs, files)
    before = data.draw(st.lists(numbers, max_size=2))
    others = [there.layout(before, [sorted({number for pack in before for number in pack})])] if before else []

    new, moved = move(here, layout, there, others)

    assert there.files(new) == here.files(layout)
    assert Layout.decode(new.encode()).encode() == new.encode()
    needed = {number for pack in packs for number in pack}
    assert moved <= 2 * sum(len(CHUNKS[number]) * len(packs) for number in needed)
    assert move(here, layout, there, [new])[1] == 0


def test_a_pack_of_which_half_is_lacking_moves_whole():
    here, there = Place(), Place()
    layout = here.layout([[0, 1, 2, 3]], [[0, 1, 2]])

    new, _ = move(here, layout, there, [])

    assert new is layout
    assert list(there.packs) == layout.packs


def test_of_a_pack_of_which_little_is_lacking_the_chunks_move():
    here, there = Place(), Place()
    layout = here.layout([[0, 1, 2, 3, 4, 5]], [[1], [4, 1]])

    new, moved = move(here, layout, there, [])

    assert moved == len(CHUNKS[1]) + len(CHUNKS[4])
    assert new.packs == [pack_of([1, 4])[0]]


@pytest.mark.parametrize("has_all", [True, False])
def test_nothing_moves_that_is_there(has_all):
    here, there = Place(), Place()
    layout = here.layout([[0, 1, 2]], [[0, 1, 2]])
    others = [there.layout([[2, 0], [1]], [[0, 1, 2]])]
    if has_all:
        there.put([0, 1, 2])

    assert move(here, layout, there, others)[1] == 0
