"""Where what waits is done, so that the event loop need not: verbs, files, tokens; and how it hears of the end."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_MOST = 40
_POOL = ThreadPoolExecutor(_MOST, thread_name_prefix="request")


async def in_thread(function: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
    """Return what a function gives that may wait for the disk, the ledger or another service.

    The way there and back costs half of what it costs through anyio, which Starlette would take.
    """
    call = partial(function, *args, **named) if named else function
    return await asyncio.get_running_loop().run_in_executor(_POOL, call, *(() if named else args))


async def arrived(future: "Future[T]") -> T:
    """Wait for what another thread will have done, in a third of the steps of `asyncio.wrap_future`."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def tell(_: "Future[T]") -> None:
        with suppress(RuntimeError):  # the loop was closed before
            loop.call_soon_threadsafe(end)

    future.add_done_callback(tell)
    await waiter
    return future.result()
