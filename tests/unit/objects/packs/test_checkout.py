"""Stored files come back to disk, and nobody's work is lost."""

import os

import pytest
from tests.unit.objects.packs.test_folder import spoil

from tidemill.core.digests import Digest
from tidemill.objects import DamagedObject, UnsafePath
from tidemill.objects.packs.checkout import Checkout, FilesInTheWay


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def first(add, folder, stored, large):
    (folder / "sub").mkdir()
    for name, content in {"big": large, "same": b"same", "sub/old": b"old", "text": b"one"}.items():
        (folder / name).write_bytes(content)
    return stored(add())


@pytest.fixture
def second(first, add, folder, stored):
    (folder / "sub" / "old").unlink()
    (folder / "sub").rmdir()
    (folder / "text").write_bytes(b"two")
    (folder / "new").write_bytes(b"new")
    return stored(add([first.layout]))


def test_a_new_folder_holds_the_version(store, first, folder, tmp_path):
    done = Checkout(store, first).new(tmp_path / "out")

    assert tree(tmp_path / "out") == tree(folder)
    assert (done.written, done.kept, done.removed) == (4, 0, 0)


def test_files_of_all_sizes_come_back_wherever_their_chunks_lie(store, add, stored, folder, tmp_path, noise):
    sizes = [0, 1, 70_000, 1 << 20, (1 << 20) + 1, 3 << 20, 5 << 20]
    for name in ("a", "b/c", "d"):
        (folder / name).mkdir(parents=True)
        for number, size in enumerate(sizes):
            (folder / name / str(number)).write_bytes(noise[number : number + size])  # the same in each folder
    first = stored(add())
    (folder / "b" / "c" / "2").write_bytes(noise[5 << 20 :][:70_000])
    second = stored(add([first.layout]))

    done = Checkout(store, second).new(tmp_path / "out")

    assert tree(tmp_path / "out") == tree(folder)
    assert done.bytes_written == second.manifest.size_bytes


def test_a_write_that_takes_less_goes_on(store, first, folder, tmp_path, monkeypatch):
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, content, at: write(handle, memoryview(content)[:700_000], at))

    Checkout(store, first).new(tmp_path / "out")

    assert tree(tmp_path / "out") == tree(folder)


def test_a_linked_file_is_its_pack_and_cannot_be_written(store, first, tmp_path):
    Checkout(store, first, link=True).new(tmp_path / "out")

    big = tmp_path / "out" / "big"
    assert big.stat().st_ino == store.path(first.entry("big").digest).stat().st_ino
    assert big.stat().st_mode & 0o222 == 0


def test_an_update_writes_and_removes_only_what_differs(store, first, second, tmp_path, folder):
    out = tmp_path / "out"
    work = Checkout(store, first)
    work.new(out)
    (out / "mine.txt").write_text("not of any version")
    before = out.joinpath("big").stat().st_mtime_ns

    done = Checkout(store, second).update(out, work.seen(Digest("x")), first.entries, force=False)

    assert (done.written, done.kept, done.removed) == (2, 2, 1)
    assert tree(out) == tree(folder) | {"mine.txt": b"not of any version"}
    assert not (out / "sub").exists()
    assert out.joinpath("big").stat().st_mtime_ns == before


def test_changed_files_are_not_overwritten_without_force(store, first, second, tmp_path, folder):
    out = tmp_path / "out"
    work = Checkout(store, first)
    work.new(out)
    (out / "text").write_bytes(b"work of a week")
    (out / "sub" / "old").write_bytes(b"changed too")

    with pytest.raises(FilesInTheWay, match="'text'"):
        Checkout(store, second).update(out, work.seen(Digest("x")), first.entries, force=False)
    assert (out / "text").read_bytes() == b"work of a week"

    Checkout(store, second).update(out, work.seen(Digest("x")), first.entries, force=True)
    assert tree(out) == tree(folder)


def test_files_that_are_right_already_are_kept_wherever_they_came_from(store, first, tmp_path, folder):
    out = tmp_path / "out"
    out.mkdir()
    (out / "text").write_bytes(b"one")

    done = Checkout(store, first).update(out, None, (), force=False)

    assert (done.written, done.kept) == (3, 1)
    assert tree(out) == tree(folder)


def test_nothing_is_written_through_a_link(store, first, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    out.mkdir()
    other.mkdir()
    (out / "sub").symlink_to(other)

    with pytest.raises(UnsafePath):
        Checkout(store, first).update(out, None, (), force=True)
    assert list(other.iterdir()) == []


def test_damage_leaves_no_folder(store, first, tmp_path):
    spoil(store, first.entry("big").digest, 10 << 20)

    with pytest.raises(DamagedObject):
        Checkout(store, first).new(tmp_path / "out")
    with pytest.raises(DamagedObject):
        Checkout(store, first, link=True).new(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".out")] == []
