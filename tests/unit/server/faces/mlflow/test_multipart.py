"""Uploads in parts through the proxy, as clients send them: parts without a login, by the headers of the answer."""

from typing import Any

import httpx
import pytest

from tidemill.app import Workspace
from tidemill.client.embedded import EmbeddedTransport
from tidemill.core.access import OWNER, Role
from tidemill.core.settings import Settings
from tidemill.server.app import build

from .asked import ABSENT, API, UNKNOWN, WRONG, said

MPU = "/api/2.0/mlflow-artifacts/mpu"


def at(known: dict[str, str], verb: str, folder: str = "") -> str:
    root = f"{MPU}/{verb}/{known['experiment']}/{known['run']}/artifacts"
    return f"{root}/{folder}" if folder else root


def create(http: httpx.Client, known: dict[str, str], name: str, parts: int = 2, **more: Any) -> Any:
    path = at(known, "create", "deep")
    return http.post(path, json={"path": f"/data/ann/{name}", "num_parts": parts}, **more).raise_for_status().json()


def send(http: httpx.Client, credential: dict[str, Any], content: bytes) -> httpx.Response:
    return http.put(credential["url"], headers=credential["headers"], content=content)


def whole(http: httpx.Client, created: Any, contents: list[bytes]) -> list[dict[str, Any]]:
    answers = [send(http, each, content) for each, content in zip(created["credentials"], contents, strict=True)]
    return [
        {"part_number": number, "etag": each.raise_for_status().headers["ETag"], "url": None}
        for number, each in enumerate(answers, start=1)
    ]


def test_an_upload_becomes_one_file(http, known):
    created = create(http, known, "one.bin")
    parts = whole(http, created, [b"a" * 3_000_000, b"b"])
    listed = http.get(f"{API}/artifacts/list", params={"run_id": known["run"], "path": "deep"}).json()
    assert "files" not in listed

    body = {"path": "/data/ann/one.bin", "upload_id": created["upload_id"], "parts": parts[::-1]}
    for _ in range(2):
        assert http.post(at(known, "complete", "deep"), json=body).json() == {}

    assert http.get(f"{known['files']}/deep/one.bin").content == b"a" * 3_000_000 + b"b"
    assert said(send(http, created["credentials"][0], b"late")) == ABSENT
    abort = {"path": "one.bin", "upload_id": created["upload_id"]}
    assert said(http.post(at(known, "abort", "deep"), json=abort)) == WRONG


def test_the_address_is_the_one_that_the_client_used(http, known):
    for given, expected in [
        ({"host": "127.0.0.1:5000"}, "http://127.0.0.1:5000"),
        ({"host": "[::1]:5000"}, "http://[::1]:5000"),
    ]:
        created = create(http, known, "a.bin", headers=given)
        assert [each["url"].partition("/api/")[0] for each in created["credentials"]] == [expected] * 2
        assert created["credentials"][0]["headers"].keys() == {"x-tidemill-upload"}
        assert created["credentials"][0]["headers"]["x-tidemill-upload"] not in created["credentials"][0]["url"]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "10.0.0.1"},
        {"x-forwarded-host": "ml.example"},
        {"x-forwarded-prefix": "/mlflow"},
        {"host": "localhost:80:80"},
        {"host": "[::1]/x:80"},
        {"host": "127.0.0.1:8@evil"},
    ],
)
def test_behind_a_proxy_that_hides_its_address_clients_send_one_piece(http, known, headers):
    answer = http.post(at(known, "create"), json={"path": "a.bin", "num_parts": 1}, headers=headers)
    info = http.get("/api/3.0/mlflow/server-info", headers=headers)
    if answer.status_code == 403:
        return  # not a name of this server
    assert answer.status_code == 501
    assert answer.json()["error_code"] == "NOT_IMPLEMENTED"
    assert answer.json()["message"].startswith("Multipart upload is not supported for the current artifact repository")
    assert info.json()["multipart_uploads_enabled"] is False


def test_behind_a_proxy_that_tells_parts_go_by_its_address(tmp_path):
    settings = Settings(home=tmp_path / "home", allowed_hosts="ml.example")
    with Workspace(settings) as workspace, httpx.Client(transport=EmbeddedTransport(build(workspace))) as http:
        run = workspace.tracking.create_run(OWNER, name="a")
        headers = {"host": "ml.example", "x-forwarded-for": "10.0.0.1", "x-forwarded-proto": "https"}
        path = f"http://localhost{MPU}/create/{run.experiment_id}/{run.run_id}/artifacts"
        created = http.post(path, json={"path": "a.bin", "num_parts": 1}, headers=headers).raise_for_status().json()
        info = http.get("http://localhost/api/3.0/mlflow/server-info", headers=headers).json()

    assert created["credentials"][0]["url"].startswith("https://ml.example/api/2.0/mlflow-artifacts/mpu/part/")
    assert info["multipart_uploads_enabled"] is True


def test_the_server_says_what_it_takes(http):
    info = http.get("/api/3.0/mlflow/server-info").json()
    assert (info["multipart_uploads_enabled"], info["multipart_downloads_enabled"]) == (True, False)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/2.0/mlflow-artifacts/presigned/0/a/artifacts/x"),
        ("POST", f"{API}/artifacts/presigned-upload-url"),
        ("POST", f"{API}/artifacts/presigned-download-url"),
    ],
)
def test_presigned_addresses_are_not_offered(http, method, path):
    answer = http.request(method, path, json={} if method == "POST" else None)
    assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert "through itself" in answer.json()["message"]


BAD_CREATIONS: list[tuple[str, object, tuple[int, str]]] = [
    ("", {}, WRONG),
    ("", {"path": ""}, WRONG),
    ("", {"path": "a/.."}, WRONG),
    ("", {"path": "a/"}, WRONG),
    ("", {"path": "a\x00b"}, WRONG),
    ("", {"path": 5}, WRONG),
    ("", {"path": "a", "num_parts": -1}, WRONG),
    ("", {"path": "a", "num_parts": 10_001}, WRONG),
    ("", {"path": "a", "num_parts": 10**30}, WRONG),
    ("", {"path": "a", "num_parts": "many"}, WRONG),
    ("", [], (400, "BAD_REQUEST")),
    ("%2e%2e/%2e%2e/x", {"path": "a", "num_parts": 1}, WRONG),
    ("model/MLmodel", {"path": "a", "num_parts": 1}, WRONG),
    ("", {"path": "model", "num_parts": 1}, WRONG),
]


@pytest.mark.parametrize(("folder", "body", "expected"), BAD_CREATIONS)
def test_creations_that_make_no_sense(http, known, folder, body, expected):
    url = httpx.URL(f"http://localhost{at(known, 'create')}").copy_with(
        raw_path=(f"{at(known, 'create')}/{folder}").rstrip("/").encode()
    )
    assert said(http.post(url, json=body)) == expected


def test_uploads_to_what_is_not_there(http, known):
    body = {"path": "a", "num_parts": 1}
    assert said(http.post(f"{MPU}/create/{known['experiment']}/{UNKNOWN}/artifacts", json=body)) == ABSENT
    assert said(http.post(f"{MPU}/create/versions/{UNKNOWN}/artifacts", json=body)) == WRONG
    for nowhere in ("", "/", "/nowhere", "/a/b/c"):  # old clients leave the run out, and fall back by these words
        answer = http.post(f"{MPU}/create{nowhere}", json=body)
        assert answer.status_code == 501
        assert answer.json()["message"].startswith("Multipart upload is not supported for the current artifact repo")
        for verb in ("complete", "abort"):
            assert said(http.post(f"{MPU}/{verb}{nowhere}", json=body | {"upload_id": UNKNOWN})) == WRONG
    for verb in ("complete", "abort"):
        unknown = {"path": "a", "upload_id": UNKNOWN, "parts": []}
        assert said(http.post(at(known, verb), json=unknown)) == ABSENT
        assert said(http.post(at(known, verb), json={"path": "a"})) == WRONG
        assert said(http.post(at(known, verb), json={"path": "a", "upload_id": 7})) in {WRONG, ABSENT}


def test_parts_that_make_no_sense(http, known):
    created = create(http, known, "p.bin")
    headers = created["credentials"][0]["headers"]
    base = f"{MPU}/part/{created['upload_id']}"
    for number in ("0", "3", "-1", "x", "1" * 40, "1.5"):
        assert said(http.put(f"{base}/{number}", content=b"x", headers=headers)) == WRONG
    assert said(http.put(f"{base}/1", content=b"x")) == (403, "PERMISSION_DENIED")
    assert said(http.put(f"{base}/1", content=b"x", headers={"x-tidemill-upload": "?"})) == (403, "PERMISSION_DENIED")
    assert said(http.put(f"{MPU}/part/{UNKNOWN}/1", content=b"x", headers=headers)) == ABSENT
    other = create(http, known, "q.bin")["credentials"][0]["headers"]
    assert said(http.put(f"{base}/1", content=b"x", headers=other)) == (403, "PERMISSION_DENIED")
    huge = {"content-length": str(6 << 30)}
    assert said(http.put(f"{base}/1", content=b"x", headers=headers | huge)) == (413, "BAD_REQUEST")


def test_completions_that_make_no_sense(http, known):
    created = create(http, known, "c.bin")
    right = whole(http, created, [b"1", b"2"])
    path = at(known, "complete", "deep")

    def completed(parts: object, **more: Any) -> tuple[int, str]:
        return said(http.post(path, json={"path": "c.bin", "upload_id": created["upload_id"], "parts": parts} | more))

    for parts in (
        [],
        right[:1],
        [right[0], right[0]],
        [right[0], {"part_number": 2}],
        [right[0], {"part_number": 2, "etag": None}],
        [right[0], {"part_number": 2, "etag": ""}],
        [right[0], {"part_number": 2, "etag": right[0]["etag"]}],
        [*right, {"part_number": 3, "etag": "x"}],
        [right[0] | {"etag": "x"}, *right],
        [1, 2],
        "all",
        [{"etag": "x"}],
    ):
        assert completed(parts) == WRONG, parts
    assert completed(right, path="d.bin") == ABSENT
    assert said(http.get(f"{known['files']}/deep/c.bin")) == ABSENT
    weak = [each | {"etag": f"W/{each['etag']}"} for each in right]
    assert completed(weak) == (200, "")


def test_a_path_of_windows_gives_its_name(http, known):
    created = http.post(at(known, "create"), json={"path": "C:\\data\\w.bin", "num_parts": 1}).raise_for_status().json()
    parts = whole(http, created, [b"w"])
    body = {"path": "C:\\data\\w.bin", "upload_id": created["upload_id"], "parts": parts}
    http.post(at(known, "complete"), json=body).raise_for_status()
    assert http.get(f"{known['files']}/w.bin").content == b"w"


def test_an_aborted_upload_is_gone(http, known, workspace):
    created = create(http, known, "x.bin")
    send(http, created["credentials"][0], b"x").raise_for_status()
    room = {each.name for each in (workspace.settings.home / "incoming").iterdir()}
    abort = {"path": "x.bin", "upload_id": created["upload_id"]}

    for _ in range(2):
        assert said(http.post(at(known, "abort", "deep"), json=abort)) == (200, "")

    assert said(send(http, created["credentials"][1], b"x")) == ABSENT
    assert said(http.post(at(known, "complete", "deep"), json=abort | {"parts": []})) == ABSENT
    assert len(room - {each.name for each in (workspace.settings.home / "incoming").iterdir()}) == 1


def test_parts_need_no_login_where_everything_else_does(tmp_path):
    settings = Settings(home=tmp_path / "home", require_tokens=True)
    with Workspace(settings) as workspace:
        run = workspace.tracking.create_run(OWNER, name="a")
        editor = workspace.governance.create_token(OWNER, name="ed", role=Role.EDITOR.name.lower()).secret
        login = {"Authorization": f"Bearer {editor}"}
        root = f"{run.experiment_id}/{run.run_id}/artifacts"
        with httpx.Client(transport=EmbeddedTransport(build(workspace)), base_url="http://localhost") as http:
            body: dict[str, Any] = {"path": "a.bin", "num_parts": 2}
            assert said(http.post(f"{MPU}/create/{root}", json=body)) == (401, "UNAUTHENTICATED")
            created = http.post(f"{MPU}/create/{root}", json=body, headers=login).raise_for_status().json()
            parts = whole(http, created, [b"1", b"2"])
            body = {"path": "a.bin", "upload_id": created["upload_id"], "parts": parts}
            assert said(http.post(f"{MPU}/complete/{root}", json=body)) == (401, "UNAUTHENTICATED")
            assert editor not in str(created)
            http.post(f"{MPU}/complete/{root}", json=body, headers=login).raise_for_status()
        assert workspace.tracking.read_artifact(OWNER, run_id=run.run_id, path="a.bin") == b"12"
