"""Stored files are read whole or in part, and damage is never given out."""

import random

import pytest

from tidemill.core.digests import Digest
from tidemill.objects import DamagedObject
from tidemill.objects.packs import Layout, NotFiles
from tidemill.objects.packs.folder import SPAN_BYTES
from tidemill.objects.packs.layout import DamagedLayout
from tidemill.objects.packs.manifest import FileEntry, decode_files, encode_files
from tidemill.objects.trees import DamagedManifest


def spoil(store, digest, at):
    path = store.path(digest)
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_any_range_of_a_file_is_what_was_stored(add, folder, stored, noise):
    (folder / "f").write_bytes(noise)
    rng = random.Random(3)

    with stored(add()).open("f") as file:
        for _ in range(40):
            at, size = rng.randrange(len(noise)), rng.randrange(1, 200_000)
            assert file.seek(at) == at
            assert file.read(size) == noise[at : at + size]
        assert file.seek(-5, 2) == len(noise) - 5
        assert file.read() == noise[-5:]
        assert file.read() == b""


@pytest.mark.parametrize("room", [0, 1, SPAN_BYTES, 2 * SPAN_BYTES])
def test_spans_are_read_into_a_buffer_that_is_used_again(add, folder, stored, noise, room):
    (folder / "f").write_bytes(noise)
    files = stored(add())
    buffer = bytearray(b"x" * room)

    read = [bytes(files.read_into(buffer, start, end)) for start, end, _ in files.spans(0)]

    assert len(read) > 3
    assert max(map(len, read)) <= SPAN_BYTES
    assert b"".join(read) == noise
    assert len(buffer) == room


def test_a_path_that_is_not_there_is_told_with_the_nearest(add, folder, stored):
    (folder / "train.csv").write_bytes(b"1")

    with pytest.raises(NotFiles) as caught:
        stored(add()).read("trai.csv")
    assert "train.csv" in str(caught.value.hint)


def test_a_flipped_bit_is_refused_by_every_reader_and_named(add, folder, store, stored, noise):
    (folder / "good").write_bytes(b"fine")
    (folder / "hurt").write_bytes(noise)
    files = stored(add())
    pack = files.layout.packs[files.layout.chunk(files.layout.chunks_of(1).start).pack][0]
    spoil(store, pack, 4 << 20)
    files = stored(add())

    with pytest.raises(DamagedObject, match="'hurt'"):
        files.read("hurt")
    with pytest.raises(DamagedObject, match="'hurt'"):
        [files.read_into(bytearray(SPAN_BYTES), start, end) for start, end, _ in files.spans(1)]
    with files.open("hurt") as file:
        file.seek(4 << 20)
        with pytest.raises(DamagedObject):
            file.read(1)
    assert files.open("hurt").read(100) == noise[:100]  # what is sound can be read
    assert [entry.path for entry, _ in files.verify()] == ["hurt"]


def test_damage_in_small_files_that_are_read_together_names_the_one(add, folder, store, stored):
    for name in "abc":
        (folder / name).write_bytes(name.encode() * 100)
    files = stored(add())
    spoil(store, files.layout.packs[0][0], 150)

    with pytest.raises(DamagedObject, match="'b'"):
        dict(stored(add()).contents(range(3)))


@pytest.mark.parametrize("path", ["../x", "a/../b", "/etc/passwd", "", ".", "a/./b", "a\\b", "a\0b"], ids=repr)
def test_a_manifest_never_leads_out_of_its_folder(path):
    content = encode_files([FileEntry(path, 1, Digest("0" * 64))])

    with pytest.raises(DamagedManifest):
        decode_files(content)


def test_a_manifest_has_each_path_once():
    with pytest.raises(DamagedManifest):
        decode_files(encode_files([FileEntry("a", 1, Digest("0" * 64)), FileEntry("a", 1, Digest("0" * 64))]))


def test_a_layout_is_what_was_encoded_and_nothing_else_is_one():
    layout = Layout([(Digest("ab" * 32), 10)])
    layout.add(b"d" * 32, 0, 4, 6)
    layout.end_file(1)
    layout.end_file(0)
    again = Layout.decode(layout.encode())

    assert (list(again.chunks()), again.packs, again.files) == (list(layout.chunks()), layout.packs, 2)
    assert list(again.chunks_of(1)) == []
    for broken in (b"", layout.encode()[:-3], b"x" + layout.encode(), layout.encode() + b"y"):
        with pytest.raises(DamagedLayout):
            Layout.decode(broken)


@pytest.mark.parametrize(("pack", "offset", "length"), [(1, 0, 1), (0, 8, 3), (0, 11, 0)])
def test_a_layout_names_no_byte_outside_its_packs(pack, offset, length):
    layout = Layout([(Digest("ab" * 32), 10)])
    layout.add(b"d" * 32, pack, offset, length)
    layout.end_file(1)

    with pytest.raises(DamagedLayout):
        Layout.decode(layout.encode())
