import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.faults.file_server import FileServer, Served

from tidemill.cli import output
from tidemill.cli.data import watch
from tidemill.ledger.lock import WorkspaceInUse


@pytest.fixture
def incoming(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, content: str) -> None:
    path = folder / name
    path.write_text(content)
    os.utime(path, (1_700_000_000, 1_700_000_000))


def test_the_installed_sources_are_listed(tidemill):
    listed = tidemill("data", "sources")

    assert "https:, http:" in listed.out
    assert {kind["name"] for kind in tidemill("data", "sources", "--json").json} >= {"web", "buckets", "python"}


def test_what_is_installed_is_told_where_there_is_no_workspace_and_none_is_made(bare, tmp_path):
    assert "sqlite" in bare("data", "sources").out
    assert not (tmp_path / "home").exists()


def test_a_query_may_stand_on_several_lines(tidemill, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("shop.db")) as shop:
        shop.executescript("CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (1), (2), (3);")

    added = tidemill("data", "add", "t", "sqlite:///shop.db#query=SELECT id\n  FROM orders\n  WHERE id > 1")

    assert "t@1: 2 rows" in added.err


def test_an_address_is_ingested_with_its_options(tidemill, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEB_TOKEN", "hunter2")
    with FileServer() as server:
        server.files["/a.csv"] = Served(b"a\n1\n", '"e"', token="Bearer hunter2")
        added = tidemill("data", "add", "t", f"{server.url}/a.csv", "--option", "token=env:WEB_TOKEN")
        refused = tidemill("data", "add", "t", f"{server.url}/a.csv", "--option", "token=hunter2")

    assert added.out == "t@1\n"
    assert '"e"' in tidemill("data", "show", "t").out
    assert tidemill("data", "show", "t", "--json").json["parts"][0]["source"]["version"] == {"etag": '"e"'}
    assert refused.code != 0
    assert "hunter2" not in refused.err


def test_a_function_of_the_current_folder_is_found(tidemill, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.py").write_text("def rows(count='1'):\n    return [{'n': i} for i in range(int(count))]\n")

    assert tidemill("data", "add", "t", "python:jobs:rows", "-o", "count=3").code == 0
    assert tidemill("data", "show", "t", "--json").json["rows"] == 3


def test_a_split_folder_is_read_from_the_current_folder(tidemill, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    put(tmp_path / "set", "train.csv", "a\n1\n")
    put(tmp_path / "set", "test.csv", "a\n2\n3\n")

    assert tidemill("data", "add", "t", "hf:set", "-o", "split=test").code == 0
    assert tidemill("data", "show", "t", "--json").json["rows"] == 2


def test_files_that_arrive_become_versions(tidemill, incoming):
    put(incoming, "a.csv", "n\n1\n")
    first = tidemill("data", "watch", "t", "incoming", "--once")
    put(incoming, "b.csv", "n\n2\n")
    second = tidemill("data", "watch", "t", "incoming", "--once")
    third = tidemill("data", "watch", "t", "incoming", "--once")

    assert (first.out, second.out, third.out) == ("t@1\n", "t@2\n", "")
    assert tidemill("data", "show", "t", "--json").json["rows"] == 2


def test_a_file_that_cannot_be_read_does_not_stop_the_others(tidemill, incoming):
    put(incoming, "a.csv", "n\n1\n")
    put(incoming, "b.csv", 'n\n"2\n')
    put(incoming, "c.csv", "n\n3\n")
    ran = tidemill("data", "watch", "t", "incoming/*.csv", "--once")

    assert ran.out == "t@1\nt@2\n"
    assert "b.csv" in ran.err


def test_bad_rows_of_a_watched_file_can_be_put_aside(tidemill, incoming):
    put(incoming, "a.csv", "k,n\n1,1\n1,2\n")
    ran = tidemill("data", "watch", "t", "incoming", "--once", "--key", "k", "--on-bad-rows", "quarantine")

    assert "1 put aside" in ran.err


def test_a_workspace_that_cannot_be_had_now_is_asked_again(tidemill, incoming, monkeypatch):
    put(incoming, "a.csv", "n\n1\n")
    connect, faults = output.client, iter([WorkspaceInUse("It is in use", hint="Wait."), None])

    def client():
        if fault := next(faults, None):
            raise fault
        return connect()

    looks = iter([None, KeyboardInterrupt])

    def wait(_seconds):
        if stop := next(looks):
            raise stop

    monkeypatch.setattr(watch, "client", client)
    monkeypatch.setattr("tidemill.cli.data.watch.time.sleep", wait)
    ran = tidemill("data", "watch", "t", "incoming")

    assert "Not now: It is in use" in ran.err
    assert "Took 1 file." in ran.err


def test_a_file_that_changed_is_told_once(tidemill, incoming, monkeypatch):
    put(incoming, "a.csv", "n\n1\n")
    tidemill("data", "watch", "t", "incoming", "--once")
    put(incoming, "a.csv", "n\n1\n2\n")
    looks = iter([None, None, KeyboardInterrupt])

    def wait(_seconds):
        if stop := next(looks):
            raise stop

    monkeypatch.setattr("tidemill.cli.data.watch.time.sleep", wait)
    ran = tidemill("data", "watch", "t", "incoming")

    assert ran.err.count("has changed since") == 1
    assert "Took 0 files." in ran.err


def test_files_that_arrive_together_may_become_one_version(tidemill, incoming):
    put(incoming, "a.csv", "n\n1\n")
    put(incoming, "b.csv", "n\n2\n")
    first = tidemill("data", "watch", "t", "incoming", "--once", "--together")
    put(incoming, "c.csv", "n\n3\n")
    put(incoming, "d.csv", 'n\n"4\n')
    second = tidemill("data", "watch", "t", "incoming", "--once", "--together")

    assert (first.out, second.out) == ("t@1\n", "t@2\n")
    assert "2 files" in first.err
    assert "d.csv" in second.err
    assert tidemill("data", "show", "t", "--json").json["rows"] == 3
