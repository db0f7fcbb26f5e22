"""The API in this process: a verb is called where it is asked for, whatever else there is goes to the application."""

import threading
from contextlib import ExitStack

import httpx

from tidemill.app.workspace import Workspace
from tidemill.core.lazy import load
from tidemill.server.direct import Direct

_JSON = {"Content-Type": "application/json"}


class DirectTransport(httpx.BaseTransport):
    """Answers requests on a workspace of this process.

    Args:
        workspace: What is asked.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._direct = Direct(workspace)
        self._application: httpx.BaseTransport | None = None
        self._building = threading.Lock()
        self._until = ExitStack()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer; the body of one that is no verb's comes as it is read."""
        url = request.url
        answer = self._direct.answer(request.method, url.path, url.query.decode("ascii"), request.read())
        if answer is None:
            return self._whole().handle_request(request)
        status, body = answer
        return httpx.Response(status, headers=_JSON, content=body)

    def close(self) -> None:
        """Let go of the application, if there is one."""
        self._until.close()

    def _whole(self) -> httpx.BaseTransport:
        with self._building:
            if self._application is None:
                # Loaded here: most commands ask verbs only, and do without a web framework.
                build = load("tidemill.server.app").build
                made: httpx.BaseTransport = load("tidemill.client.embedded").EmbeddedTransport(
                    build(self._workspace, is_embedded=True)
                )
                self._until.callback(made.close)
                self._application = made
            return self._application
