"""Only a word of a Tidemill server is an answer; everything else is the server being away."""

import httpx
import pytest

from tidemill.client.tracking.reach import Link, ServerAway
from tidemill.client.tracking.spool import Place
from tidemill.core.settings import Settings


def link(status: int, content: bytes, seen: list[httpx.Request] | None = None) -> Link:
    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, content=content)

    made = Link(Place(url="http://server"), Settings(token="tm_secret"))
    made._http = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://server")
    return made


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"run": {}}'])
def test_json_is_an_answer(content):
    assert link(200, content).call("POST", "/x", {}) is None


@pytest.mark.parametrize(
    ("status", "content", "code"),
    [(404, b'{"error": {"code": "run_not_found", "message": "no"}}', "run_not_found"),
     (409, b'{"error": {"code": "param_changed", "message": "no"}}', "param_changed"),
     (413, b'{"error": {"code": "body_too_large", "message": "no"}}', "body_too_large"),
     (400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}', "INVALID_PARAMETER_VALUE")],
)  # fmt: skip
def test_a_word_of_the_server_is_a_refusal(status, content, code):
    assert link(status, content).call("POST", "/x", {}) == (code, "no")


@pytest.mark.parametrize(
    ("status", "content"),
    [(200, b"<html>log in</html>"), (200, b""), (302, b""), (404, b"not found"), (404, b"{}"), (400, b"null"),
     (401, b'{"error": {"code": "token_refused", "message": "no"}}'),
     (403, b'{"error": {"code": "permission_missing", "message": "no"}}'),
     (429, b'{"error": {"code": "busy", "message": "no"}}'), (500, b'{"error": {"code": "internal", "message": "x"}}'),
     (503, b'{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "x"}'), (502, b"<html>")],
)  # fmt: skip
def test_everything_else_is_the_server_being_away(status, content):
    with pytest.raises(ServerAway, match=str(status)):
        link(status, content).call("POST", "/x", {})


def test_a_file_says_how_long_it_is(tmp_path):
    (tmp_path / "model").write_bytes(b"w" * 3_000_000)
    seen: list[httpx.Request] = []

    assert link(200, b"{}", seen).put_file("/x", tmp_path / "model") is None

    assert seen[0].headers["content-length"] == "3000000"
    assert "transfer-encoding" not in seen[0].headers
    assert len(seen[0].read()) == 3_000_000


def test_a_server_that_is_not_there_is_away():
    with pytest.raises(ServerAway, match="does not answer"):
        Link(Place(url="http://127.0.0.1:9"), Settings()).call("POST", "/x", {})
