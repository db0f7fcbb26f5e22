"""Aliases of a version: set, moved with a question where an endpoint answers with the one before, removed."""

import pytest

from tidemill.core.access import OWNER

BROWSER = {"accept": "text/html,application/xhtml+xml", "origin": "http://localhost"}


@pytest.fixture
def registered(workspace):
    """Give a workspace with a model of two versions; champion points at the first."""
    run = workspace.tracking.create_run(OWNER, name="maker")
    for path in ("model/MLmodel", "model/model.bin"):
        workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path=path, content=b"flavors: {}\n")
    for _ in range(2):
        workspace.models.create_version(OWNER, name="delay", source=f"runs:/{run.run_id}/model")
    workspace.models.set_alias(OWNER, name="delay", alias="champion", version=1)
    return workspace


@pytest.fixture
def served(registered, monkeypatch):
    """Give it with an endpoint that answers with version 1."""
    monkeypatch.setattr(registered.delivery, "serving", lambda _, version: "late" if version == 1 else "")
    return registered


def post(http, path, **fields):
    return http.post(path, data=fields, headers=BROWSER, follow_redirects=False)


def aliases(workspace):
    return workspace.models.get_model(OWNER, name="delay").aliases


def test_an_alias_is_set_moved_and_removed(serve, registered):
    http = serve()

    assert post(http, "/models/delay/1/aliases", alias="trial").status_code == 303
    moved = post(http, "/models/delay/2/aliases", alias="trial")
    assert "no+more+at+version+1" in moved.headers["location"]
    assert aliases(registered) == {"champion": 1, "trial": 2}
    assert "Remove trial" in http.get("/models/delay/2", headers=BROWSER).text
    assert post(http, "/models/delay/2/aliases/delete", alias="trial").status_code == 303
    assert aliases(registered) == {"champion": 1}


@pytest.mark.parametrize("alias", ["latest", "v3", "a b", "", "<script>"])
def test_what_cannot_be_an_alias_is_refused_in_place(serve, registered, alias):
    answer = post(serve(), "/models/delay/2/aliases", alias=alias)

    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "delay@2" in answer.text
    assert "<script>" not in answer.text.replace('<script src="/static', "").replace('<script type="module"', "")


def test_moving_what_an_endpoint_answers_with_is_asked_about_first(serve, served):
    http = serve()
    asked = post(http, "/models/delay/2/aliases", alias="champion")

    assert asked.status_code == 409
    assert "endpoint &#39;late&#39; answers" in asked.text
    assert "Move champion here" in asked.text
    assert aliases(served) == {"champion": 1}
    assert post(http, "/models/delay/2/aliases", alias="champion", before="1").status_code == 303
    assert aliases(served) == {"champion": 2}


def test_a_yes_to_an_older_question_is_asked_again(serve, served):
    assert post(serve(), "/models/delay/2/aliases", alias="champion", before="7").status_code == 409
    assert aliases(served) == {"champion": 1}


def test_an_alias_that_stays_or_is_new_is_not_asked_about(serve, served):
    http = serve()

    assert post(http, "/models/delay/1/aliases", alias="champion").status_code == 303
    assert post(http, "/models/delay/1/aliases", alias="trial").status_code == 303


def test_removing_says_that_an_endpoint_answers_with_the_version(serve, served):
    assert "Endpoint late answers with this version" in serve().get("/models/delay/1", headers=BROWSER).text


def test_who_only_reads_sees_no_form_and_may_not(serve, registered, secrets):
    http = serve(require_tokens=True)
    viewer = {**BROWSER, "authorization": f"Bearer {secrets['viewer']}"}

    assert "Let an alias point here" not in http.get("/models/delay/1", headers=viewer).text
    for path in ("aliases", "aliases/delete"):
        assert http.post(f"/models/delay/1/{path}", data={"alias": "champion"}, headers=viewer).status_code == 403


def test_a_form_of_another_site_changes_nothing(serve, registered):
    foreign = {**BROWSER, "origin": "http://evil.example"}

    assert serve().post("/models/delay/2/aliases", data={"alias": "champion"}, headers=foreign).status_code == 403
    assert aliases(registered) == {"champion": 1}
