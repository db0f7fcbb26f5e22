"""The manifest is read with care."""

import json

import pytest

from tidemill.models.manifest import DamagedModel, NotAModel, UnsafeModel, check_inside, read_manifest


def change(folder, **values):
    path = folder / "tidemill.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_what_was_written_is_read(folder):
    found = read_manifest(folder)
    assert (found.framework, found.kind, found.classes, found.model_file) == (
        "lightgbm",
        "classifier",
        (0, 1),
        "model.lgb",
    )
    assert found.verification
    assert found.verification.chosen == "native"
    assert set(found.files) >= {"MLmodel", "model.lgb", "requirements.txt"}


@pytest.mark.parametrize("name", ["", ".", "..", "/x", "../x", "a/../b", "a//b", "a\\b", "a\0", "./a", "a/"])
def test_a_path_that_is_not_plainly_inside_is_refused(name):
    with pytest.raises(UnsafeModel):
        check_inside(name)


@pytest.mark.parametrize(
    ("change_to", "error"),
    [
        ({"format": "tidemill.model.99"}, NotAModel),
        ({"model_file": "../../x"}, UnsafeModel),
        ({"model_file": "other"}, DamagedModel),
        ({"files": {"/etc/passwd": {"size": 1, "digest": "0" * 64}}}, UnsafeModel),
        ({"files": {"x": {"size": 1, "digest": "short"}}}, DamagedModel),
        ({"signature": {"inputs": [], "outputs": []}}, DamagedModel),
        ({"signature": 3}, DamagedModel),
        ({"created_at": "yesterday"}, DamagedModel),
    ],
    ids=str,
)
def test_a_manifest_that_cannot_be_is_refused(folder, change_to, error):
    change(folder, **change_to)
    with pytest.raises(error):
        read_manifest(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b" " * (17 << 20)], ids=len)
def test_bytes_that_are_no_manifest_are_refused(folder, content):
    folder.joinpath("tidemill.json").write_bytes(content)
    with pytest.raises(DamagedModel):
        read_manifest(folder)


def test_none_or_a_link_is_not_a_model(folder):
    path = folder / "tidemill.json"
    path.rename(folder.parent / "elsewhere.json")
    with pytest.raises(NotAModel):
        read_manifest(folder)
    path.symlink_to(folder.parent / "elsewhere.json")
    with pytest.raises(NotAModel):
        read_manifest(folder)
