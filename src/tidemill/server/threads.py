"""Where what waits is done, so that the event loop need not: verbs, files, tokens."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
