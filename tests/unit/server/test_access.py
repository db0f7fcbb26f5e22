"""Who may come in, and how far; for each role on each route there is."""

import re
from pathlib import Path

import pytest
from starlette.routing import Route as StarletteRoute

from tidemill.app import Workspace
from tidemill.core.access import OWNER, Permission, Role
from tidemill.core.settings import Settings
from tidemill.server.app import routes
from tidemill.server.identity import TokensNeeded, check_tokens_exist, is_loopback
from tidemill.server.permits import RouteWithoutPermission, StatedRoute, check_permissions

NEEDS = {
    Permission.READ: Role.VIEWER,
    Permission.WRITE: Role.EDITOR,
    Permission.APPROVE: Role.APPROVER,
    Permission.ADMIN: Role.ADMIN,
}


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def table(workspace: Workspace) -> list[tuple[str, str, Permission]]:
    """List every route of the server as method, a path that fits it, and permission."""
    found = []
    for route in routes(workspace):
        permission = route.permission  # type: ignore[attr-defined]  # the registry check holds that it is there
        path = re.sub(r"{[^}]*}", "x", re.sub(r"{[^}]*:int}", "1", route.path))  # type: ignore[attr-defined]
        methods = route.methods if isinstance(route, StarletteRoute) else {"GET"}
        found += [(method, path, permission) for method in sorted(methods or ()) if method != "HEAD"]
    return found


def said(answer) -> str:
    """Return the code of an error in the shape of the route's own protocol."""
    body = answer.json()
    return str(body["error"]["code"] if "error" in body else body["error_code"])


def test_the_table_has_open_and_closed_routes(workspace):
    permissions = {permission for _, _, permission in table(workspace)}

    assert permissions >= {Permission.OPEN, Permission.READ, Permission.WRITE, Permission.ADMIN}
    assert len(table(workspace)) > 25


def test_without_a_token_every_route_but_the_open_ones_is_closed(workspace, serve, secrets):
    http = serve(require_tokens=True)

    for method, path, permission in table(workspace):
        answer = http.request(method, path)
        if permission is Permission.OPEN:
            assert answer.status_code not in {401, 403} or path == "/login", (method, path)
        else:
            assert answer.status_code == 401, (method, path)
            assert said(answer) in {"login_needed", "UNAUTHENTICATED"}
            assert "TIDEMILL_TOKEN" in answer.text


@pytest.mark.parametrize("role", list(Role))
def test_a_role_gets_as_far_as_it_may_and_no_further(workspace, serve, secrets, role):
    http = serve(require_tokens=True)
    headers = bearer(secrets[role.name.lower()])

    for method, path, permission in table(workspace):
        answer = http.request(method, path, headers=headers)
        is_refused = answer.status_code == 403 and said(answer) in {"permission_missing", "PERMISSION_DENIED"}
        expected = permission is not Permission.OPEN and role < NEEDS[permission]
        assert is_refused == expected, (method, path, answer.text[:200])
        assert answer.status_code != 401 or path == "/login", (method, path)


@pytest.mark.parametrize("given", [{}, {"require_tokens": True}, {"host": "0.0.0.0"}])
def test_a_wrong_token_is_refused_however_open_the_server_is(serve, secrets, given):
    http = serve(**given)

    wrong = ["tm_" + "A" * 43, "nonsense", "", "tm_" + "A" * 100_000]
    unfit = ["Basic YTpi", "Basic", "Basic !", "Basic YQ==", "Basic /w==", "Digest a", "Bearer"]
    for header in [*(f"Bearer {secret}" for secret in wrong), *unfit]:
        answer = http.get("/api/v1/whoami", headers={"Authorization": header})
        assert answer.status_code == 401, header[:40]
        assert answer.json()["error"]["code"] == "token_refused"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert http.get("/api/v1/whoami", headers={"Cookie": f"tidemill_token={wrong[0]}"}).status_code == 401


def test_a_token_may_come_as_the_password_of_any_user(serve, secrets):
    http = serve(require_tokens=True)

    answer = http.get("/api/v1/whoami", auth=("anybody", secrets["viewer"]))

    assert answer.json()["role"] == "viewer"


def test_on_loopback_the_owner_needs_no_token(serve):
    assert serve().get("/api/v1/whoami").json() == {
        "name": "owner", "role": "admin", "permissions": ["read", "write", "approve", "admin"],
    }  # fmt: skip


def test_elsewhere_everybody_needs_one(serve, secrets):
    http = serve(host="0.0.0.0")

    assert http.get("/api/v1/whoami").status_code == 401
    assert http.get("/api/v1/whoami", headers=bearer(secrets["viewer"])).json()["name"] == "a-viewer"


def test_a_revoked_token_is_worth_nothing_from_then_on(workspace, serve, secrets):
    http = serve(require_tokens=True)
    headers = bearer(secrets["editor"])
    assert http.get("/api/v1/whoami", headers=headers).status_code == 200

    assert http.delete("/api/v1/tokens/a-editor", headers=bearer(secrets["admin"])).status_code == 200

    assert http.get("/api/v1/whoami", headers=headers).status_code == 401


def test_what_is_done_with_a_token_stands_under_its_name(workspace, serve, secrets):
    serve().post("/api/v1/experiments", json={"name": "delays"}, headers=bearer(secrets["editor"]))

    (event,) = workspace.governance.audit(OWNER, limit=1)
    assert (event.actor, event.action) == ("a-editor", "experiment.create")


# ------------------------------------------------------------------------------------------- pages


def test_a_person_without_a_token_is_led_to_the_login_and_back(serve, secrets):
    http = serve(require_tokens=True)

    led = http.get("/api/v1/audit?limit=3", headers={"Accept": "text/html"})
    assert (led.status_code, led.headers["Location"]) == (303, "/login?next=%2Fapi%2Fv1%2Faudit%3Flimit%3D3")
    assert "<form" in http.get(led.headers["Location"]).text

    entered = http.post(led.headers["Location"], data={"token": secrets["viewer"]})
    assert (entered.status_code, entered.headers["Location"]) == (303, "/api/v1/audit?limit=3")
    cookie = entered.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert http.get("/api/v1/whoami").json()["name"] == "a-viewer"

    http.post("/logout")
    assert http.get("/api/v1/whoami").status_code == 401


def test_a_wrong_token_at_the_login_says_so_and_sets_nothing(serve):
    answer = serve(require_tokens=True).post("/login", data={"token": "tm_<script>"})

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "not valid" in answer.text


def test_a_stale_cookie_does_not_lock_the_login(workspace, serve, secrets):
    http = serve(require_tokens=True)
    http.post("/login", data={"token": secrets["viewer"]})
    workspace.governance.revoke_token(OWNER, name="a-viewer")

    assert http.get("/api/v1/whoami").status_code == 401
    assert http.get("/login").status_code == 200


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: b=c", ""],
)
def test_the_login_leads_to_no_other_server(serve, secrets, place):
    answer = serve(require_tokens=True).post("/login", params={"next": place}, data={"token": secrets["viewer"]})

    assert answer.headers["Location"] == "/"


def test_a_page_of_another_site_may_not_change_anything(serve, secrets):
    http = serve()

    for origin in ("https://evil.example", "null", "http://localhost:9999"):
        answer = http.post("/api/v1/experiments", json={"name": "x"}, headers={"Origin": origin})
        assert answer.json()["error"]["code"] == "origin_refused"
    assert (
        http.post("/api/v1/experiments", json={"name": "x"}, headers={"Origin": "http://localhost"}).status_code == 201
    )


# ------------------------------------------------------------------------------------------- start-up


def test_a_server_with_a_route_that_states_nothing_does_not_start(workspace):
    async def endpoint(request):
        raise AssertionError

    check_permissions([StatedRoute("/a", endpoint, Permission.READ)])
    with pytest.raises(RouteWithoutPermission, match="/c"):
        check_permissions([StarletteRoute("/c", endpoint)])


def test_no_listening_elsewhere_before_an_admin_token_exists(workspace, tmp_path: Path):
    for settings in (Settings(host="0.0.0.0"), Settings(host="192.0.2.1"), Settings(require_tokens=True)):
        with pytest.raises(TokensNeeded) as caught:
            check_tokens_exist(settings, workspace.governance)
        assert "tidemill tokens create --role admin NAME" in caught.value.hint
    check_tokens_exist(Settings(host="::1"), workspace.governance)

    workspace.governance.create_token(OWNER, name="ann", role="admin")
    check_tokens_exist(Settings(host="0.0.0.0"), workspace.governance)
    workspace.governance.revoke_token(OWNER, name="ann")
    with pytest.raises(TokensNeeded):
        check_tokens_exist(Settings(host="0.0.0.0"), workspace.governance)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_loopback_is_known_by_its_addresses(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.com", "localhost.example.com", "10.0.0.1", ""])
def test_nothing_else_is_loopback(host):
    assert not is_loopback(host)
