"""MLflow's REST API, asked with patience."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.integrations.trackers.mlflow.places import PROXY, Address
from tidemill.objects.trees import check_relative
from tidemill.tracking.ports import CarriedFile, FileRoot, FilesElsewhere, FileUnreadable, TrackerFailed

_TIMEOUT = httpx.Timeout(120, connect=10)
_AGAIN = {408, 429, 500, 502, 503, 504}
_WAITS_S = (0.2, 0.5, 1.0, 2.0, 4.0)
_PIECE = 1 << 20
_ROOT = "/api/2.0/mlflow"
Json = dict[str, Any]


class NotThere(TrackerFailed):
    """The server has no such thing, or knows no such route."""

    code = "tracker_has_none"


class Rest:
    """A connection to a server.

    Args:
        address: The server, and who asks.
    """

    def __init__(self, address: Address) -> None:
        given = address.credentials
        headers = {"Authorization": f"Bearer {given.token}"} if given.token else {}
        basic = httpx.BasicAuth(given.username, given.password) if given.username and not given.token else None
        self.place = address.shown
        # A redirect could lead the credentials elsewhere; httpx follows none unless it is told to.
        self._http = httpx.Client(base_url=address.url, headers=headers, auth=basic, timeout=_TIMEOUT)

    def get(self, path: str, /, **query: object) -> Json:
        """Return what a path of the API answers."""
        given = {name: value for name, value in query.items() if value not in ("", None)}
        return self._ask("GET", f"{_ROOT}{path}", params=given)

    def post(self, path: str, body: Mapping[str, object]) -> Json:
        """Send something to a path of the API and return the answer."""
        return self._ask("POST", f"{_ROOT}{path}", content=msgspec.json.encode(body))

    def patch(self, path: str, body: Mapping[str, object]) -> Json:
        """Change something by a path of the API and return the answer."""
        return self._ask("PATCH", f"{_ROOT}{path}", content=msgspec.json.encode(body))

    def delete(self, path: str, body: Mapping[str, object]) -> Json:
        """Delete something by a path of the API and return the answer."""
        return self._ask("DELETE", f"{_ROOT}{path}", content=msgspec.json.encode(body))

    def pages(self, method: str, path: str, key: str, query: Mapping[str, object]) -> Iterator[list[Json]]:
        """Yield the pages of a search, each a list of what stands under the key."""
        token = ""
        while True:
            asked = {**query, **({"page_token": token} if token else {})}
            answer = self.post(path, asked) if method == "POST" else self.get(path, **asked)
            if found := answer.get(key):
                yield found
            after = str(answer.get("next_page_token") or "")
            if not after or after == token:
                return
            token = after

    def files(self, root: FileRoot) -> Iterator[CarriedFile]:
        """Yield the files of a run or a logged model, folder by folder."""
        folders = [""]
        while folders:
            folder = folders.pop()
            for path, is_dir, size in self._listed(root, folder):
                try:
                    inside = check_relative(path)
                except InvalidInput:
                    continue
                if is_dir:
                    folders.append(inside)
                else:
                    yield CarriedFile(inside, size)

    def _listed(self, root: FileRoot, folder: str) -> Iterator[tuple[str, bool, int]]:
        kind, identifier, uri = root
        if (proxied := _proxied(uri)) is not None:
            below = "/".join(part for part in (proxied, folder) if part)
            answer = self._ask("GET", "/api/2.0/mlflow-artifacts/artifacts", params={"path": below})
            prefix = f"{folder}/" if folder else ""
        elif kind == "run":
            answer = self.get("/artifacts/list", run_id=identifier, path=folder)
            prefix = ""
        else:
            where = f"/logged-models/{quote(identifier, safe='')}/artifacts/directories"
            answer = self.get(where, artifact_directory_path=folder)
            prefix = ""
        for file in answer.get("files") or ():
            size = file.get("file_size")
            yield prefix + str(file["path"]), bool(file.get("is_dir")), -1 if size is None else int(size)

    def read(self, root: FileRoot, path: str) -> Iterator[bytes]:
        """Yield a file's bytes.

        Raises:
            FileUnreadable: If the server does not give it.
        """
        kind, identifier, uri = root
        query: dict[str, str] = {}
        if (proxied := _proxied(uri)) is not None:
            where = "/api/2.0/mlflow-artifacts/artifacts/" + quote(f"{proxied}/{path}")
        elif kind == "run":
            where, query = "/get-artifact", {"run_id": identifier, "path": path}
        else:
            where = f"/ajax-api/2.0/mlflow/logged-models/{quote(identifier, safe='')}/artifacts/files"
            query = {"artifact_file_path": path}
        with self._reached(), self._http.stream("GET", where, params=query) as answer:
            if answer.status_code != 200:
                answer.read()
                said = _error(answer)
                raise FileUnreadable(said.message, hint=said.hint, where=path)
            yield from answer.iter_bytes(_PIECE)

    def write(self, uri: str, path: str, pieces: Iterator[bytes]) -> None:
        """Put a file through the server's artifact proxy.

        Raises:
            FilesElsewhere: If the server keeps files in a place that clients write to themselves.
        """
        proxied = _proxied(uri)
        if proxied is None:
            raise FilesElsewhere(
                f"the server keeps its files at {shown(uri)}, and gives no way to send them there",
                hint="Start it with --serve-artifacts.",
            )
        where = "/api/2.0/mlflow-artifacts/artifacts/" + quote(f"{proxied}/{path}")
        with self._reached():
            answer = self._http.put(where, content=pieces)
        if answer.status_code != 200:
            raise _error(answer)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, **options: Any) -> Json:  # noqa: ANN401 - passed on to httpx
        headers = {"Content-Type": "application/json"} if "content" in options else {}
        for wait_s in (*_WAITS_S, None):
            try:
                with self._reached():
                    answer = self._http.request(method, path, headers=headers, **options)
            except TrackerFailed:
                if wait_s is None:
                    raise
            else:
                if answer.status_code not in _AGAIN or wait_s is None:
                    return _read(answer)
            time.sleep(wait_s)
        raise AssertionError

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise TrackerFailed(
                f"The MLflow server does not answer: {type(error).__name__}",
                hint="Look whether it runs and can be reached; what was done is kept, so go on later.",
                where=self.place,
            ) from error


def _proxied(uri: str) -> str | None:
    """Return the path below which the artifact proxy has files; None where it does not have them."""
    parts = urlsplit(uri)
    return parts.path.strip("/") if parts.scheme == PROXY else None


def _read(answer: httpx.Response) -> Json:
    if answer.status_code != 200:
        raise _error(answer)
    try:
        return msgspec.json.decode(answer.content or b"{}", type=dict)
    except msgspec.DecodeError:
        raise TrackerFailed(
            "What answers there is no MLflow server", hint="Look at the address.", where=answer.request.url.path
        ) from None


def _error(answer: httpx.Response) -> TrackerFailed:
    try:
        said = shown(str(msgspec.json.decode(answer.content, type=dict).get("message", "")), 200)
    except msgspec.DecodeError:
        said = "without saying why"
    hints = {
        401: "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.",
        403: "Ask for permission to read all experiments and models there.",
    }
    kind = NotThere if answer.status_code == 404 else TrackerFailed
    return kind(
        f"The MLflow server answered {answer.status_code}: {said}",
        hint=hints.get(answer.status_code, "Look at the server's log; what was done is kept, so go on later."),
        where=answer.request.url.path,
    )
