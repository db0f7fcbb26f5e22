import pytest

from tidemill.core.access import OWNER

BROWSER = {"accept": "text/html,application/xhtml+xml", "origin": "http://localhost"}
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def full(workspace, tmp_path):
    """Give what a form says of each thing in the trash: a run, an experiment, a logged model, a model, a version."""
    run = workspace.tracking.create_run(OWNER, experiment="kept", name=EVIL)
    workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path="model/MLmodel", content=b"flavors: {}\n")
    gone = workspace.tracking.create_run(OWNER, experiment="gone")
    logged = workspace.logged_models.create(OWNER, experiment_id=run.experiment_id, name="tree")
    for name in ("delay", "delay", "old"):
        workspace.models.create_version(OWNER, name=name, source=f"runs:/{run.run_id}/model")
    workspace.models.delete_version(OWNER, ref="delay@1")
    workspace.models.delete(OWNER, name="old")
    workspace.logged_models.delete(OWNER, model_id=logged.model_id)
    workspace.tracking.delete_experiment(OWNER, experiment="gone")
    workspace.tracking.delete_run(OWNER, run_id=run.run_id)
    for name, rows in (("flights", "1"), ("flights", "2"), ("sold", "1")):
        (tmp_path / "t.csv").write_text(f"x\n{rows}\n")
        workspace.data.ingest(OWNER, name, str(tmp_path / "t.csv"))
    workspace.deleting.delete_version(OWNER, ref="flights@1")
    workspace.deleting.delete(OWNER, name="sold")
    return {
        "run": run.run_id,
        "experiment": gone.experiment_id,
        "logged_model": logged.model_id,
        "model": "old",
        "model_version": "delay@1",
        "dataset": "sold",
        "dataset_version": "flights@1",
    }


def post(http, **fields):
    return http.post("/trash/restore", data=fields, headers=BROWSER, follow_redirects=False)


def test_everything_in_the_trash_is_shown(serve, full):
    text = serve().get("/trash", headers=BROWSER).text

    assert EVIL not in text
    for shown in (
        "&lt;script&gt;",
        "with 1 run<",
        "with 1 version<",
        "delay@1",
        "flights@1",
        "tree",
        "12\u202fB",
        "from <time",
    ):
        assert shown in text
    assert text.count('action="/trash/restore"') == 7


@pytest.mark.parametrize(
    "kind", ["run", "experiment", "logged_model", "model", "model_version", "dataset", "dataset_version"]
)
def test_a_kind_is_shown_by_itself_and_taken_out(serve, full, kind):
    http = serve()
    text = http.get(f"/trash?kind={kind}", headers=BROWSER).text

    assert text.count('action="/trash/restore"') == 1
    assert f'value="{full[kind]}"' in text
    assert post(http, kind=kind, id=full[kind]).status_code == 303
    assert "None of these is in the trash" in http.get(f"/trash?kind={kind}", headers=BROWSER).text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"kind": "model_version", "id": "delay"}, 400),
        ({"kind": "model_version", "id": "delay@2"}, 404),
        ({"kind": "model", "id": "nothing"}, 404),
        ({"kind": "dataset", "id": "flights"}, 404),
        ({"kind": "nothing", "id": "flights"}, 400),
        ({"kind": "run"}, 400),
    ],
)
def test_what_cannot_be_taken_out_is_said_on_the_page(serve, full, fields, status):
    answer = post(serve(), **fields)

    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert "delay@1" in answer.text


def test_what_something_keeps_says_why_and_what_is_due_says_so(serve, workspace, full, monkeypatch):
    workspace.models.delete_version(OWNER, ref="delay@2")
    monkeypatch.setattr("tidemill.server.pages.trash._KEEP", "0s")
    text = serve().get("/trash?kind=model_version", headers=BROWSER).text

    assert "stays: <bdi>its number is the model&#39;s newest<" in text
    assert "with the next gc" in text


def test_an_empty_trash_says_so_and_a_forged_page_is_refused(serve):
    http = serve()

    assert "The trash is empty." in http.get("/trash", headers=BROWSER).text
    assert http.get("/trash?page=forged", headers=BROWSER).status_code == 400
    assert http.get("/trash?kind=%3Cscript%3E", headers=BROWSER).status_code == 200


def test_who_only_reads_sees_no_button_and_may_not(serve, full, secrets):
    http = serve(require_tokens=True)
    viewer = {**BROWSER, "authorization": f"Bearer {secrets['viewer']}"}
    page = http.get("/trash", headers=viewer)

    assert page.status_code == 200
    assert "Take it out" not in page.text
    assert http.post("/trash/restore", data={"kind": "run", "id": full["run"]}, headers=viewer).status_code == 403


def test_a_form_of_another_site_changes_nothing(serve, full):
    foreign = {**BROWSER, "origin": "http://evil.example"}

    assert serve().post("/trash/restore", data={"kind": "run", "id": full["run"]}, headers=foreign).status_code == 403
