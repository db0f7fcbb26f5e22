"""A server on an empty workspace, in process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tidemill.app import Workspace
from tidemill.client.embedded import EmbeddedTransport
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.server.app import build

ROLES = ("viewer", "editor", "approver", "admin")
Serve = Callable[..., httpx.Client]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(Settings(home=tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def serve(workspace: Workspace) -> Iterator[Serve]:
    """Give a function that serves the workspace with some settings, as over the network."""
    opened: list[httpx.Client] = []

    def start(**given: object) -> httpx.Client:
        workspace.settings = Settings.load({}, home=workspace.settings.home, **given)
        http = httpx.Client(transport=EmbeddedTransport(build(workspace)), base_url="http://localhost")
        opened.append(http)
        return http

    yield start
    for http in opened:
        http.close()


@pytest.fixture
def secrets(workspace: Workspace) -> dict[str, str]:
    """Give the secret of a token of each role."""
    return {role: workspace.governance.create_token(OWNER, name=f"a-{role}", role=role).secret for role in ROLES}
