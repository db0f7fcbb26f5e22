"""What waits is done by threads, and comes back as it went."""

import asyncio
import threading

import pytest

from tidemill.server.threads import in_thread


def test_a_thread_does_it_and_gives_back_what_came_of_it():
    def work(given, *, more):
        return threading.current_thread().name, given, more

    name, *found = asyncio.run(in_thread(work, 1, more=2))
    assert name.startswith("request")
    assert found == [1, 2]


def test_an_error_comes_back_as_it_was_raised():
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(in_thread(fail))


def test_several_wait_at_the_same_time():
    both = threading.Barrier(2, timeout=10)

    async def meet():
        await asyncio.gather(in_thread(both.wait), in_thread(both.wait))

    asyncio.run(meet())
    assert not both.broken
