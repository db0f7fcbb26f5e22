from pathlib import Path

import pytest

from tidemill.objects import ObjectStore
from tidemill.objects.store import DamagedObject
from tidemill.pipelines.errors import UnknownResult, UnreadableValue
from tidemill.pipelines.records import StoredValue
from tidemill.pipelines.values.store import LARGEST_INLINE, ValueStore, objects_of, part_of, plain_value


@pytest.fixture
def values(tmp_path):
    (tmp_path / "scratch").mkdir()
    return ValueStore(ObjectStore(tmp_path / "objects"), tmp_path / "scratch")


def test_a_small_value_lies_in_the_record(values):
    stored = values.write({"auc": 0.7})

    assert stored.inline is not None
    assert objects_of(stored) == []
    assert values.read(stored) == {"auc": 0.7}
    assert stored.text == "{'auc': 0.7}"


def test_a_large_value_goes_to_the_object_store(values):
    value = list(range(LARGEST_INLINE))
    stored = values.write(value)

    assert stored.inline is None
    assert values.objects.has(stored.object)
    assert values.read(stored) == value
    assert stored.digest == plain_value(value).digest


def test_frames_and_arrays_come_back_as_what_they_were(values):
    polars = pytest.importorskip("polars")
    pandas = pytest.importorskip("pandas")
    numpy = pytest.importorskip("numpy")
    frame = polars.DataFrame({"a": [1, 2, None], "b": ["x", "y", "z"]})
    table = pandas.DataFrame({"a": [1.5, 2.5]}, index=["x", "y"])
    array = numpy.arange(6).reshape(2, 3)

    assert values.read(values.write(frame)).equals(frame)
    assert values.read(values.write(frame.lazy())).collect().equals(frame)
    pandas.testing.assert_frame_equal(values.read(values.write(table)), table)
    assert (values.read(values.write(array)) == array).all()
    assert values.write(frame).text == "3 rows x 2 columns"


def test_equal_frames_have_equal_digests(values):
    polars = pytest.importorskip("polars")

    assert values.write(polars.DataFrame({"a": [1]})).digest == values.write(polars.DataFrame({"a": [1]})).digest


def test_an_array_of_objects_is_refused_because_it_would_be_pickled(values):
    numpy = pytest.importorskip("numpy")

    with pytest.raises(UnknownResult, match="ndarray"):
        values.write(numpy.array([object()], dtype=object))


def test_a_tuple_of_frames_keeps_each_part_by_itself(values):
    polars = pytest.importorskip("polars")
    left, right = polars.DataFrame({"a": [1]}), polars.DataFrame({"a": [2]})
    stored = values.write((left, {"right": right, "n": 3}))

    back = values.read(stored)
    assert isinstance(back, tuple)
    assert back[1]["right"].equals(right)
    assert part_of(stored, (1, "n"), values.objects).text == "3"
    assert values.read(part_of(stored, (0,), values.objects)).equals(left)
    assert len(objects_of(stored)) == 2


def test_a_part_of_a_plain_value_is_a_value(values):
    large = {"rows": list(range(5000)), "best": {"auc": 0.7}}
    stored = values.write(large)

    part = part_of(stored, ("best", "auc"), values.objects)
    assert values.read(part) == 0.7
    assert part.digest == plain_value(0.7).digest


@pytest.mark.parametrize("path", [("absent",), (7,), ("best", "auc", "deeper")])
def test_a_part_that_is_not_there_is_an_error(values, path):
    with pytest.raises(UnreadableValue, match="no part"):
        part_of(values.write({"best": {"auc": 0.7}}), path, values.objects)


def test_a_file_and_a_folder_travel_as_paths(values, tmp_path):
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "a.txt").write_text("hello")

    file = values.read(values.write(tmp_path / "out" / "deep" / "a.txt"))
    folder = values.read(values.write(tmp_path / "out"))

    assert isinstance(file, Path)
    assert file.name == "a.txt"
    assert file.read_text() == "hello"
    assert (folder / "deep" / "a.txt").read_text() == "hello"


def test_a_path_to_nothing_is_refused(values, tmp_path):
    with pytest.raises(UnknownResult, match="nothing"):
        values.write(tmp_path / "absent")


def test_a_link_out_of_a_returned_folder_is_refused(values, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "passwd").symlink_to("/etc/passwd")

    with pytest.raises(Exception, match="link"):
        values.write(tmp_path / "out")


class Model:
    pass


def test_an_unknown_type_is_named_with_what_is_accepted(values):
    with pytest.raises(UnknownResult, match="Model") as caught:
        values.write({"model": Model()})

    assert "Polars" in caught.value.hint


def test_a_framework_writes_what_it_knows(values, monkeypatch):
    class Framework:
        name = "toy"

        def can_write(self, obj):
            return isinstance(obj, Model)

        def write(self, obj, folder, *, example):
            (folder / "model.txt").write_text(repr(example))

        def read(self, folder):
            return (folder / "model.txt").read_text()

    monkeypatch.setattr("tidemill.pipelines.values.store.framework_codecs", lambda _: (Framework(),))
    stored = values.write({"model": Model()}, example="rows")

    assert stored.items["model"].codec == "toy"
    assert values.read(stored) == {"model": "'rows'"}


def test_a_codec_that_is_not_installed_is_an_error(values, tmp_path):
    (tmp_path / "m").mkdir()
    tree = values.objects.put_tree(tmp_path / "m")

    with pytest.raises(UnreadableValue, match="'torch'"):
        values.read(StoredValue(codec="torch", digest=tree, size=0, object=tree))


def test_damaged_bytes_are_never_read(values):
    stored = values.write("x" * 10_000)
    path = values.objects.path(stored.object)
    path.chmod(0o644)
    path.write_bytes(b"y" * path.stat().st_size)

    with pytest.raises(DamagedObject):
        values.read(stored)
