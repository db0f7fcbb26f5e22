"""The API's verbs for a caller in this process, who owns the folder: the same answers without an HTTP server."""

from urllib.parse import parse_qsl

from tidemill.app.workspace import Workspace
from tidemill.core.access import OWNER
from tidemill.core.errors import TidemillError
from tidemill.server.api import ROUTES
from tidemill.server.binding import arguments, bind
from tidemill.server.bodies import body_of, check_length, error_body, own_fault
from tidemill.server.routes import Route
from tidemill.server.status import status_of

_WHOLE_REST = ":path}"


class Direct:
    """Answers requests that name a verb.

    Args:
        workspace: What is asked.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, bytes] | None:
        """Return the status and the body of the answer; None where the path is none of a verb's."""
        found = _find(method, path)
        if found is None:
            return None
        route, in_path = found
        try:
            check_length(len(body))
            bound = bind(route.verb)
            verb = getattr(self._workspace.service(bound.service), bound.method)
            values = arguments(bound, method, in_path, parse_qsl(query, keep_blank_values=True), body)
            return route.status, body_of(verb(OWNER, **values))
        except TidemillError as error:
            return status_of(error), error_body(error)
        except Exception as error:  # noqa: BLE001 - as a server answers it
            fault = own_fault(f"{method} {path}", error)
            return status_of(fault), error_body(fault)


def _find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route that a server would take, with the parameters that stand in the path."""
    fits = [
        (route, found) for route in ROUTES if route.method == method and (found := _fit(route.path, path)) is not None
    ]
    return min(fits, key=lambda one: bool(one[1]), default=None)  # one without parameters first, as a server does


def _fit(pattern: str, path: str) -> dict[str, str] | None:
    """Return the parameters of a path that a pattern describes; None if it does not."""
    parts, texts = pattern.split("/"), path.split("/")
    last = len(parts) - 1
    if parts[-1].endswith(_WHOLE_REST) and len(texts) > last:
        texts = [*texts[:last], "/".join(texts[last:])]
    if len(parts) != len(texts):
        return None
    found: dict[str, str] = {}
    for part, text in zip(parts, texts, strict=True):
        if part.endswith(_WHOLE_REST):
            found[part[1 : -len(_WHOLE_REST)]] = text
        elif part.startswith("{") and text:
            found[part[1:-1]] = text
        elif part != text:
            return None
    return found
