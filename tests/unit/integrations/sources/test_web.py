import gzip
import logging

import pytest
from tests.faults.file_server import FileServer, Served

from tidemill.core.access import OWNER, Actor, Role
from tidemill.core.errors import InvalidInput
from tidemill.data import errors
from tidemill.data.service import DataService
from tidemill.data.sources import download

EDITOR = Actor("somebody", Role.EDITOR)
CSV = b"a,b\n" + b"".join(b"%d,x\n" % index for index in range(50_000))


@pytest.fixture
def server():
    with FileServer() as server:
        yield server


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(download, "_FIRST_WAIT_S", 0.001)


@pytest.fixture
def data(ledger, objects, project):
    return DataService(ledger, objects, root=project, hosts="files.example.com")


def test_a_file_on_the_web_is_a_version_with_its_etag(server, data):
    server.files["/a.csv"] = Served(gzip.compress(CSV), '"one"', last_modified="Tue, 01 Jan 2013 10:00:00 GMT")
    made = data.ingest(OWNER, "t", f"{server.url}/a.csv?year=2013")

    (part,) = made.parts
    assert made.rows == 50_000
    assert part.source.name == f"{server.url}/a.csv?year=2013"
    assert part.source.version == {"etag": '"one"', "last_modified": "Tue, 01 Jan 2013 10:00:00 GMT"}
    assert part.source.modified_at.year == 2013


def test_what_has_not_changed_is_not_fetched_again(server, data):
    server.files["/a.csv"] = Served(CSV, '"one"')
    data.ingest(OWNER, "t", f"{server.url}/a.csv")
    server.files["/a.csv"].breaks = [0] * 100  # every body breaks off

    assert not data.ingest(OWNER, "t", f"{server.url}/a.csv").created
    server.files["/a.csv"] = Served(CSV + b"1,y\n", '"two"')
    assert data.ingest(OWNER, "t", f"{server.url}/a.csv").rows == 50_001


def test_a_server_without_etags_is_read_each_time(server, data):
    server.files["/a.csv"] = Served(CSV)
    data.ingest(OWNER, "t", f"{server.url}/a.csv")
    server.files["/a.csv"] = Served(CSV.replace(b"x", b"y"))

    assert data.ingest(OWNER, "t", f"{server.url}/a.csv").number == 2


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_broken_connection_goes_on_where_it_was(server, data, knows_ranges):
    breaks = [100_000, 50_000, 0, 1] if knows_ranges else [100_000, 50_000]
    server.files["/a.csv"] = Served(CSV, '"one"', breaks=[0, *breaks], knows_ranges=knows_ranges)
    made = data.ingest(OWNER, "t", f"{server.url}/a.csv")

    assert made.rows == 50_000
    ranges = [headers["range"] for _, headers in server.asked if "range" in headers]
    assert bool(ranges)


def test_a_file_that_changes_in_between_is_fetched_anew(server, data, monkeypatch):
    server.files["/a.csv"] = Served(CSV, '"one"', breaks=[0, 100_000])
    answer = FileServer.answer

    def changing(self, handler, file):
        if "range" in {name.lower() for name in handler.headers}:
            file.content, file.etag = b"a,b\n1,new\n", '"two"'
        answer(self, handler, file)

    monkeypatch.setattr(FileServer, "answer", changing)
    made = data.ingest(OWNER, "t", f"{server.url}/a.csv")

    assert made.rows == 1
    assert made.parts[0].source.version["etag"] == '"two"'


def test_a_connection_that_always_breaks_is_told(server, data, nothing_kept):
    server.files["/a.csv"] = Served(CSV, '"one"', breaks=[0] * 100)
    with pytest.raises(errors.SourceFailed, match="breaks off at byte 0"):
        data.ingest(OWNER, "t", f"{server.url}/a.csv")
    nothing_kept()


def test_an_endless_answer_is_refused(server, data, nothing_kept):
    server.files["/a.csv"] = Served(endless=True)
    with pytest.raises(errors.SourceTooLarge):
        data.ingest(OWNER, "t", f"{server.url}/a.csv")
    server.files["/b.csv"] = Served(CSV)
    with pytest.raises(errors.SourceTooLarge, match="1000 bytes"):
        data.ingest(OWNER, "t", f"{server.url}/b.csv#most_bytes=1000")
    nothing_kept()


@pytest.mark.parametrize(
    ("served", "error"),
    [
        (None, errors.SourceNotFound),
        (Served(status=403), errors.SourceFailed),
        (Served(status=500), errors.SourceFailed),
        (Served(status=418), errors.SourceFailed),
        (Served(location="/a.csv"), errors.SourceFailed),
        (Served(location="ftp://127.0.0.1/a"), errors.SourceRefused),
        (Served(location="file:///etc/passwd"), errors.SourceRefused),
        (Served(location="http://localhost:1/a"), errors.SourceRefused),
        (Served(location="http://169.254.169.254/latest/meta-data"), errors.SourceRefused),
        (Served(b"<!doctype html><html>"), InvalidInput),
    ],
)
def test_what_is_no_file_is_told(server, data, nothing_kept, served, error):
    if served:
        server.files["/a.csv"] = served
    with pytest.raises(error):
        data.ingest(OWNER, "t", f"{server.url}/a.csv")
    nothing_kept()


def test_nobody_there_is_told(data):
    with pytest.raises(errors.SourceFailed):
        data.ingest(OWNER, "t", "http://127.0.0.1:1/a.csv")


def test_a_token_is_sent_to_its_host_and_said_nowhere(server, data, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("WEB_TOKEN", "hunter2")
    server.files["/a.csv"] = Served(CSV, '"one"', token="Bearer hunter2")
    made = data.ingest(OWNER, "t", f"{server.url}/a.csv?sig=hunter3#token=env:WEB_TOKEN")

    assert made.source.uri == f"{server.url}/a.csv?sig=***#token=env:WEB_TOKEN"
    with pytest.raises(errors.SourceFailed, match="401") as caught:
        data.ingest(OWNER, "u", f"{server.url}/a.csv?sig=hunter3")
    assert "hunter" not in str(caught.value)
    assert "hunter" not in caplog.text
    assert server.asked[0][0] == "/a.csv?sig=hunter3"


def test_a_token_does_not_follow_to_another_host(server, data, monkeypatch):
    monkeypatch.setenv("WEB_TOKEN", "hunter2")
    monkeypatch.setattr("tidemill.integrations.sources.web.source.check_redirection", lambda *_: None)
    with FileServer() as other:
        other.files["/b.csv"] = Served(CSV)
        server.files["/a.csv"] = Served(location=f"{other.url}/b.csv")
        data.ingest(OWNER, "t", f"{server.url}/a.csv#token=env:WEB_TOKEN")

        assert "authorization" in server.asked[0][1]
        assert all("authorization" not in headers for _, headers in other.asked)


def test_others_may_fetch_from_listed_hosts_only(server, ledger, objects, project):
    server.files["/a.csv"] = Served(CSV)
    place = server.url.removeprefix("http://")
    listed = DataService(ledger, objects, root=project, hosts=f"http://{place}")
    unlisted = DataService(ledger, objects, root=project)

    assert listed.ingest(EDITOR, "t", f"{server.url}/a.csv").rows == 50_000
    for address in (f"{server.url}/a.csv", "http://169.254.169.254/latest/meta-data", "http://[::1]/"):
        with pytest.raises(errors.SourceRefused, match="not among the places"):
            unlisted.ingest(EDITOR, "t", address)
    server.files["/b.csv"] = Served(location="http://example.org/b.csv")
    with pytest.raises(errors.SourceRefused):
        listed.ingest(EDITOR, "t", f"{server.url}/b.csv")
    with pytest.raises(errors.SourceRefused):
        listed.ingest(EDITOR, "t", f"{server.url}/a.csv#token=env:PATH")
    assert all("authorization" not in headers for _, headers in server.asked)


@pytest.mark.parametrize(
    "address",
    [
        "http://files.example.com@127.0.0.1/a",
        "http://127.0.0.1\\.files.example.com/a",
        "http://127.1/a",
        "http://2130706433/a",
        "http://files.example.com:80@127.0.0.1/a",
        "http:///a",
        "http://files.example.com.:x/a",
    ],
)
def test_no_spelling_of_an_address_leads_others_elsewhere(data, address, monkeypatch):
    asked = []
    monkeypatch.setattr("httpx.Client.stream", lambda *given, **_: asked.append(given[2]))
    with pytest.raises((errors.SourceRefused, errors.SourceFailed, errors.PlainSecret, errors.UnsupportedSource)):
        data.ingest(EDITOR, "t", address)

    assert asked == []


def test_a_credential_does_not_go_over_plain_http(data, monkeypatch):
    monkeypatch.setenv("WEB_TOKEN", "hunter2")
    with pytest.raises(errors.PlainSecret, match="plain http"):
        data.ingest(OWNER, "t", "http://files.example.com/a.csv#token=env:WEB_TOKEN")
