"""Where the server is: on the network, running on the workspace folder, or embedded in this process."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tidemill.client.client import Client
from tidemill.core.lazy import load
from tidemill.core.settings import Settings
from tidemill.ledger.lock import holder_of

_TIMEOUT = httpx.Timeout(600, connect=5)
_LOCK_WAIT_S = 10.0
_LOOK_S = 0.05


@contextmanager
def connect(settings: Settings | None = None) -> Iterator[Client]:
    """Give a client of the server that the settings name, of the one that runs on their folder, or of an embedded one.

    Args:
        settings: Where to look; from the environment when left out.

    Raises:
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
    with embedded(chosen) as client:
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
def embedded(settings: Settings) -> Iterator[Client]:
    """Give a client of a server inside this process, which works in the workspace folder until the block ends."""
    # The server stands beside the client and is loaded only where there is none on the network.
    build = load("tidemill.server.app").build
    transport = load("tidemill.client.embedded").EmbeddedTransport
    with load("tidemill.app").Workspace(settings, lock_wait_s=_LOCK_WAIT_S) as workspace:
        inside = transport(build(workspace, is_embedded=True))
        with httpx.Client(base_url="http://localhost", transport=inside, timeout=_TIMEOUT) as http:
            yield Client(http)
