"""What waits is done by threads, and comes back as it went."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from tidemill.server.threads import arrived, in_thread


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


def test_what_another_thread_does_arrives():
    async def wait(act: Callable[[Future[int]], None]) -> int:
        future: Future[int] = Future()
        threading.Timer(0.01, act, [future]).start()
        return await arrived(future)

    assert asyncio.run(wait(lambda future: future.set_result(7))) == 7
    with pytest.raises(ValueError, match="no"):
        asyncio.run(wait(lambda future: future.set_exception(ValueError("no"))))


def test_what_is_done_already_arrives():
    async def wait():
        future: Future[int] = Future()
        future.set_result(7)
        return await arrived(future)

    assert asyncio.run(wait()) == 7


def test_who_stopped_waiting_is_not_told():
    async def leave():
        future: Future[int] = Future()
        waiting = asyncio.ensure_future(arrived(future))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return future

    asyncio.run(leave()).set_result(7)  # after the loop closed too
