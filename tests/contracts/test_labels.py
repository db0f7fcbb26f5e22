"""Labelling deals, counts and remembers the same on SQLite and on PostgreSQL, also when many ask at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tidemill.core.access import Actor, Role
from tidemill.data.labels.records import Which
from tidemill.data.labels.service import LabelService
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore

ANNA, BEN = Actor("anna", Role.EDITOR), Actor("ben", Role.EDITOR)
ROWS = 40


@pytest.fixture
def labels(place, tmp_path):
    ledger = Ledger.open(place)
    data = DataService(ledger, ObjectStore(tmp_path / "home"), root=tmp_path)
    (tmp_path / "t.csv").write_text("id,x\n" + "".join(f"{at},{at % 7}\n" for at in range(ROWS)))
    data.ingest(ANNA, "t", "t.csv", key=["id"])
    yield LabelService(ledger, data.place.objects, data)
    ledger.close()


def test_two_people_answer_skip_correct_differ_and_finish(labels):
    task = labels.create(ANNA, "t", "ok", kind="yes_no", people=2, least_certain="x", sample=10).name
    for actor, differs in ((ANNA, set()), (BEN, {2, 5})):
        for row in labels.deal(actor, task, rows=10).rows:
            labels.answer(actor, task, row.item, value=(row.item % 2 == 0) != (row.item in differs), seconds=1.5)
    labels.answer(BEN, task, 5, value=False, note="corrected")
    labels.answer(BEN, task, 9, skip="unclear")
    found = labels.progress(ANNA, task)
    assert (found.task.done, found.answers, found.disagreements) == (9, 19, 1)
    assert [(each.person, each.answered, each.skipped) for each in found.people] == [("anna", 10, 0), ("ben", 9, 1)]
    labels.resolve(ANNA, task, 2, True)
    assert [each.row.item for each in labels.disagreements(ANNA, task)] == []
    assert [each.row.item for each in labels.disagreements(ANNA, task, which=Which.RESOLVED)] == [2]
    assert labels.answers(ANNA, task, person="ben", item=5)[0].corrects
    made = labels.finish(ANNA, task, details=True)
    assert (made.decided, made.undecided) == (10, 0)


@pytest.mark.parametrize("people", [1, 2])
def test_no_row_is_dealt_to_more_people_than_asked_however_many_ask_at_once(labels, people):
    task = labels.create(ANNA, "t", "ok", kind="yes_no", people=people).name

    def work(name: str) -> list[int]:
        actor, mine = Actor(name, Role.EDITOR), []
        while rows := labels.deal(actor, task, rows=3).rows:
            for row in rows:
                labels.answer(actor, task, row.item, value=True)
                mine.append(row.item)
        return mine

    with ThreadPoolExecutor(6) as pool:
        dealt = list(pool.map(work, [f"person {at}" for at in range(6)]))
    assert sorted(item for mine in dealt for item in mine) == sorted([*range(1, ROWS + 1)] * people)
    assert all(len(set(mine)) == len(mine) for mine in dealt)
    assert labels.get(ANNA, task).done == ROWS
