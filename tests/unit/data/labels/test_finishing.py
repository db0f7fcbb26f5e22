"""What becomes of answers: the next version of the dataset."""

import polars as pl
import pytest

from tidemill.core.errors import TidemillError
from tidemill.data.errors import QualityFailed
from tidemill.data.labels.errors import LabelsUnfit, NothingLabelled
from tidemill.governance.service import GovernanceService

from .conftest import ANNA, BEN, CARA


def answer(labels, task, answers, actor=ANNA):
    for item, value in answers.items():
        labels.answer(actor, task.name, item, value=value)


def test_a_new_column_is_the_next_version(labels, make, data):
    task = make(6)
    answer(labels, task, {1: "price", 5: "taste"})
    made = labels.finish(ANNA, task.name)
    assert (made.version.ref, made.decided, made.undecided, made.version.created) == ("reviews@2", 2, 0, True)
    table = data.read(ANNA, "reviews@2")
    assert table.columns == ["id", "body", "mood", "score", "stars", "topic"]
    assert table["topic"].to_list() == ["price", None, None, None, "taste", None]
    assert table.drop("topic").equals(data.read(ANNA, "reviews@1"))
    assert data.profile(ANNA, "reviews@2").column("topic").nulls == 4
    assert data.get(ANNA, "reviews").key == ("id",)


def test_finishing_again_gives_what_is_there_or_the_next(labels, make):
    task = make(6)
    answer(labels, task, {1: "price"})
    assert labels.finish(ANNA, task.name).version.created
    again = labels.finish(ANNA, task.name)
    assert (again.version.ref, again.version.created) == ("reviews@2", False)
    answer(labels, task, {1: "taste", 2: "price"})
    assert labels.finish(ANNA, task.name).version.ref == "reviews@3"
    assert labels.progress(ANNA, task.name).versions == ("reviews@3", "reviews@2")


def test_rows_are_measured_as_they_are_written_and_not_read_again(labels, make, monkeypatch):
    task = make(6)
    answer(labels, task, {1: "price"})
    monkeypatch.setattr(pl, "read_parquet", lambda *_, **__: pytest.fail("what was just written is read again"))

    assert labels.finish(ANNA, task.name).version.rows == 6


def test_a_correction_keeps_the_other_values_and_shares_the_other_parts(labels, add, data):
    add(12, files=3)
    task = labels.create(ANNA, "reviews", "stars", low=0, high=5)
    answer(labels, task, {6: 0.0, 7: 3.0})
    labels.finish(ANNA, task.name)
    before, after = data.get(ANNA, "reviews@1"), data.get(ANNA, "reviews@2")
    assert data.read(ANNA, "reviews@2")["stars"].to_list() == [0, 1, 2, 3, 4, 0, 3, 2, 3, 4, 0, 1]
    assert [part.segments for part in after.parts][::2] == [part.segments for part in before.parts][::2]
    assert after.columns == before.columns


def test_a_fraction_makes_whole_numbers_fractions(labels, add, data):
    add(12, files=3)
    task = labels.create(ANNA, "reviews", "stars")
    answer(labels, task, {6: 2.5})
    labels.finish(ANNA, task.name)
    assert data.read(ANNA, "reviews@2")["stars"].to_list()[4:7] == [4.0, 2.5, 1.0]


def test_the_majority_decides_and_a_reviewer_before_it(labels, make, data):
    task = make(4, people=3)
    answer(labels, task, {1: "price", 2: "price", 3: "price"})
    answer(labels, task, {1: "price", 2: "taste", 3: "taste"}, BEN)
    answer(labels, task, {1: "taste", 2: "place"}, CARA)
    labels.resolve(CARA, task.name, 3, "place")
    made = labels.finish(ANNA, task.name, details=True)
    assert (made.decided, made.undecided) == (2, 1)
    table = data.read(ANNA, "reviews@2").select("topic", "topic_by", "topic_agreement")
    assert table.rows() == [
        ("price", "anna,ben", pytest.approx(2 / 3)),
        (None, None, None),
        ("place", "cara", 0.0),
        (None, None, None),
    ]


def test_only_decided_rows_and_those_with_enough_answers(labels, make, data):
    task = make(4, people=2)
    answer(labels, task, {1: "price", 2: "price"})
    answer(labels, task, {2: "price"}, BEN)
    made = labels.finish(ANNA, task.name, only_labelled=True, at_least=2, into="gold")
    assert made.version.ref == "gold@1"
    assert data.read(ANNA, "gold")["id"].to_list() == [1]


def test_nothing_answered_is_nothing_to_finish_with(labels, make):
    task = make()
    labels.answer(ANNA, task.name, 1, skip="no idea")
    with pytest.raises(NothingLabelled):
        labels.finish(ANNA, task.name)


def test_rows_that_came_since_are_not_lost(labels, make, add, data):
    task = make(6)
    answer(labels, task, {1: "price", 6: "taste"})
    add(8, files=1)
    with pytest.raises(LabelsUnfit) as raised:
        labels.finish(ANNA, task.name)
    assert "--onto reviews@2" in raised.value.hint
    made = labels.finish(ANNA, task.name, onto="reviews@2")
    assert data.read(ANNA, made.version.ref)["topic"].to_list() == ["price", *[None] * 4, "taste", None, None]


def test_without_a_key_rows_of_another_version_are_not_guessed(labels, add):
    add(6, key=[])
    task = labels.create(ANNA, "reviews", "topic", kind="text")
    answer(labels, task, {1: "price"})
    add(8, key=[])
    with pytest.raises(LabelsUnfit):
        labels.finish(ANNA, task.name, onto="reviews@2")


def test_two_tasks_build_on_one_another_by_position(labels, add, data):
    add(6, key=[])
    first = labels.create(ANNA, "reviews@1", "topic", kind="text")
    second = labels.create(ANNA, "reviews@1", "spam", kind="yes_no")
    answer(labels, first, {1: "price"})
    answer(labels, second, {2: True})
    labels.finish(ANNA, first.name)
    with pytest.raises(LabelsUnfit):
        labels.finish(ANNA, second.name)
    labels.finish(ANNA, second.name, onto="reviews@2")
    table = data.read(ANNA, "reviews@3")
    assert table["topic"].to_list()[:2] == ["price", None]
    assert table["spam"].to_list()[:2] == [None, True]


def test_rows_put_aside_are_labelled_into_a_dataset_of_their_own(labels, project, data):
    (project / "people.csv").write_text("id,age\n1,30\n2,old\n3,40\n3,41\n4,5\n5,6\n")
    data.ingest(ANNA, "people", "people.csv", key=["id"], on_bad_rows="quarantine")
    task = labels.create(ANNA, "people", "repair", kind="text", quarantined=True)
    row = labels.deal(ANNA, task.name).rows[0]
    assert {"_rule", "age"} <= {cell.name for cell in row.cells}
    answer(labels, task, {1: "drop it"})
    made = labels.finish(ANNA, task.name)
    assert made.version.ref == "people-repair@1"
    table = data.read(ANNA, "people-repair")
    assert table.height == task.rows
    assert table["repair"].to_list()[0] == "drop it"


def test_files_of_a_folder_become_a_table_keyed_by_path(labels, project, data):
    folder = project / "pets"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n rest")
    (folder / "dog.svg").write_text("<svg><script>alert(1)</script></svg>")
    (folder / "notes.txt").write_text("a cat and a dog")
    data.ingest(ANNA, "pets", "pets")
    task = labels.create(ANNA, "pets", "animal", choices=["cat", "dog"], where="not ends_with(path, '.txt')")
    rows = labels.deal(ANNA, task.name, rows=5).rows
    assert [(row.file, row.media) for row in rows] == [("a/cat.png", "image/png"), ("dog.svg", "")]
    assert "<script>" in rows[1].cells[-1].text
    assert labels.file(ANNA, task.name, 1) == (b"\x89PNG\r\n\x1a\n rest", "image/png")
    assert labels.file(ANNA, task.name, 2)[1] == ""
    answer(labels, task, {1: "cat"})
    made = labels.finish(ANNA, task.name)
    assert (made.version.ref, made.version.key) == ("pets-animal@1", ("path",))
    assert data.read(ANNA, "pets-animal").select("path", "animal").rows() == [("a/cat.png", "cat")]


def test_lineage_leads_from_the_version_by_the_task_to_the_next(labels, make, data, ledger):
    task = make(3)
    answer(labels, task, {1: "price"})
    made = labels.finish(ANNA, task.name).version
    governance = GovernanceService(ledger, {})
    edges = governance.trace(ANNA, ref=f"dataset_version:{made.id}", direction="up").edges
    assert (f"label_task:{task.id}", "gave", f"dataset_version:{made.id}") in {
        (edge.source, edge.relation, edge.target) for edge in edges
    }
    assert f"dataset_version:{data.get(ANNA, 'reviews@1').id}" in {edge.source for edge in edges}
    actions = [event.action for event in governance.audit(ANNA, subject=f"label_task:{task.id}")]
    assert sorted(actions) == ["label_task.create", "label_task.finish"]


def test_a_column_that_got_another_type_is_refused(labels, add, project, data):
    add(6)
    task = labels.create(ANNA, "reviews", "topic", kind="text")
    answer(labels, task, {1: "price"})
    (project / "other.csv").write_text("id,topic\n0,7\n1,8\n")
    data.ingest(ANNA, "reviews", "other.csv", key=["id"])
    with pytest.raises(TidemillError) as raised:
        labels.finish(ANNA, task.name, onto="reviews@2")
    assert raised.value.code == "labels_unfit"


def test_a_million_positions_are_kept_as_bytes(labels, data, project):
    rows = 200_000
    pl.DataFrame({"id": range(rows), "score": [at % 977 for at in range(rows)]}).write_parquet(project / "big.parquet")
    data.ingest(ANNA, "big", "big.parquet")
    task = labels.create(ANNA, "big", "ok", kind="yes_no", least_certain="score")
    assert task.rows == rows
    positions = [row.position for row in labels.deal(ANNA, task.name, rows=3).rows]
    assert positions == [1, 978, 1955]
    answer(labels, task, {3: True})
    labels.finish(ANNA, task.name)
    assert data.scan(ANNA, "big@2").filter(pl.col("ok")).collect()["id"].to_list() == [1954]


def test_answers_that_break_a_rule_of_the_dataset_are_refused(labels, add, data):
    add(12, rules={"stars": {"between": [0, 4]}})
    task = labels.create(ANNA, "reviews", "stars")
    answer(labels, task, {1: 9.0})
    with pytest.raises(QualityFailed):
        labels.finish(ANNA, task.name)
    assert data.get(ANNA, "reviews").number == 1
    answer(labels, task, {1: 3.0})
    labels.finish(ANNA, task.name)
    assert data.report(ANNA, "reviews@2").rules == data.report(ANNA, "reviews@1").rules != {}
