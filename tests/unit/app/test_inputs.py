"""Steps get the files of the dataset versions that they name, and of no others."""

from pathlib import Path

import pytest

from tidemill.app.inputs import Datasets
from tidemill.core.access import OWNER
from tidemill.core.errors import Damaged
from tidemill.data.errors import DatasetNotFound, NotATable


@pytest.fixture
def datasets(workspace, tmp_path):
    for name, content in (("one", "x\n1\n"), ("two", "x\n2\n")):
        (tmp_path / f"{name}.csv").write_text(content)
        workspace.data.ingest(OWNER, name, str(tmp_path / f"{name}.csv"))
    return Datasets(workspace.data, workspace.objects)


def test_versions_come_in_the_order_of_their_names_with_files_that_are_there(datasets, workspace):
    two, one = datasets.resolve(OWNER, refs=["two", "one@1"])

    assert (two.ref, two.label, one.ref, one.label) == ("two", "two@1", "one@1", "one@1")
    assert two.id == workspace.data.get(OWNER, "two").id
    assert [Path(file).is_file() for file in (*one.files, *two.files)] == [True, True]
    assert one.digest != two.digest
    assert datasets.resolve(OWNER, refs=[]) == []


def test_a_folder_of_files_is_no_table(datasets, workspace, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    workspace.data.ingest(OWNER, "images", str(folder))

    with pytest.raises(NotATable, match="images@1 is a folder of files"):
        datasets.resolve(OWNER, refs=["one", "images"])
    with pytest.raises(DatasetNotFound):
        datasets.resolve(OWNER, refs=["none"])


def test_a_part_that_was_damaged_is_not_handed_to_a_step(datasets, workspace):
    [file] = datasets.resolve(OWNER, refs=["one"])[0].files
    Path(file).chmod(0o644)
    Path(file).write_bytes(b"else")

    with pytest.raises(Damaged):
        datasets.resolve(OWNER, refs=["one"])
