"""Who may judge, approve, deploy and go back over the API."""

import pytest

ASKS = [
    ("GET", "/api/v1/endpoints", None, "viewer"),
    ("GET", "/api/v1/rollouts", None, "viewer"),
    ("GET", "/api/v1/gate-reports", None, "viewer"),
    ("POST", "/api/v1/endpoints", {"name": "delay"}, "editor"),
    ("PUT", "/api/v1/endpoints/delay", {}, "editor"),
    ("POST", "/api/v1/gate-reports", {"model": "m@1", "rules": [], "holdout": "artifact:x"}, "editor"),
    ("POST", "/api/v1/endpoints/delay/deployments", {"model": "m@1"}, "editor"),
    ("POST", "/api/v1/endpoints/delay/deployments", {"model": "m@1", "force": True}, "admin"),
    ("POST", "/api/v1/endpoints/delay/promote", {}, "editor"),
    ("POST", "/api/v1/endpoints/delay/rollback", {}, "editor"),
    ("POST", "/api/v1/gate-reports/none/approve", {}, "approver"),
    ("POST", "/api/v1/gate-reports/none/reject", {}, "approver"),
]
RANKS = ["viewer", "editor", "approver", "admin"]


@pytest.mark.parametrize(("method", "path", "body", "least"), ASKS)
def test_each_route_asks_for_its_role(serve, secrets, method, path, body, least):
    http = serve(require_tokens=True)
    for role in RANKS:
        answer = http.request(method, path, json=body, headers={"Authorization": f"Bearer {secrets[role]}"})
        is_refused = answer.status_code == 403 and answer.json()["error"]["code"] == "permission_missing"
        assert is_refused is (RANKS.index(role) < RANKS.index(least)), (role, answer.text)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/v1/endpoints", {"name": "a b"}, 400, "invalid_name"),
        ("/api/v1/endpoints", {"name": 7}, 400, "invalid_request"),
        ("/api/v1/endpoints/none/rollback", {}, 404, "endpoint_not_found"),
        ("/api/v1/endpoints/none/deployments", {"model": "m@1"}, 404, "endpoint_not_found"),
        ("/api/v1/endpoints/none/deployments", {"model": "m@1", "plan": {"shares": [2]}}, 400, "invalid_plan"),
        ("/api/v1/endpoints/none/deployments", {"model": "m@1", "plan": {"shares": "x"}}, 400, "invalid_request"),
        ("/api/v1/gate-reports", {"model": "m@1", "rules": [], "holdout": "artifact:x"}, 400, "invalid_gate_rule"),
        (
            "/api/v1/gate-reports",
            {"model": "m@1", "rules": [{"metrik": 1}], "holdout": "a:x"},
            400,
            "invalid_gate_rule",
        ),
        ("/api/v1/gate-reports/none/approve", {}, 404, "gate_report_not_found"),
    ],
)
def test_bad_input_is_told_and_never_our_fault(serve, path, body, status, code):
    answer = serve().post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["hint"]
