import pytest

from tidemill.core.access import OWNER

BROWSER = {"accept": "text/html,application/xhtml+xml"}
HERE = {"origin": "http://localhost"}
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def registered(workspace):
    """Give a server's workspace with a name without versions and one with two."""
    models = workspace.models
    models.create(OWNER, name="empty", description=EVIL, tags={"team": EVIL})
    run = workspace.tracking.create_run(OWNER, name="maker")
    for path in ("model/MLmodel", "model/model.bin"):
        workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path=path, content=b"flavors: {}\n")
    for at in range(2):
        models.create_version(
            OWNER, name="delay", source=f"runs:/{run.run_id}/model", tags={"at": str(at)}, description=f"number {at}"
        )
    models.set_alias(OWNER, name="delay", alias="champion", version=1)
    models.transition_stage(OWNER, ref="delay@2", stage="Production")
    return workspace


def see(http, path):
    answer = http.get(path, headers=BROWSER)
    assert EVIL not in answer.text
    return answer


def test_names_show_their_words_aliases_and_stage(serve, registered):
    text = see(serve(), "/models").text

    for shown in ("champion 1", "Production", "no version", "&lt;script&gt;"):
        assert shown in text


def test_names_are_searched_and_a_fault_is_shown_where_it_is(serve, registered):
    http = serve()
    found = see(http, "/models?filter=name+LIKE+'del%25'").text
    wrong = see(http, "/models?filter=name+LIKE+delay")

    assert "/models/delay" in found
    assert "/models/empty" not in found
    assert wrong.status_code == 400
    assert "name LIKE <mark>delay</mark>" in wrong.text
    assert see(http, "/models?page=forged").status_code == 400


def test_a_name_shows_its_versions_with_stage_and_tags(serve, registered):
    text = see(serve(), "/models/delay").text

    for shown in ("delay@1", "delay@2", "Production", "number 1", 'title="at: 0"'):
        assert shown in text
    assert "No version yet" in see(serve(), "/models/empty").text


def test_a_version_goes_to_the_trash_and_comes_back(serve, registered):
    http = serve()
    gone = http.post("/models/delay/2/delete", headers=HERE, follow_redirects=False)
    page = see(http, "/models/delay").text
    back = http.post("/models/delay/2/restore", headers=HERE, follow_redirects=False)

    assert (gone.status_code, back.status_code) == (303, 303)
    assert 'action="/models/delay/2/restore"' in page
    assert registered.models.get(OWNER, ref="delay@2").number == 2
    assert 'action="/models/delay/2/restore"' not in see(http, "/models/delay").text


def test_a_name_goes_to_the_trash_and_comes_back(serve, registered):
    http = serve()
    http.post("/models/empty/delete", headers=HERE)
    trash = see(http, "/models?view=deleted").text
    http.post("/models/empty/restore", headers=HERE)

    assert 'action="/models/empty/restore"' in trash
    assert "/models/delay" not in trash
    assert "/models/empty" in see(http, "/models").text


def test_who_only_reads_sees_no_button_and_may_not(serve, registered, secrets):
    http = serve(require_tokens=True)
    viewer = {**BROWSER, "authorization": f"Bearer {secrets['viewer']}"}

    assert "Move to the trash" not in http.get("/models/delay", headers=viewer).text
    assert http.post("/models/delay/delete", headers=viewer).status_code == 403
