import pytest

from tidemill.core.access import OWNER, Permission
from tidemill.server.pages import assets, routes

BROWSER = {"accept": "text/html,application/xhtml+xml"}
LISTS = [
    "/",
    "/runs",
    "/datasets",
    "/checks",
    "/models",
    "/endpoints",
    "/deliveries",
    "/alerts",
    "/audit",
    "/trash",
    "/tokens",
    "/login",
]


@pytest.mark.parametrize("path", LISTS)
def test_every_list_shows_an_empty_workspace(serve, path):
    answer = serve().get(path, headers=BROWSER)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "no-store" in answer.headers["cache-control"]


def test_an_empty_workspace_says_what_to_type(serve):
    text = serve().get("/", headers=BROWSER).text

    for command in ("tidemill init", "tidemill plan", "tidemill apply", "tidemill deliver", "tidemill demo"):
        assert command in text


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/nothing", "route_not_found"),
        ("/runs/nothing", "run_not_found"),
        ("/datasets/nothing", "dataset_not_found"),
        ("/models/nothing/1", "model_not_found"),
        ("/endpoints/nothing", "endpoint_not_found"),
        ("/deliveries/nothing", "delivery_not_found"),
        ("/gates/nothing", "gate_report_not_found"),
        ("/checks/nothing", "check_report_not_found"),
        ("/predictions/nothing", "prediction_not_found"),
        ("/trace/run:nothing", "thing_not_found"),
    ],
)
def test_what_is_not_there_is_a_page_for_browsers_and_json_for_programs(serve, path, code):
    http = serve()
    page, data = http.get(path, headers=BROWSER), http.get(path)

    assert (page.status_code, data.status_code) == (404, 404)
    assert f"<code>{code}</code>" in page.text
    assert data.json()["error"]["code"] == code


@pytest.mark.parametrize(
    "path", ["/runs/compare", "/runs/compare?ids=a", "/audit?subject=%3Cscript%3E", "/trace/a:%3Cscript%3E"]
)
def test_bad_input_is_a_page_that_escapes_it(serve, path):
    answer = serve().get(path, headers=BROWSER)

    assert answer.status_code == 400
    assert "<script>" not in answer.text.replace('<script src="/static', "").replace('<script type="module"', "")


@pytest.mark.parametrize(
    "query", ["start=-1", "start=x", "page=%00", "status=nothing", "experiment=nothing", "show=metric.x"]
)
def test_no_filter_breaks_the_table_of_runs(serve, query):
    assert serve().get(f"/runs?{query}", headers=BROWSER).status_code in {200, 400, 404}


def test_a_form_from_another_site_is_refused(serve, workspace):
    answer = serve().post("/deliveries", data={"project": "x"}, headers={**BROWSER, "origin": "http://evil.example"})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/endpoints/x/promote", "editor"),
        ("/endpoints/x/rollback", "editor"),
        ("/endpoints/x/retrain", "editor"),
        ("/gates/x/decide", "approver"),
        ("/tokens", "admin"),
        ("/tokens/revoke", "admin"),
    ],
)
def test_what_changes_things_needs_its_role(serve, secrets, path, needed):
    http = serve(require_tokens=True)
    below = {"editor": "viewer", "approver": "editor", "admin": "approver"}[needed]
    refused = http.post(path, headers={**BROWSER, "authorization": f"Bearer {secrets[below]}"})
    allowed = http.post(path, headers={**BROWSER, "authorization": f"Bearer {secrets[needed]}"})

    assert refused.status_code == 403
    assert "permission_missing" in refused.text
    assert allowed.status_code in {303, 400, 404}


def test_a_viewer_sees_no_button_that_changes_things(serve, secrets):
    text = serve(require_tokens=True).get(
        "/tokens", headers={**BROWSER, "authorization": f"Bearer {secrets['viewer']}"}
    )

    assert text.status_code == 403
    assert 'href="/tokens"' not in text.text


def test_every_page_states_its_permission(workspace):
    assert {route.path for route in routes(workspace) if route.permission is Permission.OPEN} == {
        "/static/{digest}/{name}"
    }


def test_no_page_has_a_script_or_style_of_its_own(serve, workspace):
    run = workspace.tracking.create_run(OWNER, name="a")
    text = serve().get(f"/runs/{run.run_id}", headers=BROWSER).text

    assert text.count("<script") == 2
    assert text.count("<script src=") + text.count('<script type="module" src=') == 2
    assert "<style" not in text
    assert " onclick" not in text


def test_assets_are_kept_for_good_under_a_name_that_changes(serve):
    http = serve()
    answer = http.get(assets.url("tidemill.css"))
    old = http.get("/static/other/tidemill.css")

    assert "immutable" in answer.headers["cache-control"]
    assert old.headers["cache-control"] == "no-cache"
    assert http.get("/static/other/..%2Fshell.py").status_code == 404


def test_the_mark_moves_with_the_ledger(serve, workspace):
    http = serve()
    before = http.get("/changes").json()["mark"]
    workspace.tracking.create_run(OWNER, name="a")

    assert http.get("/changes").json()["mark"] > before
