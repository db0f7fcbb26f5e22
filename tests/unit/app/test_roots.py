"""Of which folders callers with a token may have files ingested."""

from pathlib import Path

from tidemill.app.roots import data_roots
from tidemill.core.settings import Settings


def test_by_default_they_are_the_working_folder_and_one_in_the_workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert data_roots(Settings.load({})) == [tmp_path, tmp_path / ".tidemill" / "sources"]


def test_a_server_that_stands_in_the_topmost_folder_does_not_open_everything(tmp_path, monkeypatch):
    monkeypatch.chdir("/")

    assert data_roots(Settings(home=tmp_path)) == [tmp_path / "sources"]


def test_the_setting_replaces_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings.load({"TIDEMILL_DATA_ROOTS": "/srv/data, ~/tables,near,"})

    assert data_roots(settings) == [Path("/srv/data"), Path.home() / "tables", tmp_path / "near"]
