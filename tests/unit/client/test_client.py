"""The client says what the server said, in the same family of errors."""

from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from tidemill.client.client import Client, ServerUnreachable, part
from tidemill.core import errors


def client(answer) -> Client:
    return Client(httpx.Client(transport=httpx.MockTransport(answer), base_url="http://server"))


def failing(status: int, **error: object) -> Client:
    return client(lambda _: httpx.Response(status, content=msgspec.json.encode({"error": error})))


@pytest.mark.parametrize(
    ("status", "code", "family"),
    [(400, "invalid_name", errors.InvalidInput), (401, "token_refused", errors.Unauthenticated),
     (403, "permission_missing", errors.Refused), (404, "run_not_found", errors.NotFound),
     (405, "method_not_allowed", errors.InvalidInput), (409, "token_exists", errors.Conflict),
     (413, "body_too_large", errors.TooLarge), (500, "internal", errors.Internal),
     (500, "damaged_object", errors.Damaged), (500, "ledger_damaged", errors.Damaged),
     (501, "missing_extra", errors.MissingExtra), (503, "ledger_busy", errors.Unavailable),
     (507, "out_of_space", errors.OutOfSpace)],
)  # fmt: skip
def test_an_error_of_the_server_is_one_of_the_same_family_here(status, code, family):
    with pytest.raises(family) as caught:
        failing(status, code=code, message="what", hint="next", where="row 7", details={"row": 7}).get("/", str)

    error = caught.value
    assert (error.code, error.message, error.hint, error.where) == (code, "what", "next", "row 7")
    assert error.details == {"row": 7}


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"null", b'{"error": "no"}', b'{"error": {}}', b"\xff"])
def test_a_server_that_is_not_ours_is_suspected(content):
    with pytest.raises(errors.Internal, match="502") as caught:
        client(lambda _: httpx.Response(502, content=content)).get("/", str)
    assert "TIDEMILL_URL" in caught.value.hint


def test_a_server_that_does_not_answer_is_said():
    with Client(httpx.Client(base_url="http://127.0.0.1:9")) as api, pytest.raises(ServerUnreachable) as caught:
        api.get("/", str)
    assert "127.0.0.1:9" in caught.value.message
    assert "tidemill up" in caught.value.hint


def test_what_is_asked_is_written_as_the_server_reads_it():
    seen: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200, content=b"null")

    at = datetime(2026, 1, 2, tzinfo=UTC)
    client(answer).get("/x", type(None), path="a b", none=None, yes=True, at=at, names=["a", "b"], tags={"k": "v"})

    assert seen[0].query == b"path=a+b&yes=true&at=2026-01-02T00%3A00%3A00%2B00%3A00&names=a&names=b&tags=k%3Dv"


def test_a_text_is_one_part_of_a_path():
    assert part("a/b?c#d%2F..") == "a%2Fb%3Fc%23d%252F.."


def test_a_stream_that_is_refused_says_why():
    api = failing(403, code="permission_missing", message="no", hint="ask")

    with pytest.raises(errors.Refused, match="no"), api.stream("/api/v1/backup") as pieces:
        list(pieces)
