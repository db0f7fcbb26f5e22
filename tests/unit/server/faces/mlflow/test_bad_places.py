"""Paths that lead out, places on the server's own disk, files that are cut off: refused, and nothing half visible."""

import asyncio
from typing import Any

import httpx
import pytest

from tidemill.app import Workspace
from tidemill.server.app import build

from .asked import ABSENT, PROXY, WRONG, said

OUT = [
    "../../secret",
    "%2e%2e/%2e%2e/secret",
    "..%2fsecret",
    "%252e%252e/secret",
    "%25252e%25252e%25252fsecret",
    "a/..%5c..%5csecret",
    "..%c0%af..%c0%afsecret",
    "%2fetc/passwd",
    "a%00b",
    "a%0ab",
    "a//b",
    "a%2f%2e%2e%2f%2e%2e%2fb",
    "%5c%5cserver%5cshare",
    "C:%5cboot.ini",
]


@pytest.mark.parametrize("path", OUT)
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_artifact_paths_that_lead_out(http, known, method, path):
    url = httpx.URL(f"http://localhost{known['files']}/x").copy_with(raw_path=f"{known['files']}/{path}".encode())
    answer = http.request(method, url, content=b"x" if method == "PUT" else None)
    assert said(answer)[0] in {400, 404}
    listed = http.get(PROXY, params={"path": known["files"].removeprefix(f"{PROXY}/")}).json()["files"]
    assert [each["path"] for each in listed] == ["model"]


@pytest.mark.parametrize("path", ["../..", "..%2f..", "a\\..\\..", "%252e%252e", "a\x00"])
def test_folders_that_lead_out(asking, known, path):
    folder = known["files"].removeprefix(f"{PROXY}/")
    assert asking("GET", PROXY, {"path": f"{folder}/{path}"}) == WRONG
    assert asking("GET", "/artifacts/list", {"run_id": "$run", "path": path}) == WRONG
    assert asking("GET", "/get-artifact", {"run_id": "$run", "path": path}) == WRONG
    assert asking("GET", "/model-versions/get-artifact", {"name": "reg", "version": "1", "path": path}) == WRONG
    assert (
        asking("GET", f"/logged-models/{known['model']}/artifacts/directories", {"artifact_directory_path": path})
        == WRONG
    )


LOCAL = [
    "file:///etc",
    "file:/etc",
    "FILE:///etc",
    "/etc",
    "./here",
    "../up",
    "relative/path",
    "C:\\models",
    "\\\\server\\share",
    "mlflow-artifacts:/../../etc",
    "s3://bucket/../../x",
    "s3://bucket/%2e%2e/x",
    "ftp://host/x",
]


@pytest.mark.parametrize("place", LOCAL)
def test_places_on_the_servers_own_disk(asking, place):
    assert asking("POST", "/experiments/create", {"name": f"at {place}", "artifact_location": place}) == WRONG
    assert asking("POST", "/model-versions/create", {"name": "reg", "source": place}) == WRONG


def test_places_that_clients_reach_are_fine(asking):
    for at, place in enumerate(("s3://bucket/x", "gs://b", "mlflow-artifacts:/custom/path", "")):
        assert asking("POST", "/experiments/create", {"name": f"elsewhere {at}", "artifact_location": place}) == (
            200,
            "",
        )


def test_a_file_without_a_length_is_refused(workspace, http, known):
    path = f"{known['files']}/lengthless.txt"
    assert http.put(path, content=iter([b"in ", b"pieces"])).status_code == 200
    assert http.get(path).content == b"in pieces"
    assert http.delete(path).status_code == 200
    status = _sent(workspace, path, [], [{"type": "http.request", "body": b"", "more_body": False}])
    assert status == 411
    assert said(http.get(path)) == ABSENT


def test_a_file_that_is_cut_off_is_not_there(workspace, http, known):
    path = f"{known['files']}/half.txt"
    coming: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"half of it", "more_body": True},
        {"type": "http.disconnect"},
    ]
    status = _sent(workspace, path, [(b"content-length", b"20")], coming)
    assert status in {None, 400}
    assert said(http.get(path)) == ABSENT
    assert list((workspace.settings.home / "objects").rglob("*incoming*/*")) == []


def _sent(
    workspace: Workspace, path: str, headers: list[tuple[bytes, bytes]], coming: list[dict[str, Any]]
) -> int | None:
    """Send a PUT as a server's loop hands it over, and give the status of the answer if there is one."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "PUT", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"localhost"), *headers],
        "client": ("127.0.0.1", 1), "server": ("localhost", 80), "state": {},
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> Any:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def serve() -> None:
        await build(workspace)(scope, receive, send)

    asyncio.run(serve())
    return statuses[0] if statuses else None
