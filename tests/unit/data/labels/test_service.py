"""What people do with a labelling task, in the ledger."""

import pytest

from tidemill.checks.errors import InvalidExpression
from tidemill.core.access import OWNER
from tidemill.core.errors import TidemillError
from tidemill.data.labels.errors import (
    InvalidAnswer,
    InvalidLabelTask,
    LabelItemNotFound,
    LabelTaskExists,
    LabelTaskNotFound,
    NoRowsToLabel,
)
from tidemill.data.labels.records import LabelKind, Which

from .conftest import ANNA, BEN, CARA


def items(hand):
    return [row.item for row in hand.rows]


def test_two_people_never_get_the_same_row(labels, make):
    task = make()
    anna, ben = labels.deal(ANNA, task.name, rows=5), labels.deal(BEN, task.name, rows=5)
    assert items(anna) == [1, 2, 3, 4, 5]
    assert items(ben) == [6, 7, 8, 9, 10]
    assert items(labels.deal(CARA, task.name, rows=5)) == [11, 12]
    assert items(labels.deal(ANNA, task.name, rows=5)) == items(anna)


def test_several_people_a_row_get_the_same_rows_and_each_once(labels, make):
    task = make(4, people=2)
    assert items(labels.deal(ANNA, task.name, rows=4)) == [1, 2, 3, 4]
    assert items(labels.deal(BEN, task.name, rows=4)) == [1, 2, 3, 4]
    assert items(labels.deal(CARA, task.name, rows=4)) == []
    for item in range(1, 5):
        labels.answer(ANNA, task.name, item, value="price")
    assert items(labels.deal(ANNA, task.name, rows=4)) == []


def test_a_hold_that_is_over_goes_to_who_asks_next(labels, make, ledger, monkeypatch):
    task = make(3, hold_s=1)
    assert items(labels.deal(ANNA, task.name, rows=3)) == [1, 2, 3]
    assert items(labels.deal(BEN, task.name, rows=3)) == []
    later(monkeypatch, 2)
    assert items(labels.deal(BEN, task.name, rows=2)) == [1, 2]
    assert items(labels.deal(ANNA, task.name, rows=3)) == [3]
    labels.answer(ANNA, task.name, 1, value="taste")  # what comes late counts
    assert labels.get(ANNA, task.name).done == 1


def later(monkeypatch, seconds):
    from datetime import timedelta

    from tidemill.core.moments import utc_now

    monkeypatch.setattr("tidemill.ledger.transaction.utc_now", lambda: utc_now() + timedelta(seconds=seconds))


def test_a_skipped_row_goes_to_others_and_not_to_who_skipped_it(labels, make):
    task = make(2)
    labels.deal(ANNA, task.name, rows=1)
    labels.answer(ANNA, task.name, 1, skip="I cannot read it")
    assert items(labels.deal(ANNA, task.name, rows=2)) == [2]
    assert items(labels.deal(BEN, task.name, rows=2)) == [1]
    assert labels.get(ANNA, task.name).done == 0
    waiting = labels.disagreements(CARA, task.name, which=Which.SKIPPED)
    assert [(each.row.item, each.votes[0].skipped) for each in waiting] == [(1, "I cannot read it")]
    assert labels.progress(CARA, task.name).skipped == 1
    labels.resolve(CARA, task.name, 1, "taste")
    assert labels.disagreements(CARA, task.name, which=Which.SKIPPED) == []


def test_a_correction_is_a_further_answer(labels, make):
    task = make()
    labels.answer(ANNA, task.name, 4, value="price")
    labels.answer(ANNA, task.name, 4, value="taste", note="read again")
    kept = labels.answers(ANNA, task.name)
    assert [(each.value, each.corrects) for each in kept] == [("taste", True), ("price", False)]
    row = labels.row(ANNA, task.name, 4)
    assert (row.answer, row.note) == ("taste", "read again")
    assert labels.progress(ANNA, task.name).people[0].answered == 1


def test_an_answer_that_is_sent_twice_counts_once(labels, make):
    task = make()
    first = labels.answer(ANNA, task.name, 1, value="price", answer_id="ab" * 16)
    assert labels.answer(ANNA, task.name, 1, value="price", answer_id="ab" * 16) == first
    assert len(labels.answers(ANNA, task.name)) == 1


def test_rows_that_a_program_answered_before_are_not_dealt(labels, make):
    task = make(6)
    for item in (1, 2, 4):
        labels.answer(BEN, task.name, item, value="price")
    assert items(labels.deal(ANNA, task.name, rows=6)) == [3, 5, 6]


def test_rows_that_a_program_answered_are_dealt_where_two_are_asked(labels, make):
    task = make(6, people=2)
    for item in range(1, 7):
        labels.answer(BEN, task.name, item, value="price")
    assert sorted(items(labels.deal(ANNA, task.name, rows=6))) == [1, 2, 3, 4, 5, 6]
    assert items(labels.deal(BEN, task.name, rows=6)) == []


def test_a_row_shows_its_columns_and_what_is_offered(labels, make):
    task = make(column="mood", choices=[])
    assert task.plan.kind is LabelKind.CATEGORY
    assert task.plan.choices == ("bad", "good")
    row = labels.deal(ANNA, task.name).rows[0]
    assert [(cell.name, cell.text) for cell in row.cells] == [
        ("id", "0"),
        ("body", "text 0"),
        ("score", "0.0"),
        ("stars", "0"),
    ]
    assert row.suggestion == "good"


def test_the_column_says_the_kind(labels, add):
    add()
    kinds = {name: labels.create(ANNA, "reviews", name).plan.kind for name in ("stars", "score", "mood", "news")}
    assert kinds == {
        "stars": LabelKind.NUMBER,
        "score": LabelKind.NUMBER,
        "mood": LabelKind.CATEGORY,
        "news": LabelKind.TEXT,
    }


def test_a_filter_a_sample_and_scores_choose_rows(labels, add):
    add(20, files=2)

    def chosen(**options):
        task = labels.create(ANNA, "reviews", "topic", name=f"t{len(labels.list(ANNA))}", kind="text", **options)
        return [row.position for row in labels.deal(ANNA, task.name, rows=50).rows]

    assert chosen(where="mood = 'good' and id > 10") == [13, 15, 17, 19]
    assert chosen(sample=5, seed=3) == chosen(sample=5, seed=3) != chosen(sample=5, seed=4)
    assert chosen(least_certain="stars", sample=4) == [1, 6, 11, 16]
    assert chosen(where="stars = 1", sample=2, seed=1) != []
    assert chosen() == list(range(1, 21))


def test_a_version_of_which_no_row_was_put_aside_says_so(labels, make):
    with pytest.raises(NoRowsToLabel, match="No row was put aside"):
        make(quarantined=True)


def test_the_same_order_opens_the_task_and_another_is_refused(labels, make):
    task = make()
    again = labels.create(BEN, "reviews@1", "topic", choices=["price", "taste", "place"])
    assert (again.id, again.created, task.created) == (task.id, False, True)
    with pytest.raises(LabelTaskExists):
        labels.create(BEN, "reviews", "topic", choices=["price", "taste"])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"choices": ["one"]}, InvalidLabelTask),
        ({"kind": "color"}, InvalidLabelTask),
        ({"kind": "number", "choices": [], "low": 3, "high": 2}, InvalidLabelTask),
        ({"kind": "text", "choices": [], "low": 3}, InvalidLabelTask),
        ({"column": "stars", "kind": "text", "choices": []}, InvalidLabelTask),
        ({"show": ["nothing"]}, InvalidLabelTask),
        ({"least_certain": "body"}, InvalidLabelTask),
        ({"people": 0}, InvalidLabelTask),
        ({"sample": 0}, InvalidLabelTask),
        ({"where": "id >"}, InvalidExpression),
        ({"where": "nothing > 1"}, InvalidExpression),
        ({"where": "id + 1"}, InvalidExpression),
        ({"where": "body in (select * from read_csv('/etc/passwd'))"}, InvalidExpression),
        ({"where": "id > 1000"}, NoRowsToLabel),
        ({"quarantined": True}, NoRowsToLabel),
    ],
)
def test_what_cannot_be_asked_is_refused(labels, make, options, error):
    with pytest.raises(error) as raised:
        make(**options)
    assert raised.value.hint
    assert labels.list(ANNA) == []


@pytest.mark.parametrize(
    ("plan", "value", "kept"),
    [
        ({"kind": "number", "choices": [], "low": 0, "high": 5}, "2.5", 2.5),
        ({"kind": "yes_no", "choices": []}, "Y", True),
        ({"kind": "yes_no", "choices": []}, False, False),
        ({"kind": "text", "choices": []}, "line\nline", "line\nline"),
        ({}, "place", "place"),
    ],
)
def test_what_is_typed_becomes_an_answer(labels, make, plan, value, kept):
    task = make(**plan)
    assert labels.answer(ANNA, task.name, 1, value=value).value == kept


@pytest.mark.parametrize(
    ("plan", "value"),
    [
        ({"kind": "number", "choices": [], "high": 5}, 5.1),
        ({"kind": "number", "choices": []}, "nan"),
        ({"kind": "number", "choices": []}, True),
        ({"kind": "yes_no", "choices": []}, "perhaps"),
        ({"kind": "text", "choices": []}, "  "),
        ({}, "prize"),
    ],
)
def test_what_is_no_answer_is_refused(labels, make, plan, value):
    task = make(**plan)
    with pytest.raises(InvalidAnswer):
        labels.answer(ANNA, task.name, 1, value=value)
    assert labels.answers(ANNA, task.name) == []


def test_rows_and_tasks_that_are_not_there_are_said(labels, make):
    task = make()
    for item in (0, 13):
        with pytest.raises(LabelItemNotFound) as missing:
            labels.answer(ANNA, task.name, item, value="price")
        assert missing.value.hint == "Its rows are 1 to 12."
    with pytest.raises(LabelTaskNotFound) as raised:
        labels.get(ANNA, "reviews-topik")
    assert "reviews-topic" in raised.value.hint
    with pytest.raises(TidemillError):
        labels.answer(ANNA, task.name, 1)


def test_a_closed_task_deals_nothing_and_takes_what_is_on_its_way(labels, make):
    task = make()
    labels.deal(ANNA, task.name)
    assert not labels.close(ANNA, task.name).is_open
    assert items(labels.deal(BEN, task.name)) == []
    labels.answer(ANNA, task.name, 1, value="price")
    assert labels.reopen(ANNA, task.name).done == 1
    assert items(labels.deal(BEN, task.name)) == [2]


def test_disagreements_are_seen_and_resolved(labels, make):
    task = make(3, people=2)
    for item, (one, other) in enumerate([("price", "taste"), ("place", "place"), ("taste", "place")], start=1):
        labels.answer(ANNA, task.name, item, value=one)
        labels.answer(BEN, task.name, item, value=other, note="hm")
    found = labels.disagreements(CARA, task.name)
    assert [each.row.item for each in found] == [1, 3]
    assert [(vote.person, vote.value) for vote in found[0].votes] == [("anna", "price"), ("ben", "taste")]
    labels.resolve(CARA, task.name, 1, "taste")
    assert [each.row.item for each in labels.disagreements(CARA, task.name)] == [3]
    settled = labels.disagreements(CARA, task.name, which=Which.RESOLVED)
    assert [(each.decided, each.resolved_by) for each in settled] == [("taste", "cara")]


def test_progress_counts_people_and_agreement(labels, make):
    task = make(4, people=2)
    for item, other in enumerate(["price", "price", "taste", "taste"], start=1):
        labels.answer(ANNA, task.name, item, value="price" if item < 4 else "taste", seconds=2)
        labels.answer(BEN, task.name, item, value=other, seconds=4)
    found = labels.progress(CARA, task.name)
    assert (found.left, found.answers, found.wanted, found.disagreements) == (0, 8, 8, 1)
    assert [(person.person, person.answered, person.seconds) for person in found.people] == [
        ("anna", 4, 2.0),
        ("ben", 4, 4.0),
    ]
    assert found.agreement
    assert found.agreement.equal == 0.75
    assert found.agreement.pairs[0].kappa == pytest.approx(0.5)
    assert found.agreement.confusions[0].values == ("price", "taste", "place")


def test_personal_data_is_masked_unless_an_admin_orders_otherwise(labels, data, project):
    lines = "\n".join(f"{at},person{at}@example.com,write to person{at}@example.com" for at in range(40))
    (project / "people.csv").write_text(f"id,contact,body\n{lines}\n")
    data.ingest(ANNA, "people", "people.csv", key=["id"])
    task = labels.create(ANNA, "people", "contact", kind="text", show=["contact", "body"])
    row = labels.deal(ANNA, task.name).rows[0]
    assert "person0@example.com" not in "".join(cell.text or "" for cell in row.cells)
    assert row.suggestion is None
    with pytest.raises(TidemillError) as raised:
        labels.create(ANNA, "people", "contact", kind="text", unmasked=True, name="seen")
    assert raised.value.code == "permission_missing"
    seen = labels.create(OWNER, "people", "contact", kind="text", unmasked=True, name="seen")
    row = labels.deal(ANNA, seen.name).rows[0]
    assert row.suggestion == "person0@example.com"
