"""The client finds the server that the settings name, the one on the folder, or makes one."""

import threading

import pytest

from tidemill.app.placing import WorkspaceMissing
from tidemill.client.client import ServerUnreachable
from tidemill.client.places import READING_POSTS, connect
from tidemill.core.access import Permission
from tidemill.core.settings import Settings
from tidemill.governance.records import Identity
from tidemill.ledger import FolderLock, WorkspaceInUse, holder_of
from tidemill.server.api import ROUTES


def test_without_a_server_the_workspace_is_worked_in_directly(tmp_path):
    with connect(Settings(home=tmp_path / "home")) as api:
        assert api.get("/api/v1/whoami", Identity).name == "owner"
        assert "pid" in holder_of(tmp_path / "home")
    assert holder_of(tmp_path / "home") == {}


def test_whoever_can_open_the_folder_owns_it_whatever_a_server_would_ask(tmp_path):
    with connect(Settings(home=tmp_path / "home", require_tokens=True, host="0.0.0.0")) as api:
        assert api.get("/api/v1/whoami", Identity).role == "admin"


def test_a_server_on_the_folder_is_used(tmp_path):
    lock = FolderLock(tmp_path)
    lock.describe(url="http://127.0.0.1:9")

    with connect(Settings(home=tmp_path)) as api, pytest.raises(ServerUnreachable, match=r"127\.0\.0\.1:9"):
        api.get("/", str)
    lock.release()


def test_a_url_and_a_token_are_used_as_given(tmp_path):
    with connect(Settings(home=tmp_path, url="http://127.0.0.1:9", token="tm_x")) as api:
        assert str(api.http.base_url) == "http://127.0.0.1:9"
        assert api.http.headers["Authorization"] == "Bearer tm_x"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_by_no_server_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("tidemill.client.places._LOCK_WAIT_S", 0.0)
    lock = FolderLock(tmp_path)

    with pytest.raises(WorkspaceInUse), connect(Settings(home=tmp_path)):
        pass
    lock.release()


def test_a_server_that_is_just_starting_is_waited_for_and_used(tmp_path):
    lock = FolderLock(tmp_path)
    starting = threading.Timer(0.2, lambda: lock.describe(url="http://127.0.0.1:9"))
    starting.start()

    with connect(Settings(home=tmp_path)) as api:
        assert str(api.http.base_url) == "http://127.0.0.1:9"
    starting.join()
    lock.release()


def test_where_only_writes_make_a_workspace_reading_finds_none(tmp_path):
    with connect(Settings(home=tmp_path / "home"), only_writes_make=True) as api:
        with pytest.raises(WorkspaceMissing):
            api.get("/api/v1/whoami", Identity)
        with pytest.raises(WorkspaceMissing):
            api.post("/api/v1/runs/search", dict)
        assert list(tmp_path.iterdir()) == []
        api.post("/api/v1/tokens", dict, {"name": "ann", "role": "viewer"})
        assert api.get("/api/v1/whoami", Identity).name == "owner"
        assert "pid" in holder_of(tmp_path / "home")
    assert holder_of(tmp_path / "home") == {}


def test_each_post_that_reads_is_known_as_one():
    reads = [route.path for route in ROUTES if route.method == "POST" and route.permission is Permission.READ]
    assert [path for path in reads if not path.endswith(READING_POSTS)] == ["/api/v1/projects/plan"]
    writes = [route.path for route in ROUTES if route.permission not in {Permission.READ, Permission.OPEN}]
    assert [path for path in writes if path.endswith(READING_POSTS)] == []
