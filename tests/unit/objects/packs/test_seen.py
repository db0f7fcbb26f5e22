"""Which files need not be read again."""

import os

import pytest

from tidemill.objects import UnsafePath
from tidemill.objects.packs.seen import Seen, SeenFolders, look_at


def seen_of(folder, taken):
    return Seen("v", taken, {look.path: look[1:] for look in look_at(folder)})


def test_a_file_is_unchanged_until_anything_of_it_is(folder, aged):
    path = folder / "f"
    path.write_bytes(b"abc")
    seen = seen_of(folder, aged())
    [look] = look_at(folder)
    assert seen.is_unchanged(look)

    other = folder / "g"
    other.write_bytes(b"xyz")
    os.utime(other, ns=(look.modified_ns, look.modified_ns))
    other.replace(path)  # same size, same time: another inode and another time of change

    assert not seen.is_unchanged(look_at(folder)[0])


def test_a_file_written_just_before_the_look_is_read_again(folder):
    (folder / "f").write_bytes(b"abc")
    [look] = look_at(folder)

    assert not seen_of(folder, max(look.modified_ns, look.changed_ns) + 1_000_000).is_unchanged(look)


def test_looks_are_kept_by_dataset_and_folder(tmp_path, folder, aged):
    kept = SeenFolders(tmp_path / "seen")
    (folder / "f").write_bytes(b"abc")
    seen = seen_of(folder, aged())
    kept.keep("a", folder, seen)

    assert kept.find("a", folder) == seen
    assert kept.find("b", folder) is None
    for file in (tmp_path / "seen").iterdir():
        file.write_bytes(b"rubbish")
    assert kept.find("a", folder) is None


@pytest.mark.parametrize("make", [lambda p: p.symlink_to("/etc/passwd"), os.mkfifo], ids=["link", "pipe"])
def test_links_and_devices_are_refused(folder, make):
    make(folder / "x")

    with pytest.raises(UnsafePath, match="not a plain file"):
        look_at(folder)


@pytest.mark.parametrize("name", [b"\xe9t\xe9", b"a\\b"])
def test_names_that_cannot_be_kept_are_refused(folder, name):
    (folder / os.fsdecode(name)).touch()

    with pytest.raises(UnsafePath, match="name"):
        look_at(folder)
