"""A workspace in which the loop has gone round a few times, seeded through the services, and a browser on it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from tidemill.app import Workspace
from tidemill.core.settings import Settings
from tidemill.server.app import build
from tidemill.server.run import bind, url_of

from .story import Story

BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class Site:
    """A server on a seeded workspace.

    Args:
        workspace: The workspace.
        story: What it was seeded with.
    """

    def __init__(self, workspace: Workspace, story: Story) -> None:
        self.workspace = workspace
        self.story = story
        workspace.serving_url = "http://127.0.0.1:8766"
        self._listener = bind("127.0.0.1", 0)
        self.url = url_of(self._listener)
        self._server = uvicorn.Server(uvicorn.Config(build(workspace), log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a server on a workspace in which the loop has gone round; tests of this folder share it."""
    folder = tmp_path_factory.mktemp("pages")
    with Workspace(Settings(home=folder / "home")) as workspace:
        story = Story(workspace, folder)
        story.tell()
        opened = Site(workspace, story)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def browser(chromium_path: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium_path), args=BROWSER_ARGUMENTS)
        yield opened
        opened.close()
