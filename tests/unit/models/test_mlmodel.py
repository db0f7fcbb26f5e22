"""MLmodel is read with care: no aliases, no tags, nothing huge, no way out of the folder."""

import json

import pytest

from tidemill.core.names import shown
from tidemill.models.manifest import DamagedModel, UnsafeModel
from tidemill.models.mlmodel import LARGEST_BYTES, read_mlmodel


def test_what_was_written_is_read(folder):
    found = read_mlmodel(folder)
    assert found.run_id == "r7"
    assert set(found.flavors) == {"lightgbm", "python_function"}
    assert found.signature
    assert [field.name for field in found.signature.inputs] == ["x", "kind"]
    assert [field.type for field in found.signature.outputs] == ["double"]


def test_the_environment_files_and_the_example_are_beside_it(folder):
    assert folder.joinpath("requirements.txt").read_text().startswith("mlflow\nlightgbm==")
    example = json.loads(folder.joinpath("input_example.json").read_text())
    assert example["columns"] == ["x", "kind"]
    assert 0 < len(example["data"]) <= 5


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{n}: &{n} [*{m},*{m}]\n" for m, n in zip("abcdefgh", "bcdefghi"))  # noqa: B905 - neighbours


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (BOMB, UnsafeModel),
        ("flavors: &x {}\nother: *x\n", UnsafeModel),
        ("flavors: !!python/object/apply:os.system ['touch pwned']\n", UnsafeModel),
        ("flavors: !thing {}\n", UnsafeModel),
        ("flavors: {python_function: {model_path: ../../x}}\n", UnsafeModel),
        ("flavors: {python_function: {data: /etc/passwd}}\n", UnsafeModel),
        ("flavors: {lightgbm: {code: 'a/../../b'}}\n", UnsafeModel),
        ("", DamagedModel),
        ("flavors: [\n", DamagedModel),
        ("just text", DamagedModel),
        ("flavors: 3\n", DamagedModel),
        ("run_id: x\n", DamagedModel),
        ("flavors: {}\nsignature: {inputs: 'no json'}\n", Exception),
        ("flavors: " + "[" * 5000, DamagedModel),
        ("flavors: {}\nx: [" + "1," * 30_000 + "]\n", DamagedModel),
        ("flavors: {}\nflavors: {}\n", DamagedModel),
    ],
    ids=lambda one: shown(one, 30) if isinstance(one, str) else one.__name__,
)
def test_what_is_crafted_is_refused(folder, text, error):
    folder.joinpath("MLmodel").write_text(text)
    with pytest.raises(error):
        read_mlmodel(folder)


def test_bytes_that_are_not_text_a_huge_file_a_link_and_none_are_refused(folder):
    path = folder / "MLmodel"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DamagedModel):
        read_mlmodel(folder)
    path.write_bytes(b"#" * (LARGEST_BYTES + 1))
    with pytest.raises(DamagedModel, match="over"):
        read_mlmodel(folder)
    path.unlink()
    with pytest.raises(DamagedModel, match="no file MLmodel"):
        read_mlmodel(folder)
    path.symlink_to("/etc/hostname")
    with pytest.raises(DamagedModel):
        read_mlmodel(folder)
