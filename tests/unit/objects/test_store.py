"""Objects come back as they were stored, or not at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.digests import Digest
from tidemill.objects import DamagedObject, ObjectMissing, ObjectStore, UnsafePath, digest_bytes, digest_file


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "store")


def test_bytes_come_back_under_their_digest(store: ObjectStore) -> None:
    digest = store.put_bytes(b"tide")
    assert digest == digest_bytes(b"tide")
    assert store.read(digest) == b"tide"
    assert store.size(digest) == 4
    assert list(store.digests()) == [digest]


def test_same_content_is_stored_once(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"mill" * 1000)
    first, size = store.put_file(file)
    second, _ = store.put_stream([b"mill"] * 1000)
    assert (first, size) == (second, 4000)
    assert list(store.digests()) == [first]


def test_adopting_moves_the_file(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "part"
    file.write_bytes(b"x" * 10)
    digest, size = store.adopt(file)
    assert not file.exists()
    assert (store.read(digest), size) == (b"x" * 10, 10)


def test_a_large_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"0123456789abcdef" * (1 << 20))
    assert digest_file(file) == digest_bytes(file.read_bytes())


def test_a_flipped_bit_is_refused_by_every_reader(store: ObjectStore, tmp_path: Path) -> None:
    digest = store.put_bytes(b"tide")
    path = store.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"tidf")
    with pytest.raises(DamagedObject):
        store.read(digest)
    with pytest.raises(DamagedObject):
        store.verify(digest)
    with pytest.raises(DamagedObject):
        store.export(digest, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [damage.problem for damage in store.fsck()] == ["the content does not match the digest"]


def test_a_missing_object_is_named(store: ObjectStore) -> None:
    digest = Digest("0" * 64)
    for read in (store.read, store.open, store.size, store.verify):
        with pytest.raises(ObjectMissing, match="0000"):
            read(digest)


def test_a_strange_file_is_reported(store: ObjectStore) -> None:
    (store.root / "objects" / "zz").mkdir()
    (store.root / "objects" / "zz" / "thing").write_bytes(b"")
    assert [damage.problem for damage in store.fsck()] == ["the name is not a digest"]


def test_a_stream_that_breaks_leaves_nothing(store: ObjectStore) -> None:
    def broken() -> object:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.put_stream(broken())  # type: ignore[arg-type]
    assert list(store.digests()) == []
    assert store.clear_incoming() == 0


@given(
    files=st.dictionaries(
        st.from_regex(r"[a-z]{1,4}(/[a-z]{1,4})?", fullmatch=True), st.binary(max_size=50), max_size=6
    )
)
def test_a_tree_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    root = tmp_path_factory.mktemp("tree")
    written = {}
    for name, content in files.items():
        path = root / "in" / name
        if path.is_dir() or any(parent.is_file() for parent in path.parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written[name] = content
    (root / "in").mkdir(exist_ok=True)
    store = ObjectStore(root / "store")
    digest = store.put_tree(root / "in")
    store.export_tree(digest, root / "out")
    found = {
        str(path.relative_to(root / "out")): path.read_bytes() for path in (root / "out").rglob("*") if path.is_file()
    }
    assert found == written
    assert store.put_tree(root / "out") == digest


def test_a_link_out_of_the_folder_is_refused(store: ObjectStore, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "passwords").symlink_to("/etc/passwd")
    with pytest.raises(UnsafePath, match="passwords"):
        store.put_tree(folder)


@pytest.mark.parametrize("path", ["../up", "/etc/passwd", "a/../../b", "", "a\0b", "a\\..\\b", "\ud800"])
def test_a_manifest_may_not_leave_its_folder(store: ObjectStore, tmp_path: Path, path: str) -> None:
    from tidemill.objects.trees import check_relative

    with pytest.raises(UnsafePath):
        check_relative(path)
