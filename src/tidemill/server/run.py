"""`tidemill up`: the server on a workspace until it is told to end."""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import uvicorn
import uvloop

from tidemill.app import Workspace
from tidemill.core.errors import Conflict, InvalidInput
from tidemill.core.lazy import lazy
from tidemill.core.settings import Settings
from tidemill.ledger import WorkspaceInUse, holder_of
from tidemill.server.identity import check_tokens_exist, needs_tokens
from tidemill.server.plane import Plane
from tidemill.server.wire import JoiningProtocol

if TYPE_CHECKING:
    from tidemill.server import app as application
else:
    application = lazy("tidemill.server.app")

_LOG = logging.getLogger("tidemill.server")
_DRAIN_S = 10
_KEEP_ALIVE_S = 75  # longer than a training step: a client that logs now and then keeps its connection
_ALLOCATIONS = 10_000
"""How many more objects than were freed set off the collector."""

_WAIT_S = 600.0
"""How long a server waits for a command that works in the folder, such as one that was typed just before it."""


class PortInUse(Conflict):
    """Another program listens on the port."""

    code = "port_in_use"


class AddressUnfit(InvalidInput):
    """This machine has no such address."""

    code = "address_unfit"


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server is, once it answers."""

    url: str
    serving_url: str
    home: str
    pid: int


def serve(settings: Settings, tell: Callable[[Ready], None]) -> None:
    """Run the server and its data plane on a workspace, until SIGINT or SIGTERM.

    Args:
        settings: Where the workspace is and where to listen.
        tell: Called once, when requests are answered.

    Raises:
        PortInUse: If the port is taken.
        WorkspaceInUse: If a server works in the folder, or a command does for longer than is waited.
        TokensNeeded: If others could reach it and no admin token exists.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    with _admit(settings) as listener, Workspace(settings, lock_wait_s=_WAIT_S) as workspace:
        if needs_tokens(settings):
            check_tokens_exist(settings, workspace.governance)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(workspace, listener, tell))


async def _serve(workspace: Workspace, listener: socket.socket, tell: Callable[[Ready], None]) -> None:
    settings = workspace.settings
    plane = Plane(settings)
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(
        lambda: application.build(workspace),
        factory=True,
        http=JoiningProtocol,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_DRAIN_S,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # ours are below
    # A terminal that closes ends the server as Ctrl-C does, unless it was started to outlive it, as by nohup.
    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    for number in (signal.SIGINT, signal.SIGTERM, *hangup):
        loop.add_signal_handler(number, lambda: setattr(server, "should_exit", True))
    # The data plane comes up while the stages and the application load: either takes most of a second.
    coming = asyncio.create_task(asyncio.to_thread(plane.start))
    try:
        await asyncio.to_thread(workspace.workflows)
        serving_url = await coming
        await asyncio.to_thread(workspace.start, serving_url)
        url = url_of(listener)
        workspace.lock.describe(url=url, serving_url=serving_url)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn sets a flag, no event
            await asyncio.sleep(0.005)
        _spare_collector()
        tell(Ready(url=url, serving_url=serving_url, home=str(settings.home), pid=os.getpid()))
        await asyncio.gather(running, asyncio.to_thread(application.warm, workspace))
    finally:
        await asyncio.to_thread(plane.stop)


def _spare_collector() -> None:
    """Keep what was loaded so far out of the collector's walks: a page of a thousand runs would set off several."""
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 20, 20)


def _admit(settings: Settings) -> socket.socket:
    """Return the listening socket, unless a server works in the folder already; say which command is waited for."""
    holder = holder_of(settings.home)
    if "url" in holder:
        raise WorkspaceInUse(
            f"A server works in this workspace: {holder['url']} (process {holder.get('pid')})",
            where=str(settings.home),
            hint="Use that one, or end it first, or give another --home.",
        )
    listener = bind(settings.host, settings.port)
    if holder:
        _LOG.warning("waiting for process %s, which works in this workspace", holder.get("pid"))
    return listener


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address.

    Raises:
        PortInUse: If the port is taken.
        AddressUnfit: If the address is not one of this machine's, or the port needs other rights.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except (OSError, OverflowError) as error:
        listener.close()
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise PortInUse(
                f"Port {port} on {host} is taken", hint="Choose another with --port, or 0 for any free one."
            ) from error
        raise AddressUnfit(
            f"Cannot listen on {host}:{port}: {error}", hint="Give an address of this machine."
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL by which this machine reaches a listening socket."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - every address is no address to call
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
