"""Head and body of an answer leave together, and nothing waits for longer than a turn of the event loop."""

import asyncio
import contextlib
import socket
import threading

import pytest
import uvicorn

from tidemill.server.wire import JoinedWrites, JoiningProtocol


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def write(self, data):
        self.seen.append(bytes(data))

    def close(self):
        self.seen.append("closed")

    def is_closing(self):
        return "closed" in self.seen


@pytest.fixture
def written():
    """Give a function that writes within one turn of an event loop, and returns what was seen in it and at the end."""

    def run(*pieces, close=False):
        async def turn():
            joined = JoinedWrites(Transport())
            for piece in pieces:
                joined.write(piece)
            if close:
                joined.close()
            at_once = list(joined.seen)
            await asyncio.sleep(0)
            return at_once, joined.seen

        return asyncio.run(turn())

    return run


def test_two_writes_are_one(written):
    assert written(b"head", b"body") == ([b"headbody"], [b"headbody"])


def test_a_write_alone_goes_out_with_the_next_turn(written):
    assert written(b"head") == ([], [b"head"])


def test_more_writes_keep_their_order(written):
    assert written(b"1", b"2", b"3")[1] == [b"12", b"3"]


def test_a_large_body_is_not_copied_to_its_head(written):
    large = bytes(100_000)
    assert written(b"head", large)[0] == [b"head", large]
    assert written(large, b"more") == ([large], [large, b"more"])


def test_closing_sends_what_was_kept(written):
    assert written(b"head", close=True)[1] == [b"head", "closed"]


def test_what_else_a_transport_can_do_it_does():
    async def closing():
        return JoinedWrites(Transport()).is_closing()

    assert asyncio.run(closing()) is False


@pytest.fixture
def port():
    """Give the port of a server that answers with nothing but a head."""

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, http=JoiningProtocol, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


def test_a_head_without_an_end_is_cut_off(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nLong: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(20):
                caller.sendall(b"x" * 100_000)
        with contextlib.suppress(ConnectionError):
            assert caller.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_long_body_is_no_head(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        for _ in range(2):
            caller.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n" + bytes(300_000))
            assert caller.recv(4096).startswith(b"HTTP/1.1 200 ")
