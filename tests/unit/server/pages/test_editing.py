"""What holds for the description and the tags of all things: kept, removed, refused in place, and only by who may."""

import pytest

from tidemill.core.access import OWNER
from tidemill.server.pages.editing import NOTE, About, described

BROWSER = {"accept": "text/html,application/xhtml+xml", "origin": "http://localhost"}
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def things(workspace):
    """Give the address of the page of a run, an experiment, a model, a version and a logged model."""
    run = workspace.tracking.create_run(OWNER, experiment="delays", name="maker")
    for path in ("model/MLmodel", "model/model.bin"):
        workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path=path, content=b"flavors: {}\n")
    workspace.models.create_version(OWNER, name="delay now", source=f"runs:/{run.run_id}/model")
    logged = workspace.logged_models.create(OWNER, experiment_id=run.experiment_id)
    return {
        "run": f"/runs/{run.run_id}",
        "experiment": f"/experiments/{run.experiment_id}",
        "model": "/models/delay%20now",
        "version": "/models/delay%20now/1",
        "logged model": f"/logged-models/{logged.model_id}",
    }


KINDS = ["run", "experiment", "model", "version", "logged model"]
WITH_TEXT = KINDS[:4]


def post(http, path, **fields):
    return http.post(path, data=fields, headers=BROWSER, follow_redirects=False)


@pytest.mark.parametrize("kind", WITH_TEXT)
def test_a_description_is_kept_changed_and_removed(serve, things, kind):
    http, place = serve(), things[kind]
    for text in ("for the late ones\r\nof June", "second text"):
        answer = post(http, f"{place}/describe", description=text)
        page = http.get(place, headers=BROWSER).text

        assert answer.status_code == 303
        assert answer.headers["location"].startswith(place)
        assert f'<p class="note-text"><bdi>{text.replace(chr(13), "")}</bdi></p>' in page
    post(http, f"{place}/describe", description="")
    page = http.get(place, headers=BROWSER).text

    assert "second text" not in page
    assert "Add a description" in page
    assert post(http, f"{place}/describe", description=" ").status_code == 303


@pytest.mark.parametrize("kind", KINDS)
def test_a_tag_is_set_changed_and_removed(serve, things, kind):
    http, place = serve(), things[kind]
    for value in ("ops", EVIL):
        assert post(http, f"{place}/tags", key="team", value=value).status_code == 303
    page = http.get(place, headers=BROWSER).text

    assert EVIL not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "Remove the tag team" in page
    assert post(http, f"{place}/tags/delete", key="team").status_code == 303
    assert "Remove the tag team" not in http.get(place, headers=BROWSER).text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("tags", {"key": "k" * 300, "value": "typed by hand"}),
        ("tags", {"key": "", "value": "typed by hand"}),
        ("tags", {"key": "turned\u202e", "value": "typed by hand"}),
        ("describe", {"description": "typed by hand" + "\x00"}),
    ],
)
def test_what_is_refused_is_shown_in_place_with_what_was_typed(serve, things, kind, form, fields):
    if form == "describe" and kind not in WITH_TEXT:
        return
    answer = post(serve(), f"{things[kind]}/{form}", **fields)

    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "typed by hand" in answer.text
    assert '<details class="confirm no-print" open>' in answer.text


def test_a_tag_that_is_not_there_is_refused_in_place(serve, things):
    answer = post(serve(), f"{things['run']}/tags/delete", key="nothing")

    assert answer.status_code == 404
    assert "has no tag" in answer.text
    assert "<h1><bdi>maker</bdi></h1>" in answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_who_only_reads_sees_no_form_and_may_not(serve, things, secrets, kind):
    http, place = serve(require_tokens=True), things[kind]
    viewer = {**BROWSER, "authorization": f"Bearer {secrets['viewer']}"}
    editor = {**BROWSER, "authorization": f"Bearer {secrets['editor']}"}
    page = http.get(place, headers=viewer).text

    assert "Set a tag" not in page
    assert "description</summary>" not in page
    assert "Set a tag" in http.get(place, headers=editor).text
    for path in ("tags", "tags/delete", *(["describe"] if kind in WITH_TEXT else [])):
        assert http.post(f"{place}/{path}", data={"key": "a", "value": "b"}, headers=viewer).status_code == 403
    assert http.post(f"{place}/tags", data={"key": "a"}, headers=editor).status_code == 303


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_of_another_site_changes_nothing(serve, things, kind):
    foreign = {**BROWSER, "origin": "http://evil.example"}
    for path in ("tags", "tags/delete", "describe"):
        assert serve().post(f"{things[kind]}/{path}", data={"key": "a"}, headers=foreign).status_code == 403


def test_what_is_in_the_trash_is_not_changed(serve, workspace, things):
    workspace.tracking.delete_run(OWNER, run_id=things["run"].rpartition("/")[2])
    http = serve()

    assert "Set a tag" not in http.get(things["run"], headers=BROWSER).text
    assert post(http, f"{things['run']}/tags", key="a", value="b").status_code == 409


def test_what_is_not_there_is_a_page_that_says_so(serve):
    for place in ("/runs/none", "/experiments/77", "/models/none", "/models/none/1", "/logged-models/m-none"):
        assert post(serve(), f"{place}/tags", key="a", value="b").status_code == 404


def test_a_description_that_is_a_tag_is_not_shown_twice():
    about = described("/runs/a", {NOTE: "text", "team": "ops", "mlflow.user": "ann"})

    assert about.description == "text"
    assert dict(about.tags) == {"team": "ops", "mlflow.user": "ann"}


def test_tags_that_programs_set_are_not_offered_for_removal():
    assert About("/", "", {"team": "ops", "mlflow.user": "ann", "tidemill.view.x": "y"}).own_tags == {"team"}
