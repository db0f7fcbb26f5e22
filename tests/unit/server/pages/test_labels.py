"""The pages of labelling, as a browser without scripts gets them."""

import pytest

from tidemill.core.access import OWNER, Actor, Role
from tidemill.server.pages.labels import choices_of, said

BROWSER = {"accept": "text/html,application/xhtml+xml", "origin": "http://localhost"}
EVIL = "<script>alert(1)</script>"
ANNA, BEN = Actor("anna", Role.EDITOR), Actor("ben", Role.EDITOR)
PNG = b"\x89PNG\r\n\x1a\n rest"


@pytest.fixture
def reviews(workspace, tmp_path):
    rows = "".join(f'{at},"{EVIL} {at}"\n' for at in range(4))
    (tmp_path / "reviews.csv").write_text(f"id,body\n{rows}")
    return workspace.data.ingest(OWNER, "reviews", str(tmp_path / "reviews.csv"), key=["id"])


@pytest.fixture
def task(workspace, reviews):
    """Give a task on which two people differ once."""
    task = workspace.labels.create(
        OWNER, reviews.ref, "topic", choices=["price", EVIL, "👩\u200d💻"], people=2, guidelines=f"Look {EVIL}"
    )
    for item, other in enumerate(["price", EVIL], start=1):
        workspace.labels.answer(ANNA, task.name, item, value="price", seconds=2)
        workspace.labels.answer(BEN, task.name, item, value=other, note=EVIL)
    return task


def test_no_page_runs_what_stands_in_rows_choices_and_notes(serve, task):
    http = serve()
    for path in ("/labels", "/labels/reviews-topic", "/labels/reviews-topic/progress"):
        answer = http.get(path, headers=BROWSER)
        assert answer.status_code == 200
        assert EVIL not in answer.text
    text = http.get("/labels/reviews-topic/disagreements", headers=BROWSER).text
    assert EVIL not in text
    assert "&lt;script&gt;" in text


def test_a_row_is_answered_skipped_and_looked_at_again(serve, workspace, task):
    http = serve()
    text = http.get("/labels/reviews-topic", headers=BROWSER).text
    assert '<input type="hidden" name="item" id="label-item" value="3">' in text
    assert 'value="👩\u200d💻"' in text
    sent = http.post("/labels/reviews-topic", data={"item": "1", "value": "👩\u200d💻", "note": "x"}, headers=BROWSER)
    assert (sent.status_code, sent.headers["location"]) == (303, "/labels/reviews-topic")
    assert workspace.labels.row(OWNER, task=task.name, item=1).answer == "👩\u200d💻"
    http.post("/labels/reviews-topic", data={"item": "3", "skip": "1", "reason": "unclear"}, headers=BROWSER)
    assert workspace.labels.row(OWNER, task=task.name, item=3).skipped == "unclear"
    assert "You skipped it" in http.get("/labels/reviews-topic?item=3", headers=BROWSER).text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"item": "1", "value": "nothing"}, 400),
        ({"item": "99", "value": "price"}, 404),
        ({"item": "x", "value": "price"}, 400),
        ({"value": "price"}, 400),
    ],
)
def test_an_answer_that_is_refused_is_said_on_the_page(serve, task, fields, status):
    answer = serve().post("/labels/reviews-topic", data=fields, headers=BROWSER)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text


def test_a_viewer_looks_on_and_is_dealt_nothing(serve, workspace, task, secrets):
    http = serve(require_tokens=True)
    http.cookies.set("tidemill_token", secrets["viewer"])
    text = http.get("/labels/reviews-topic", headers=BROWSER).text
    assert "You may look on" in text
    assert http.post("/labels/reviews-topic", data={"item": "1"}, headers=BROWSER).status_code == 403
    assert [each.person for each in workspace.labels.progress(OWNER, task=task.name).people] == ["anna", "ben"]


def test_only_an_approver_decides(serve, task, secrets):
    http = serve(require_tokens=True)
    http.cookies.set("tidemill_token", secrets["editor"])
    fields = {"item": "2", "value": "price"}
    assert http.post("/labels/reviews-topic/disagreements", data=fields, headers=BROWSER).status_code == 403
    http.cookies.set("tidemill_token", secrets["approver"])
    assert http.post("/labels/reviews-topic/disagreements", data=fields, headers=BROWSER).status_code == 303
    assert "a-approver" in http.get("/labels/reviews-topic/disagreements?which=resolved", headers=BROWSER).text


def test_progress_shows_people_agreement_and_makes_the_version(serve, workspace, task):
    http = serve()
    text = http.get("/labels/reviews-topic/progress", headers=BROWSER).text
    assert "Krippendorff" in text
    assert "<bdi>anna</bdi> and <bdi>ben</bdi>" in text
    made = http.post("/labels/reviews-topic/finish", data={"details": "1"}, headers=BROWSER)
    assert made.headers["location"].startswith("/datasets/reviews/2?said=reviews%402+is+made")
    assert "topic_by" in [column.name for column in workspace.data.get(OWNER, "reviews@2").columns]
    refused = http.post("/labels/reviews-topic/finish", data={"onto": "nothing@1"}, headers=BROWSER)
    assert (refused.status_code, 'role="alert"' in refused.text) == (404, True)
    assert http.post("/labels/reviews-topic/switch", data={}, headers=BROWSER).status_code == 303
    assert not workspace.labels.get(OWNER, task=task.name).is_open


def test_a_task_is_made_by_the_form(serve, workspace, reviews):
    http = serve()
    fields = {"dataset": "reviews", "column": "mood", "kind": "category", "choices": "good\r\nbad\r\n", "sample": "2"}
    assert http.post("/labels", data=fields, headers=BROWSER).headers["location"] == "/labels/reviews-mood"
    assert workspace.labels.get(OWNER, task="reviews-mood").plan.choices == ("good", "bad")
    refused = http.post("/labels", data={**fields, "choices": "one", "name": "x"}, headers=BROWSER)
    assert refused.status_code == 400
    assert "one</textarea>" in refused.text
    assert http.post("/labels", data={**fields, "people": "many"}, headers=BROWSER).status_code == 400


def test_a_picture_is_shown_and_anything_else_is_a_download(serve, workspace, tmp_path):
    folder = tmp_path / "pets"
    folder.mkdir()
    (folder / "a.png").write_bytes(PNG)
    (folder / "b.png").write_text(f"<svg>{EVIL}</svg>")
    workspace.data.ingest(OWNER, "pets", str(folder))
    workspace.labels.create(OWNER, "pets", "animal", kind="yes_no")
    http = serve()
    picture = http.get("/labels/pets-animal/files/1")
    assert (picture.headers["content-type"], picture.content) == ("image/png", PNG)
    assert "sandbox" in picture.headers["content-security-policy"]
    assert picture.headers["x-content-type-options"] == "nosniff"
    other = http.get("/labels/pets-animal/files/2")
    assert other.headers["content-type"] == "application/octet-stream"
    assert other.headers["content-disposition"] == "attachment"
    assert http.get("/labels/pets-animal/files/3").status_code == 404
    assert 'src="/labels/pets-animal/files/1"' in http.get("/labels/pets-animal", headers=BROWSER).text


def test_rows_of_a_table_are_no_files(serve, task):
    assert serve().get("/labels/reviews-topic/files/1").status_code == 404


def test_answers_are_said_as_people_say_them(workspace, reviews):
    task = workspace.labels.create(OWNER, reviews.ref, "ok", kind="yes_no")
    assert [each.key for each in choices_of(task)] == ["y", "n"]
    assert [said(True), said(2.0), said(0.1), said("x"), said(None)] == ["yes", "2", "0.1", "x", ""]


def test_a_closed_task_is_deleted_by_an_admin(serve, workspace, task, secrets):
    http = serve()
    assert 'action="/labels/reviews-topic/delete"' in http.get("/labels/reviews-topic/progress", headers=BROWSER).text
    refused = http.post("/labels/reviews-topic/delete", headers=BROWSER)
    assert (refused.status_code, "still deals rows" in refused.text) == (409, True)
    workspace.labels.close(OWNER, task.name)
    gone = http.post("/labels/reviews-topic/delete", headers=BROWSER, follow_redirects=True)
    assert "The task is deleted." in gone.text
    assert workspace.labels.list(OWNER) == []


def test_who_only_edits_deletes_no_task(serve, task, secrets):
    http = serve(require_tokens=True)
    editor = {**BROWSER, "authorization": f"Bearer {secrets['editor']}"}
    assert "/delete" not in http.get("/labels/reviews-topic/progress", headers=editor).text
    assert http.post("/labels/reviews-topic/delete", headers=editor).status_code == 403
