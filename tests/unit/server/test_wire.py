"""Head and body of an answer leave together, and nothing waits for longer than a turn of the event loop."""

import asyncio

import pytest

from tidemill.server.wire import JoinedWrites


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
