"""Where the server is: on the network, running on the workspace folder, or embedded in this process."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from tidemill.client.client import Client
from tidemill.core.lazy import load
from tidemill.core.settings import Settings
from tidemill.ledger.lock import holder_of

_TIMEOUT = httpx.Timeout(600, connect=5)
_LOCK_WAIT_S = 10.0
_LOOK_S = 0.05
_READS = {"GET", "HEAD"}
READING_POSTS = ("/search", "/count", "/groups")
"""How the paths end of questions that are too long for a URL."""


@contextmanager
def connect(settings: Settings | None = None, *, only_writes_make: bool = False) -> Iterator[Client]:
    """Give a client of the server that the settings name, of the one that runs on their folder, or of an embedded one.

    Args:
        settings: Where to look; from the environment when left out.
        only_writes_make: Whether a call that reads is refused where there is no workspace yet, instead of making one.

    Raises:
        WorkspaceMissing: At such a call.
        WorkspaceInUse: If a process that is no server works in the folder and does not end in time.
        ServerUnreachable: At the first call, if the server does not answer.
    """
    chosen = settings or Settings.load()
    url = chosen.url or _server_on(chosen.home)
    if url:
        headers = {"Authorization": f"Bearer {chosen.token}"} if chosen.token else {}
        with httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT) as http:
            yield Client(http)
        return
    with embedded(chosen, only_writes_make=only_writes_make) as client:
        yield client


def _server_on(home: Path) -> str:
    """Return the URL of the server that works in a folder, waiting for one that is just starting; else nothing."""
    deadline = time.monotonic() + _LOCK_WAIT_S
    while holder := holder_of(home):
        if "url" in holder or time.monotonic() >= deadline:
            return str(holder.get("url", ""))
        time.sleep(_LOOK_S)
    return ""


@contextmanager
def embedded(settings: Settings, *, only_writes_make: bool = False) -> Iterator[Client]:
    """Give a client of a server inside this process, which works in the workspace folder until the block ends."""
    with ExitStack() as inside:
        transport: httpx.BaseTransport
        if only_writes_make and not load("tidemill.app.placing").is_workspace(settings.home, settings.database):
            transport = _Making(settings, inside)
        else:
            transport = _open(settings, inside)
        with httpx.Client(base_url="http://localhost", transport=transport, timeout=_TIMEOUT) as http:
            yield Client(http, is_embedded=True)


def _open(settings: Settings, until: ExitStack) -> httpx.BaseTransport:
    """Open the workspace, which is closed with a stack, and return the way to it."""
    # The workspace stands beside the client and is loaded only where there is no server on the network.
    workspace = until.enter_context(load("tidemill.app").Workspace(settings, lock_wait_s=_LOCK_WAIT_S))
    made: httpx.BaseTransport = load("tidemill.client.direct").DirectTransport(workspace)
    return made


class _Making(httpx.BaseTransport):
    """Makes the workspace at the first request that writes; until then there is nothing to read.

    Args:
        settings: Where the workspace is to be.
        until: Closes it.
    """

    def __init__(self, settings: Settings, until: ExitStack) -> None:
        self._settings = settings
        self._until = until
        self._inside: httpx.BaseTransport | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer of the server."""
        if self._inside is None:
            if request.method in _READS or request.url.path.endswith(READING_POSTS):
                raise load("tidemill.app.placing").no_workspace(self._settings.home)
            self._inside = _open(self._settings, self._until)
        return self._inside.handle_request(request)

    def close(self) -> None:
        """End the server, if there is one."""
        if self._inside is not None:
            self._inside.close()
