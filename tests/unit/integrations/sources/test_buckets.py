import gzip
from datetime import timedelta

import obstore
import pytest
from obstore.store import S3Store

from tidemill.core.access import OWNER, Actor, Role
from tidemill.core.errors import TidemillError
from tidemill.data import errors
from tidemill.data.service import DataService
from tidemill.data.sources import download
from tidemill.integrations.sources.buckets import source
from tidemill.integrations.sources.buckets.keys import Wanted

EDITOR = Actor("somebody", Role.EDITOR)
CSV = b"a,b\n" + b"".join(b"%d,x\n" % index for index in range(50_000))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(download, "_FIRST_WAIT_S", 0.001)


@pytest.fixture
def bucket(s3, s3_server):
    return S3Store(s3, client_options={"allow_http": True})


@pytest.fixture
def put(bucket):
    def put_one(key, content=CSV):
        obstore.put(bucket, key, content)

    return put_one


def test_a_key_is_a_version_with_its_etag(data, s3, put):
    put("2013/01.csv.gz", gzip.compress(CSV))
    made = data.ingest(OWNER, "t", f"s3://{s3}/2013/01.csv.gz")

    (part,) = made.parts
    assert (made.rows, part.source.name) == (50_000, f"s3://{s3}/2013/01.csv.gz")
    assert {"etag", "last_modified"} <= set(part.source.version)


def test_a_pattern_names_many_and_only_what_changed_is_fetched(data, s3, s3_proxy, put):
    for month in ("01", "02", "03"):
        put(f"2013/{month}.csv", CSV + month.encode() + b",y\n")
    put("2013/deep/04.csv")
    put("2013/readme.txt", b"no table")
    made = data.ingest(OWNER, "t", f"s3://{s3}/2013/*.csv")

    assert [part.source.name[-6:] for part in made.parts] == ["01.csv", "02.csv", "03.csv"]
    s3_proxy.requests.clear()
    put("2013/02.csv", CSV)
    assert data.ingest(OWNER, "t", f"s3://{s3}/2013/*.csv").rows == 150_002
    fetched = [asked.path for asked in s3_proxy.requests if asked.method == "GET" and "list-type" not in asked.path]
    assert [path[-6:] for path in fetched] == ["02.csv"]


def test_a_folder_names_all_in_it(data, s3, put):
    put("d/1.csv", b"a\n1\n")
    put("d/e/2.csv", b"a\n2\n")
    put("f.csv", b"a\n3\n")

    assert data.ingest(OWNER, "t", f"s3://{s3}/d/").rows == 2
    assert data.ingest(OWNER, "u", f"s3://{s3}/**/*.csv").rows == 3


def test_a_broken_transfer_goes_on_where_it_was(data, s3, s3_proxy, put):
    content = b"a\n" + b"".join(b"%09d\n" % index for index in range(1_500_000))
    put("a.csv", content)
    s3_proxy.fail("cut", method="GET", path="a.csv", times=2)
    s3_proxy.fail("503", method="GET", path="a.csv", times=1)

    assert data.ingest(OWNER, "t", f"s3://{s3}/a.csv").rows == 1_500_000


@pytest.mark.parametrize("kind", ["503", "500", "refuse", "lost", "short", "cut", "drip"])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_store_that_fails_a_few_times_gives_the_whole_file_all_the_same(data, s3, s3_proxy, put, method, kind):
    put("t.csv")
    s3_proxy.fail(kind, method=method, path="t.csv", times=2)
    assert data.ingest(OWNER, "t", f"s3://{s3}/t.csv").rows == 50_000


@pytest.mark.parametrize("kind", ["503", "short", "cut"])
def test_a_store_that_always_fails_is_told(data, s3, s3_proxy, put, kind, nothing_kept, monkeypatch):
    monkeypatch.setattr(source, "_RETRIES", 1)
    put("t.csv")
    s3_proxy.fail(kind, method="GET", path="t.csv", times=1000)
    with pytest.raises(errors.SourceFailed) as caught:
        data.ingest(OWNER, "t", f"s3://{s3}/t.csv")
    assert caught.value.hint
    nothing_kept()


def test_a_store_that_says_nothing_is_given_up(data, s3, s3_proxy, put, nothing_kept, monkeypatch):
    monkeypatch.setattr(source, "_RETRIES", 0)
    monkeypatch.setattr(source, "_SILENCE", timedelta(seconds=0.3))
    put("t.csv")
    s3_proxy.fail("mute", method="GET", path="t.csv", times=1000)
    with pytest.raises(errors.SourceFailed):
        data.ingest(OWNER, "t", f"s3://{s3}/t.csv")
    nothing_kept()


def test_what_is_not_there_or_refused_is_told(data, s3, put, nothing_kept):
    put("a.csv")
    for address in (f"s3://{s3}/b.csv", f"s3://{s3}/*.parquet", "s3://no-such-bucket/a.csv", f"s3://{s3}/x/"):
        with pytest.raises((errors.SourceNotFound, errors.SourceFailed)):
            data.ingest(OWNER, "t", address)
    with pytest.raises(errors.SourceTooLarge):
        data.ingest(OWNER, "t", f"s3://{s3}/a.csv#most_bytes=1000")
    with pytest.raises(errors.InvalidOption):
        data.ingest(OWNER, "t", f"s3://{s3}/a.csv#colour=blue")
    with pytest.raises(errors.UnsupportedSource):
        data.ingest(OWNER, "t", "s3:///a.csv")
    nothing_kept()


def test_a_file_that_changes_while_it_is_fetched_is_refused(data, s3, put, monkeypatch, nothing_kept):
    put("a.csv")
    stream = source._stream

    def changing(*given):
        put("a.csv", b"a\n1\n")
        return stream(*given)

    monkeypatch.setattr(source, "_stream", changing)
    with pytest.raises(errors.SourceChanged):
        data.ingest(OWNER, "t", f"s3://{s3}/a.csv")
    nothing_kept()


@pytest.mark.parametrize(("listed", "sent"), [('"a"', '"a"'), ("0x8D", '"0x8D"'), ('W/"a"', 'W/"a"'), (None, None)])
def test_an_etag_has_its_quotes_also_where_a_list_leaves_them_out(listed, sent):
    assert source._quoted(listed) == sent


def test_credentials_come_by_reference_and_are_said_nowhere(data, s3, s3_server, put, monkeypatch):
    put("a.csv")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("OUR_ID", "hunter1")
    monkeypatch.setenv("OUR_KEY", "hunter2")
    keys = f"#endpoint={s3_server.url}&access_key_id=env:OUR_ID&secret_access_key=env:OUR_KEY"
    made = data.ingest(OWNER, "t", f"s3://{s3}/a.csv{keys}")

    assert made.source.uri.endswith("access_key_id=env:OUR_ID&secret_access_key=env:OUR_KEY")
    with pytest.raises(TidemillError) as caught:
        data.ingest(OWNER, "t", f"s3://{s3}/b.csv{keys}")
    assert "hunter" not in str(caught.value)


def test_others_may_name_listed_buckets_only(ledger, objects, project, s3, s3_server, put):
    put("a.csv")
    listed = DataService(ledger, objects, root=project, hosts=f"s3://{s3}")

    assert listed.ingest(EDITOR, "t", f"s3://{s3}/a.csv").rows == 50_000
    for address in ("s3://other/a.csv", f"gs://{s3}/a.csv", f"s3://{s3}/a.csv#endpoint=http://169.254.169.254"):
        with pytest.raises(errors.SourceRefused):
            listed.ingest(EDITOR, "t", address)


@pytest.mark.parametrize(
    ("pattern", "prefix", "fitting", "others"),
    [
        ("a/b.csv", "a", ["a/b.csv"], ["a/b.csvx", "a/bxcsv"]),
        ("a/*.csv", "a", ["a/b.csv", "a/.csv"], ["a/b/c.csv", "b.csv"]),
        ("**/*.csv", "", ["b.csv", "a/b.csv", "a/b/c.csv"], ["a/b.txt"]),
        ("a/**", "a", ["a/b", "a/b/c"], ["b"]),
        ("x-0?.csv", "", ["x-01.csv"], ["x-011.csv", "x-0/.csv"]),
        ("x-[0-3].csv", "", ["x-1.csv"], ["x-4.csv"]),
        ("x-[!0-3].csv", "", ["x-4.csv"], ["x-1.csv"]),
        ("a+(b).csv*", "", ["a+(b).csv.gz"], ["aab.csv"]),
        ("", "", ["a", "b/c"], ["d/"]),
        ("d/", "d", ["d/a"], ["d", "da"]),
    ],
)
def test_patterns_of_keys(pattern, prefix, fitting, others):
    wanted = Wanted(pattern)

    assert wanted.prefix == prefix
    assert [key for key in fitting if not wanted.fits(key)] == []
    assert [key for key in others if wanted.fits(key)] == []
