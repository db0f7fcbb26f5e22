"""A version of a dataset or a model is traced by its name, and what a trace holds is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.core.errors import NotFound
from tidemill.data.records import DatasetVersion
from tidemill.governance.tracing import ThingNotFound

Add = Callable[..., DatasetVersion]


@pytest.fixture
def add(workspace: Workspace, tmp_path: Path) -> Add:
    def add(text: str, name: str = "orders") -> DatasetVersion:
        file = tmp_path / "orders.csv"
        file.write_text(text)
        return workspace.data.ingest(OWNER, name=name, source=str(file))

    return add


def test_a_dataset_version_is_traced_by_its_name_and_the_things_are_named(workspace: Workspace, add: Add):
    first, second = add("n\n1\n"), add("n\n1\n2\n")

    found = workspace.governance.trace(OWNER, ref="orders@2", direction="both", named=True)

    assert found.start == f"dataset_version:{second.id}"
    assert found.names[found.start] == "orders@2"
    assert found.names[f"dataset_version:{first.id}"] == "orders@1"
    assert {found.names[edge.source] for edge in found.edges if edge.relation == "ingested"} == {
        second.source.files[0].name
    }


def test_the_folder_that_files_came_from_is_named(workspace: Workspace, tmp_path: Path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.jpg").write_bytes(b"1")
    workspace.data.ingest(OWNER, name="pets", source=str(tmp_path / "pictures"))

    found = workspace.governance.trace(OWNER, ref="pets@1", direction="up", named=True)

    assert [found.names[edge.source] for edge in found.edges] == ["pictures"]


@pytest.mark.parametrize("ref", ["orders", "orders@latest", "dataset:orders", "dataset_version:orders@2"])
def test_the_name_of_the_whole_means_the_latest(workspace: Workspace, add: Add, ref: str):
    add("n\n1\n")
    latest = add("n\n1\n2\n")

    assert workspace.governance.trace(OWNER, ref=ref).start == f"dataset_version:{latest.id}"


def test_a_trace_says_which_name_is_near_and_which_version_is_missing(workspace: Workspace, add: Add):
    add("n\n1\n")

    with pytest.raises(ThingNotFound) as near:
        workspace.governance.trace(OWNER, ref="ordres@1")
    assert near.value.hint == "Did you mean 'orders'?"
    with pytest.raises(NotFound) as missing:
        workspace.governance.trace(OWNER, ref="orders@7")
    assert "has no version '7'" in missing.value.message
