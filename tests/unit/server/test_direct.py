"""A caller in this process gets what a server would have answered."""

import json

import httpx
import pytest

from tidemill.app import Workspace
from tidemill.client.embedded import EmbeddedTransport
from tidemill.core.settings import Settings
from tidemill.server.api import ROUTES
from tidemill.server.app import build
from tidemill.server.bodies import MOST_BODY
from tidemill.server.direct import Direct, _find
from tidemill.server.transfers import routes


@pytest.fixture
def workspace(tmp_path):
    with Workspace(Settings(home=tmp_path / "home")) as workspace:
        yield workspace


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/api/v1/whoami", "", b""),
        ("POST", "/api/v1/experiments", "", b'{"name": "a/b"}'),
        ("POST", "/api/v1/experiments", "", b'{"names": "a"}'),
        ("POST", "/api/v1/experiments", "", b"[]"),
        ("POST", "/api/v1/experiments", "", b"{"),
        ("GET", "/api/v1/experiments/none", "", b""),
        ("GET", "/api/v1/experiments/a/deep one", "", b""),
        ("GET", "/api/v1/dataset-versions/none@1", "", b""),
        ("GET", "/api/v1/dataset-versions/flights@0/sample", "rows=many", b""),
        ("GET", "/api/v1/dataset-versions/flights@0/sample", "rows=1&rows=2", b""),
        ("GET", "/api/v1/datasets", "what=", b""),
        ("POST", "/api/v1/runs/search", "", b'{"filter": "metrics.a >"}'),
    ],
)
def test_the_answer_is_the_servers(workspace, method, path, query, body):
    transport = EmbeddedTransport(build(workspace, is_embedded=True))
    with httpx.Client(transport=transport, base_url="http://localhost") as http:
        answered = http.request(method, path, params=query, content=body)

    direct = Direct(workspace).answer(method, path, query, body)

    assert direct is not None
    if method == "GET" or answered.status_code >= 400:
        assert (direct[0], json.loads(direct[1])) == (answered.status_code, answered.json())
    else:
        assert (direct[0], json.loads(direct[1])["error"]["code"]) == (409, "experiment_exists")


def test_what_is_no_verbs_is_left_to_the_application(workspace):
    direct = Direct(workspace)

    assert direct.answer("GET", "/api/v1/openapi.json", "", b"") is None
    assert direct.answer("GET", "/api/v1/nothing", "", b"") is None
    assert direct.answer("GET", "/", "", b"") is None


def test_no_verb_stands_where_bytes_are_moved(workspace):
    """The server tries the routes that stream first, this way tries them last."""
    paths = [(method, route.path) for route in routes(workspace) for method in route.methods or ()]

    assert [path for method, path in paths if _find(method, path.replace(":path", ""))] == []


def test_every_verb_is_found_by_its_own_path():
    found = [_find(route.method, route.path.replace(":path", "")) for route in ROUTES]

    assert [one and one[0] for one in found] == list(ROUTES)


def test_a_body_that_is_too_large_is_refused(workspace):
    answer = Direct(workspace).answer("POST", "/api/v1/experiments", "", b" " * (MOST_BODY + 1))

    assert answer is not None
    assert (answer[0], json.loads(answer[1])["error"]["code"]) == (413, "body_too_large")


def test_a_fault_of_ours_is_told_as_a_server_tells_it(workspace, monkeypatch, caplog):
    def fail(*_args, **_named):
        raise ZeroDivisionError

    monkeypatch.setattr(workspace.governance, "whoami", fail)

    answer = Direct(workspace).answer("GET", "/api/v1/whoami", "", b"")

    assert answer is not None
    assert (answer[0], json.loads(answer[1])["error"]["code"]) == (500, "internal")
    assert "ZeroDivisionError" in caplog.text
