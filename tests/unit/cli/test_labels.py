"""Labelling as a person types it."""

import pytest

ROWS = "id,body\n" + "".join(f"{at},text {at}\n" for at in range(4))


@pytest.fixture
def reviews(tidemill, tmp_path, monkeypatch):
    (tmp_path / "reviews.csv").write_text(ROWS)
    monkeypatch.chdir(tmp_path)
    tidemill("data", "add", "reviews", "reviews.csv", "--key", "id")
    return tidemill


def test_a_task_is_made_answered_and_finished(reviews):
    made = reviews("data", "label", "reviews", "-c", "topic", "--choice", "price", "--choice", "taste", "--no-serve")
    assert made.code == 0
    assert "Made reviews-topic: 4 rows of reviews@1, 0 done." in made.err
    assert "Opened" in reviews("data", "label", "reviews", "--no-serve").err
    assert reviews("data", "label", "reviews-topic", "--no-serve", "--json").json["task"]["plan"]["people"] == 1

    assert "reviews-topic" in reviews("data", "labels", "list").out
    assert "price, taste" in reviews("data", "labels", "show", "reviews-topic").out
    hand = reviews("data", "labels", "deal", "reviews-topic", "-n", 2)
    assert "text 1" in hand.out
    assert "2 rows; 4 of the task not done" in hand.err
    assert reviews("data", "labels", "answer", "reviews-topic", 1, "price", "--note", "sure").code == 0
    assert reviews("data", "labels", "answer", "reviews-topic", 2, "--skip", "unclear").code == 0
    assert "sure" in reviews("data", "labels", "row", "reviews-topic", 1).out
    assert [each["item"] for each in reviews("data", "labels", "answers", "reviews-topic", "--json").json] == [2, 1]
    assert "Nobody differs." in reviews("data", "labels", "disagreements", "reviews-topic").err
    assert reviews("data", "labels", "resolve", "reviews-topic", 3, "taste").code == 0
    assert (
        reviews("data", "labels", "disagreements", "reviews-topic", "--resolved", "--json").json[0]["decided"]
        == "taste"
    )
    assert "owner" in reviews("data", "labels", "progress", "reviews-topic").out
    finished = reviews("data", "labels", "finish", "reviews-topic", "--details")
    assert finished.out == "reviews@2\n"
    assert "2 rows decided, 0 undecided." in finished.err
    assert "already" in reviews("data", "labels", "finish", "reviews-topic", "--details").err
    assert "Closed" in reviews("data", "labels", "close", "reviews-topic").err
    assert "Reopened" in reviews("data", "labels", "reopen", "reviews-topic").err


def test_what_is_missing_is_said(reviews):
    none = reviews("data", "label", "reviews")
    assert (none.code, "--column" in none.err) == (3, True)
    unnamed = reviews("data", "label", "reviews", "--kind", "text")
    assert (unnamed.code, "--column" in unnamed.err) == (2, True)
    for column in ("topic", "mood"):
        reviews("data", "label", "reviews", "-c", column, "--no-serve")
    assert "several labelling tasks" in reviews("data", "label", "reviews", "--no-serve").err
    wrong = reviews("data", "labels", "answer", "reviews-topic", 9, "x")
    assert (wrong.code, "rows are 1 to 4" in wrong.err) == (3, True)
    assert "reviews-topic" in reviews("data", "labels", "show", "reviews-topc").err


def test_guidelines_come_from_a_file(reviews, tmp_path):
    (tmp_path / "how.md").write_text("Read it twice.\n")
    words = ["-c", "ok", "--kind", "yes_no", "--guidelines-file", "how.md", "--hold", "1h", "--no-serve", "--json"]
    plan = reviews("data", "label", "reviews@1", *words).json["task"]["plan"]
    assert (plan["guidelines"], plan["hold_s"], plan["kind"]) == ("Read it twice.\n", 3600, "yes_no")


def test_a_closed_task_is_deleted_when_somebody_says_so(reviews):
    reviews("data", "label", "reviews", "--column", "topic", "--choice", "price", "--choice", "taste", "--no-serve")
    reviews("data", "labels", "answer", "reviews-topic", 1, "price")
    assert "still deals rows" in reviews("data", "labels", "delete", "reviews-topic", "--yes").err
    reviews("data", "labels", "close", "reviews-topic")
    asked = reviews("data", "labels", "delete", "reviews-topic")
    assert "Lose 1 answer?" in asked.err
    assert reviews("data", "labels", "delete", "reviews-topic", "--yes").code == 0
    assert reviews("data", "labels", "list", "--json").json == []
