"""The application answers in process as it does over the network, piece by piece."""

import asyncio
import threading
from typing import Any

import httpx
import pytest

from tidemill.client.embedded import EmbeddedTransport


@pytest.fixture
def serve():
    opened = []

    def start(app) -> httpx.Client:
        http = httpx.Client(transport=EmbeddedTransport(app), base_url="http://localhost")
        opened.append(http)
        return http

    yield start
    for http in opened:
        http.close()


async def head(send, status=200):
    await send({"type": "http.response.start", "status": status, "headers": [(b"x-a", b"1"), (b"x-a", b"2")]})


def test_a_request_arrives_whole_and_the_answer_comes_back(serve):
    seen: dict[str, Any] = {}

    async def app(scope, receive, send):
        seen.update(scope, **await receive())
        await head(send, 201)
        await send({"type": "http.response.body", "body": b"done"})

    answer = serve(app).post("/a%20b?c=d&c=e", content=b"body", headers={"X-Name": "v"})

    assert (answer.status_code, answer.content, answer.headers.get_list("x-a")) == (201, b"done", ["1", "2"])
    assert (seen["method"], seen["path"], seen["raw_path"], seen["query_string"]) == (
        "POST",
        "/a b",
        b"/a%20b",
        b"c=d&c=e",
    )
    assert (seen["body"], seen["more_body"]) == (b"body", False)
    assert (b"x-name", b"v") in seen["headers"]


def test_an_answer_larger_than_memory_may_be_comes_in_pieces(serve):
    sent = 0

    async def app(scope, receive, send):
        nonlocal sent
        await head(send)
        for _ in range(200):
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
            sent += 1
        await send({"type": "http.response.body", "body": b""})

    with serve(app).stream("GET", "/") as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"x" * 1000
        assert sent < 100
        assert sum(len(piece) for piece in pieces) == 199 * 1000


def test_an_answer_that_breaks_off_is_not_taken_for_whole(serve):
    async def app(scope, receive, send):
        await head(send)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError

    with pytest.raises(httpx.RemoteProtocolError):
        serve(app).get("/")


def test_an_application_that_fails_after_its_answer_has_answered(serve):
    async def app(scope, receive, send):
        await head(send, 500)
        await send({"type": "http.response.body", "body": b"sorry"})
        raise RuntimeError

    assert serve(app).get("/").text == "sorry"


def test_an_application_that_never_answers_is_an_error(serve):
    async def app(scope, receive, send):
        return

    with pytest.raises(httpx.RemoteProtocolError):
        serve(app).get("/")


def test_a_reader_that_goes_away_ends_the_answer(serve):
    ended = threading.Event()

    async def app(scope, receive, send):
        try:
            await head(send)
            while True:
                await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
        except asyncio.CancelledError:
            ended.set()
            raise

    with serve(app).stream("GET", "/") as answer:
        next(answer.iter_raw())
    assert ended.wait(10)


def test_many_callers_get_each_their_own(serve):
    async def app(scope, receive, send):
        await asyncio.sleep(0)
        await head(send)
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    http, found = serve(app), {}

    def call(number):
        found[number] = http.get(f"/{number}").text

    threads = [threading.Thread(target=call, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"/{number}" for number in range(16)}
