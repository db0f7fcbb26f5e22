"""A labelling task leaves with its answers in pieces; what it gave stays, and a kill leaves nothing that is seen."""

import pytest
import sqlalchemy as sa
from tests.unit.data.labels.conftest import ANNA, BEN

from tidemill.core.access import OWNER
from tidemill.data.deleting.service import DeletingService
from tidemill.data.labels import deleting, store
from tidemill.data.labels.errors import LabelTaskNotFound, LabelTaskOpen
from tidemill.governance.service import GovernanceService
from tidemill.ledger.removal import remove_belonging
from tidemill.ledger.schema import metadata

TABLES = ("label_tasks", "label_items", "label_turns", "label_answers", "label_people")


class Killed(BaseException):
    """Ends a deletion between two pieces."""


@pytest.fixture
def answered(labels, make):
    """Give a closed task with answers of two people, finished once."""
    task = make()
    for person in (ANNA, BEN):
        labels.deal(person, task.name, rows=4)
    for item in range(1, 7):
        labels.answer(ANNA, task.name, item, value="price")
    labels.finish(ANNA, task.name)
    return labels.close(ANNA, task.name)


def rows(ledger) -> int:
    with ledger.read() as connection:
        counts = [sa.select(sa.func.count()).select_from(metadata.tables[name]) for name in TABLES]
        return sum(int(connection.scalar(count)) for count in counts)


def test_a_task_goes_with_its_answers_and_what_it_gave_stays(labels, answered, ledger, data, make):
    labels.delete(OWNER, answered.name)

    assert (labels.list(OWNER), rows(ledger)) == ([], 0)
    with pytest.raises(LabelTaskNotFound):
        labels.get(OWNER, answered.id)
    assert data.read(OWNER, "reviews@2")["topic"].drop_nulls().len() == 6
    made = data.get(OWNER, "reviews@2")
    origins = {
        edge.source for edge in GovernanceService(ledger, {}).trace(OWNER, ref=f"dataset_version:{made.id}").edges
    }
    assert f"label_task:{answered.id}" in origins
    removed, deleted = GovernanceService(ledger, {}).audit(OWNER, limit=2)
    assert (removed.action, deleted.action) == ("label_task.remove", "label_task.delete")
    assert (deleted.detail["answers"], deleted.detail["version"]) == (6, "reviews@1")
    assert labels.create(ANNA, "reviews@2", "topic", choices=["price", "taste"]).name == answered.name, (
        "its name is free"
    )


def test_one_that_deals_rows_is_refused(labels, answered, ledger):
    labels.reopen(OWNER, answered.name)
    before = rows(ledger)

    with pytest.raises(LabelTaskOpen, match="still deals rows"):
        labels.delete(OWNER, answered.name)
    assert rows(ledger) == before
    with pytest.raises(LabelTaskNotFound):
        labels.delete(OWNER, "another")


@pytest.mark.parametrize("piece", [1, 2, 5])
def test_a_kill_between_pieces_leaves_nothing_that_is_seen(labels, answered, ledger, monkeypatch, piece):
    monkeypatch.setattr(deleting, "MOST_ROWS", 3)
    left = piece

    def remove(*given):
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed
        return remove_belonging(*given)

    monkeypatch.setattr(deleting, "remove_belonging", remove)
    with pytest.raises(Killed):
        labels.delete(OWNER, answered.name)

    assert labels.list(OWNER) == []
    assert rows(ledger) > 0
    labels.delete(OWNER, answered.name)
    assert rows(ledger) == 0
    with ledger.read() as connection:
        assert store.leaving(connection) == {}


def test_a_version_without_its_task_may_go(labels, answered, data):
    trash = DeletingService(data.place)
    trash.delete_version(OWNER, ref="reviews@1")
    labels.delete(OWNER, answered.name)

    assert [each.number for each in data.versions(OWNER, "reviews")] == [2]
