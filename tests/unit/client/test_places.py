"""The client finds the server that the settings name, the one on the folder, or makes one."""

import threading

import pytest

from tidemill.client.client import ServerUnreachable
from tidemill.client.places import connect
from tidemill.core.settings import Settings
from tidemill.governance.records import Identity
from tidemill.ledger import FolderLock, WorkspaceInUse, holder_of


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
