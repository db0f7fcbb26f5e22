"""Files become chunks in packs, and a change costs its chunks."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidemill.objects import digest_bytes
from tidemill.objects.packs import Addition, FileChanged
from tidemill.objects.packs.known import Known
from tidemill.objects.packs.seen import look_at


def contents(files):
    return {entry.path: files.read(entry.path) for entry in files.entries}


def test_what_was_added_is_read_again(add, folder, stored, noise):
    (folder / "sub" / "deep").mkdir(parents=True)
    given_files = {
        "a.bin": noise,
        "empty": b"",
        "new\nline": b"x",
        "sub/b": b"hello",
        "sub/deep/c.bin": noise[: 3 << 20],
        "ünï": b"y" * 70_000,
    }
    for path, content in given_files.items():
        (folder / path).write_bytes(content)

    added = add()

    assert contents(stored(added)) == given_files
    assert [entry.digest for entry in stored(added).entries] == [
        digest_bytes(given_files[path]) for path in sorted(given_files)
    ]
    assert (added.files, added.size_bytes) == (6, sum(map(len, given_files.values())))
    assert list(stored(added).verify()) == []


def test_a_large_file_lies_in_one_piece_under_its_own_digest(add, folder, stored, large):
    (folder / "a").write_bytes(b"small")
    (folder / "big").write_bytes(large)
    (folder / "z").write_bytes(b"small too")

    files = stored(add())

    assert files.whole_pack(1) == digest_bytes(large)
    assert [size for _, size in files.layout.packs] == [5, len(large), 9]


def test_an_insertion_costs_a_chunk_or_two(add, folder, stored, noise):
    (folder / "big").write_bytes(noise)
    first = add()
    (folder / "big").write_bytes(noise[:1000] + b"one row more\n" + noise[1000:])

    second = add([stored(first).layout])

    assert first.new_bytes == len(noise)
    assert 0 < second.new_bytes < 600_000
    assert stored(second).read("big") == noise[:1000] + b"one row more\n" + noise[1000:]


def test_equal_content_is_stored_once_within_an_addition_and_among_versions(add, folder, stored, noise):
    (folder / "a").write_bytes(noise)
    (folder / "b").write_bytes(noise)
    (folder / "c").write_bytes(b"tiny")
    (folder / "d").write_bytes(b"tiny")
    first = add()
    (folder / "a").rename(folder / "z")

    second = add([stored(first).layout])

    assert first.new_bytes == len(noise) + 4
    assert second.new_bytes == 0
    assert stored(second).read("z") == noise
    assert {digest for digest, _ in stored(second).layout.packs} <= {digest for digest, _ in stored(first).layout.packs}


def test_packs_of_which_nothing_is_needed_are_not_named(add, folder, stored, noise):
    (folder / "a").write_bytes(noise)
    first = add()
    (folder / "a").write_bytes(b"another")

    assert [size for _, size in stored(add([stored(first).layout])).layout.packs] == [7]


def test_the_same_files_give_the_same_objects(add, folder, noise):
    (folder / "a").write_bytes(noise)
    (folder / "b").write_bytes(b"b")

    assert add()[:2] == add()[:2]


def test_a_pack_that_is_gone_is_not_relied_on(add, folder, store, stored, noise):
    (folder / "a").write_bytes(noise)
    first = add()
    layout = stored(first).layout
    for digest, _ in layout.packs:
        store.path(digest).unlink()
    known = Known(store)

    assert known.learn(layout) is False
    assert add([layout]).new_bytes == len(noise)


@pytest.mark.parametrize("size", [100, 3 << 20])
def test_a_file_that_changed_since_it_was_listed_is_refused(store, folder, size):
    (folder / "a").write_bytes(b"x" * size)
    looks = look_at(folder)
    with (folder / "a").open("ab") as file:
        file.write(b"more")

    with pytest.raises(FileChanged, match="'a' changed"):
        Addition(store, Known(store)).add(looks, lambda path: f"{folder}/{path}")
    assert list(store.digests()) == []


def test_a_file_that_went_or_became_a_link_is_refused(store, folder):
    (folder / "a").write_bytes(b"x")
    looks = look_at(folder)
    (folder / "a").unlink()
    with pytest.raises(FileChanged, match="cannot be read"):
        Addition(store, Known(store)).add(looks, lambda path: f"{folder}/{path}")
    (folder / "a").symlink_to("/etc/passwd")
    with pytest.raises(FileChanged, match="cannot be read"):
        Addition(store, Known(store)).add(looks, lambda path: f"{folder}/{path}")


def test_progress_goes_up_to_all_bytes(store, folder, noise):
    (folder / "a").write_bytes(noise)
    (folder / "b").write_bytes(b"12345")
    told: list[tuple[int, int]] = []

    Addition(store, Known(store), lambda done, total: told.append((done, total))).add(
        look_at(folder), lambda path: f"{folder}/{path}"
    )

    assert told[-1] == (len(noise) + 5, len(noise) + 5)
    assert all(before[0] <= after[0] for before, after in pairwise(told))


edits = st.lists(
    st.tuples(st.integers(0, 1 << 21), st.integers(0, 300_000), st.binary(max_size=64)), min_size=1, max_size=4
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits)
def test_any_edit_is_kept_exactly(add, folder, stored, noise, changes):
    content = noise[: 2 << 20]
    (folder / "f").write_bytes(content)
    layout = stored(add()).layout
    for at, length, put in changes:
        content = content[:at] + put + content[at + length :]
    (folder / "f").write_bytes(content)

    assert stored(add([layout])).read("f") == content
