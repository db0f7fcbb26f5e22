"""Every test through real servers of the three clouds; the faults through a proxy before each."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tidemill.objects.remote.address import parse_address
from tidemill.objects.remote.connect import Patience, connect
from tidemill.objects.remote.errors import RemoteDenied, RemoteNotThere, RemoteObjectMissing, RemoteUnavailable

SOON = Patience(tries=4, first_wait_s=0.001, longest_wait_s=0.002, read_timeout_s=0.5, timeout_s=5)
SCHEMES = {"s3": "s3", "gcs": "gs", "azure": "az"}


@pytest.fixture(params=["s3", "gcs", "azure", "file"])
def bucket(request, tmp_path):
    if request.param == "file":
        return connect(parse_address(f"file://{tmp_path}/store"), SOON)
    scheme = SCHEMES[request.param]
    return connect(parse_address(f"{scheme}://{request.getfixturevalue(request.param)}/team/a b"), SOON)


@pytest.fixture(params=["s3", "gcs", "azure"])
def both(request):
    """Give a bucket of each cloud, and the proxy that leads to it."""
    proxy = request.getfixturevalue(f"{request.param}_proxy")
    name = request.getfixturevalue(request.param)
    return connect(parse_address(f"{SCHEMES[request.param]}://{name}/team"), SOON), proxy


@pytest.fixture
def shaky(s3_proxy, s3):
    return connect(parse_address(f"s3://{s3}/team"), SOON)


def test_bytes_are_read_as_they_were_put(bucket):
    bucket.put("a/b c.json", b"0123456789")

    assert bucket.read("a/b c.json") == b"0123456789"
    assert bucket.read("a/b c.json", 3, 5) == b"34"
    assert bucket.size("a/b c.json") == 10
    assert [(found.key, found.size) for found in bucket.list("a")] == [("a/b c.json", 10)]


def test_what_is_not_there_is_said(bucket):
    assert bucket.size("none") is None
    assert list(bucket.list("none")) == []
    bucket.delete("none")
    with pytest.raises(RemoteObjectMissing):
        bucket.read("none")


def test_a_list_of_several_pages_is_read_to_its_end(gcs_proxy, gcs):
    gcs_proxy.page_keys = 3
    bucket = connect(parse_address(f"gs://{gcs}/team"), SOON)
    for number in range(7):
        bucket.put(f"a/{number}", b"x")

    assert [found.key for found in bucket.list("a")] == [f"a/{number}" for number in range(7)]


def test_of_many_that_create_one_name_one_wins(bucket):
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda number: bucket.create("one", b"%d" % number), range(16)))

    assert won.count(True) == 1
    assert bucket.read("one") == b"%d" % won.index(True)


def test_creating_what_is_there_with_the_same_bytes_is_success(bucket):
    assert bucket.create("one", b"same")
    assert bucket.create("one", b"same")
    assert not bucket.create("one", b"other")


@pytest.mark.parametrize("fault", ["503", "429", "500", "refuse", "lost", "mute"])
def test_a_write_that_failed_on_the_way_is_made_again(both, fault):
    shaky, proxy = both
    proxy.fail(fault, method="PUT", times=2)

    assert shaky.create("one", b"first")
    assert shaky.read("one") == b"first"


@pytest.mark.parametrize("fault", ["503", "refuse", "lost", "cut", "mute"])
def test_a_read_that_failed_on_the_way_is_made_again(both, fault):
    shaky, proxy = both
    shaky.put("one", b"0123456789")
    proxy.fail(fault, method="GET", times=2)

    assert shaky.read("one") == b"0123456789"


@pytest.mark.parametrize("fault", ["cut", "short"])
def test_a_range_that_came_short_is_read_again(both, fault):
    shaky, proxy = both
    shaky.put("one", b"0123456789")
    proxy.fail(fault, method="GET", times=2)

    assert shaky.read("one", 2, 8) == b"234567"


def test_a_place_that_stays_away_is_given_up_in_plain_words(shaky, s3_proxy):
    s3_proxy.fail("503", times=99)

    with pytest.raises(RemoteUnavailable, match="503 SlowDown") as given_up:
        shaky.read("one")

    assert given_up.value.__cause__ is None
    assert len(s3_proxy.requests) == SOON.tries


@pytest.mark.parametrize("status", ["403", "401", "400", "501"])
def test_what_will_not_change_is_not_asked_twice(shaky, s3_proxy, status):
    s3_proxy.fail(status, times=99)

    with pytest.raises(RemoteDenied, match=status):
        shaky.put("one", b"x")

    assert len(s3_proxy.requests) == 1


def test_no_error_quotes_a_credential(both):
    shaky, proxy = both
    for kind in ("403", "503", "refuse"):
        proxy.faults.clear()
        proxy.fail(kind, times=99)
        with pytest.raises((RemoteDenied, RemoteUnavailable)) as told:
            shaky.read("one")
        assert "hidden-word" not in repr(told.value.__dict__)
        assert "key-of-tests" not in repr(told.value.__dict__)


@pytest.mark.parametrize(("cloud", "scheme"), SCHEMES.items())
def test_a_bucket_that_is_not_there_is_named(request, cloud, scheme):
    request.getfixturevalue(cloud)
    with pytest.raises(RemoteNotThere, match=f"{scheme}://nowhere-at-all"):
        connect(parse_address(f"{scheme}://nowhere-at-all/x"), SOON).put("one", b"x")


def test_plain_http_is_for_this_machine_only(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1:1")

    with pytest.raises(RemoteDenied, match="without TLS"):
        connect(parse_address(f"s3://{s3}"), SOON).read("one")
