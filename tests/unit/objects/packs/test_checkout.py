"""Stored files come back to disk, and nobody's work is lost."""

import errno
import os

import pytest
from tests.unit.objects.packs.test_folder import spoil

from tidemill.core.digests import Digest
from tidemill.core.errors import OutOfSpace
from tidemill.objects import DamagedObject, UnsafePath
from tidemill.objects.packs.checkout import Checkout, FilesInTheWay, TargetNotWritable


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


@pytest.fixture
def file_and_folder(add, folder, stored):
    """Two versions: one in which `a` is a folder, one in which it is a file."""
    (folder / "a").mkdir()
    (folder / "a" / "b").write_bytes(b"below")
    one = stored(add())
    (folder / "a" / "b").unlink()
    (folder / "a").rmdir()
    (folder / "a").write_bytes(b"plain")
    return one, stored(add())


def test_a_folder_becomes_a_file_and_a_file_a_folder(store, file_and_folder, tmp_path):
    one, two = file_and_folder
    out = tmp_path / "out"
    work = Checkout(store, one)
    work.new(out)
    (out / "a" / "empty").mkdir()

    for before, now, is_now in ((one, two, {"a": b"plain"}), (two, one, {"a/b": b"below"})):
        seen = work.seen(before.manifest)
        work = Checkout(store, now)
        work.update(out, seen, before.entries, force=False)
        assert tree(out) == is_now


def test_files_of_a_person_where_a_folder_or_a_file_must_be_are_in_the_way(store, file_and_folder, tmp_path):
    one, two = file_and_folder
    for version, mine in ((one, "a"), (two, "a/mine")):
        out = tmp_path / mine.replace("/", "-")
        (out / mine).parent.mkdir(parents=True)
        (out / mine).write_bytes(b"mine")

        with pytest.raises(FilesInTheWay, match=f"'{mine}'"):
            Checkout(store, version).update(out, None, (), force=False)
        assert tree(out) == {mine: b"mine"}

        Checkout(store, version).update(out, None, (), force=True)
        assert set(tree(out)) == {entry.path for entry in version.entries}


def test_what_fails_leaves_nothing_unfinished_among_the_files(store, first, tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    write = os.pwrite

    def full(handle, content, at):
        if at >= 1 << 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, content, at)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OutOfSpace):
        Checkout(store, first).update(out, None, (), force=False)
    assert set(tree(out)) <= {entry.path for entry in first.entries} - {"big"}

    monkeypatch.undo()
    spoil(store, first.entry("big").digest, 10 << 20)
    with pytest.raises(DamagedObject):
        Checkout(store, first).update(out, None, (), force=False)
    assert set(tree(out)) <= {entry.path for entry in first.entries}


def test_a_target_that_cannot_be_a_folder_is_told(store, first, tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")

    with pytest.raises(TargetNotWritable, match="Not a directory"):
        Checkout(store, first).update(tmp_path / "file", None, (), force=True)
    for target in (tmp_path / "file" / "below", tmp_path / "nowhere"):
        with pytest.raises(TargetNotWritable):
            Checkout(store, first).new(target)
    assert (tmp_path / "file").read_bytes() == b"mine"
    assert not any(path.name.startswith(".") for path in tmp_path.iterdir())
