"""Datasets and versions go into the trash and come out of it; what is there is nowhere else."""

import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import NotFound
from tidemill.data.deleting.service import DeletingService
from tidemill.data.errors import (
    DatasetInTrash,
    DatasetInUse,
    DatasetNotFound,
    DatasetVersionInTrash,
    DatasetVersionNotFound,
    InvalidDatasetRef,
)
from tidemill.data.labels.service import LabelService
from tidemill.governance.service import GovernanceService


@pytest.fixture
def deleting(data) -> DeletingService:
    return DeletingService(data.place)


@pytest.fixture
def three(ingest):
    """Three versions of a table, each with a row more."""
    return [ingest("".join(f"{row}\n" for row in ["a", *range(count)])) for count in (1, 2, 3)]


def numbers(data, name="table") -> list[int]:
    return [version.number for version in data.versions(OWNER, name)]


def test_a_deleted_version_is_in_no_list_and_no_reference_means_it(data, deleting, three):
    deleting.delete_version(OWNER, ref="table@3")

    assert numbers(data) == [2, 1]
    assert data.get(OWNER, "table").number == 2
    assert data.get(OWNER, f"table@{three[2].created_at:%Y-%m-%d}").number == 2
    assert [each.latest for each in data.list(OWNER)] == [2]


def test_asking_for_it_says_where_it_is_and_how_it_comes_back(data, deleting, three):
    deleting.delete_version(OWNER, ref="table@2")

    with pytest.raises(DatasetVersionInTrash) as caught:
        data.get(OWNER, "table@2")
    assert "tidemill data restore table@2" in caught.value.hint
    assert data.get(OWNER, three[1].id).ref == "table@2", "what names it by its identifier still reads it"


def test_it_comes_back_as_it_was(data, deleting, three):
    before = data.get(OWNER, "table@2")
    deleting.delete_version(OWNER, ref="table@2")

    assert deleting.restore_version(OWNER, name="table", number=2) == before
    assert numbers(data) == [3, 2, 1]
    with pytest.raises(DatasetVersionNotFound):
        deleting.restore_version(OWNER, name="table", number=2)


def test_a_number_is_not_given_again(data, deleting, three, ingest):
    deleting.delete_version(OWNER, ref="table@3")

    assert ingest("a\n0\n1\n2\n").number == 4, "also when the content is that of the deleted one"


def test_the_next_version_comes_after_the_latest_that_is_there(data, deleting, three, ingest, ledger):
    deleting.delete_version(OWNER, ref="table@3")
    made = ingest("a\n7\n")
    trail = GovernanceService(ledger, {}).trace(OWNER, ref=f"dataset_version:{made.id}")

    assert {edge.source for edge in trail.edges if edge.relation == "previous"} >= {f"dataset_version:{three[1].id}"}


def test_a_version_with_a_tag_and_the_only_one_cannot_go(data, deleting, three, ingest):
    ingest("a\n1\n", name="other")
    data.tag(OWNER, "table@2", "holdout")

    with pytest.raises(DatasetInUse, match="holdout") as caught:
        deleting.delete_version(OWNER, ref="table@2")
    assert "tidemill data untag table holdout" in caught.value.hint
    with pytest.raises(DatasetInUse, match="only version"):
        deleting.delete_version(OWNER, ref="other@1")
    with pytest.raises(InvalidDatasetRef):
        deleting.delete_version(OWNER, ref="table")


def test_what_people_are_labelling_cannot_go(data, deleting, three, ledger, objects):
    labels = LabelService(ledger, objects, data)
    labels.create(OWNER, "table@2", "good", kind="yes_no", name="task")

    with pytest.raises(DatasetInUse, match="task"):
        deleting.delete_version(OWNER, ref="table@2")
    with pytest.raises(DatasetInUse, match="task"):
        deleting.delete(OWNER, name="table")
    labels.close(OWNER, "task")
    deleting.delete_version(OWNER, ref="table@2")


def test_what_is_named_for_what_is_to_come_cannot_go(deleting, three):
    deleting.named_by = lambda _, name, version: f"project of {version.ref if version else name}"

    with pytest.raises(DatasetInUse, match="Project of table@1 names table@1"):
        deleting.delete_version(OWNER, ref="table@1")
    with pytest.raises(DatasetInUse, match="Project of table names table"):
        deleting.delete(OWNER, name="table")


def test_a_dataset_goes_with_its_versions_and_tags_and_comes_back_with_them(data, deleting, three):
    data.tag(OWNER, "table@2", "holdout")
    deleting.delete_version(OWNER, ref="table@1")
    deleting.delete(OWNER, name="table")

    assert data.list(OWNER) == []
    for ref in ("table", "table@3", "table@1", "table@holdout"):
        with pytest.raises(DatasetInTrash) as caught:
            data.get(OWNER, ref)
        assert "tidemill data restore table`" in caught.value.hint
    with pytest.raises(DatasetInTrash):
        deleting.restore_version(OWNER, name="table", number=3)
    assert deleting.restore(OWNER, name="table").latest == 3
    assert numbers(data) == [3, 2], "one that went there before stays there"
    assert data.get(OWNER, "table@holdout").number == 2


def test_a_name_in_the_trash_can_begin_anew(data, deleting, three, ingest):
    data.tag(OWNER, "table@2", "gold")
    deleting.delete(OWNER, name="table")
    made = ingest("b\n1\n", description="another")

    assert (made.number, made.tags) == (4, ())
    assert numbers(data) == [4]
    assert data.list(OWNER)[0].description == "another"
    with pytest.raises(DatasetNotFound):
        deleting.restore(OWNER, name="table")
    assert deleting.restore_version(OWNER, name="table", number=2).tags == ()


def test_the_audit_says_who_did_what(deleting, three, ledger):
    deleting.delete_version(OWNER, ref="table@2")
    deleting.restore_version(OWNER, name="table", number=2)
    deleting.delete(OWNER, name="table")
    deleting.restore(OWNER, name="table")
    events = GovernanceService(ledger, {}).audit(OWNER, limit=4)

    assert [each.action for each in events] == [
        "dataset.restore",
        "dataset.delete",
        "dataset.restore_version",
        "dataset.delete_version",
    ]
    assert events[3].detail["digest"] == three[1].digest


@pytest.mark.parametrize("call", [("delete", {"name": "nothing"}), ("removed", {"name": "nothing"})])
def test_what_is_not_there_cannot_go(deleting, three, call):
    verb, given = call
    with pytest.raises(NotFound):
        getattr(deleting, verb)(OWNER, **given)
    with pytest.raises(DatasetVersionNotFound):
        deleting.delete_version(OWNER, ref="table@9")
