"""What comes in is called by our name, from our pages, and is not too large."""

import msgspec
import pytest

from tidemill.server.bodies import MOST_BODY


@pytest.mark.parametrize("host", ["localhost", "localhost:8765", "127.0.0.1:1", "[::1]:8765", "127.5.0.1"])
def test_the_server_answers_to_its_own_names(serve, host):
    assert serve().get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "192.0.2.1", "", "[::2]", "127.0.0.1.evil.example"]
)
def test_the_server_answers_to_no_other_name(serve, host):
    answer = serve().get("/health", headers={"Host": host})

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "host_refused")


def test_the_server_answers_to_names_that_it_was_given(serve):
    http = serve(allowed_hosts="ml.example.com, other.example.com", host="192.0.2.7")

    for host in ("ml.example.com", "other.example.com:8765", "192.0.2.7:8765"):
        assert http.get("/health", headers={"Host": host}).status_code == 200
    assert serve(host="0.0.0.0").get("/health", headers={"Host": "0.0.0.0"}).status_code == 403


def test_a_body_that_says_it_is_too_large_is_refused_unread(serve):
    answer = serve().post("/api/v1/experiments", content=b"{}", headers={"Content-Length": str(MOST_BODY + 1)})

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_a_body_that_turns_out_too_large_is_refused(serve):
    def pieces():
        for _ in range(17):
            yield b" " * (1 << 20)

    answer = serve().post("/api/v1/experiments", content=pieces())

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_every_answer_tells_browsers_to_be_careful(serve):
    for path in ("/health", "/nothing", "/api/v1/whoami", "/login"):
        headers = serve().get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_what_is_not_there_and_what_does_not_fit_is_said(serve):
    http = serve()

    assert http.get("/api/v1/nothing").json()["error"]["code"] == "route_not_found"
    answer = http.request("PATCH", "/api/v1/experiments")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


BAD_BODIES = {
    "not JSON": b"{",
    "not an object": b"[1]",
    "not UTF-8": b'{"name": "\xff"}',
    "too deep": b'{"name": ' + b"[" * 100_000,
    "too deep and whole": b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "not a number": b'{"name": NaN}',
    "too large a number": b'{"name": 1e999}',
    "wrong type": b'{"name": 3}',
    "unknown parameter": b'{"name": "a", "nmae": "b"}',
    "missing parameter": b"{}",
    "null": b'{"name": null}',
    "a lone surrogate": b'{"name": "\\ud800"}',
    "a NUL": b'{"name": "a\\u0000"}',
    "a control character": b'{"name": "a\\u202eb"}',
    "a key as deep as text": b'{"' + b"k" * 100_000 + b'": 1}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_body_is_the_callers_fault_and_says_why(serve, body):
    answer = serve().post("/api/v1/experiments", content=body)

    assert answer.status_code == 400, answer.text[:300]
    error = msgspec.json.decode(answer.content)["error"]
    assert error["message"]
    assert error["hint"]
    assert len(answer.content) < 2000


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=1&limit=2", "limt=3", "limit=1e999", "before=%00", "limit=0", "subject=x"]
)
def test_a_bad_query_is_the_callers_fault_and_says_why(serve, query):
    answer = serve().get(f"/api/v1/audit?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["hint"]


@pytest.mark.parametrize(
    "path", ["/api/v1/objects/../../etc/passwd", "/api/v1/objects/%2e%2e%2fledger.sqlite", "/api/v1/objects/x%00"]
)
def test_a_path_that_leaves_its_folder_is_refused(serve, path):
    assert serve().get(path).status_code in {400, 404}


def test_a_fault_of_ours_tells_nothing_and_is_logged(serve, workspace, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("the secret detail")

    monkeypatch.setattr(type(workspace.governance), "whoami", fail)
    http = serve()
    answer = http.get("/api/v1/whoami")

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert "the secret detail" in caplog.text


def test_an_origin_that_is_no_address_is_another_sites(serve):
    answer = serve().post("/api/v1/runs", headers={"Origin": "http://["}, json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_refused")


def test_a_path_of_slashes_alone_is_found_nowhere(serve):
    assert serve().get("/a" + "/" * 30_000).status_code == 404
