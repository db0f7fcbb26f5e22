"""A workspace in which the loop has gone round a few times, seeded through the services, and a browser on it."""

import re
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

LOOKS = {
    "light": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 780}, "color_scheme": "light"},
}


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


@pytest.fixture
def open_page(site, browser):
    """Give a function that opens a page and fails when it complains or reaches outside."""
    contexts, troubles = [], []

    def start(address, look="light", *, refused=False, **options):
        context = browser.new_context(**LOOKS[look], locale="en-GB", timezone_id="America/New_York", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complained(said, refused=refused))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", refuse)
        page.on("request", lambda asked: outside(asked.url))
        page.goto(site.url + address)
        return page

    def complained(said, *, refused):
        # A form that is refused is answered with the page and a status that says so; Chromium writes that down.
        if refused and re.search(r"status of (400|404|409) ", said.text):
            return
        # What a framed artifact complains of is that it may not do what it tries.
        if said.type in {"error", "warning"} and "/framed/" not in said.location.get("url", ""):
            troubles.append(said.text)

    def refuse(dialog):
        troubles.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def outside(url):
        if not url.startswith((site.url, "data:")):
            troubles.append(f"asked {url}")

    yield start
    for context in contexts:
        context.close()
    assert troubles == []
