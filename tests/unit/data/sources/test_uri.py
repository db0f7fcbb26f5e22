from pathlib import Path

import pytest

from tidemill.data.errors import PlainSecret, UnknownScheme, UnsupportedSource
from tidemill.data.sources.uri import from_folder, holds_secret, join_options, parse_uri, spelled_out

SCHEMES = {"s3", "https", "postgresql", "python"}


@pytest.mark.parametrize(
    "path", ["data/a.csv", "/data/a b.csv", "a:b.csv", "s3", "c:/x.csv", "", "12:30.csv", "x#y=z.csv"]
)
def test_what_has_no_known_scheme_is_a_path(path):
    assert parse_uri(path, SCHEMES) is None


def test_what_stands_after_the_sign_is_for_us_and_before_it_for_the_source():
    uri = parse_uri("postgresql://me@db/x?sslmode=require#query=SELECT a+b FROM t WHERE c = 'x%26y'&n=1", SCHEMES)

    assert uri is not None
    assert (uri.scheme, uri.host) == ("postgresql", "db")
    assert uri.address == "postgresql://me@db/x?sslmode=require"
    assert uri.options == {"query": "SELECT a+b FROM t WHERE c = 'x&y'", "n": "1"}


def test_what_is_shown_can_be_read_again():
    text = join_options("python:jobs:rows", {"folder": "/a b/ö", "query": "a & b # c % d"})
    uri = parse_uri(text, SCHEMES)

    assert uri is not None
    assert uri.options == {"folder": "/a b/ö", "query": "a & b # c % d"}
    assert parse_uri(uri.shown, SCHEMES) == uri


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:hunter2@db/x",
        "postgresql://me@db/x#password=hunter2",
        "s3://b/k#secret_access_key=hunter2",
        "https://h/a.csv#token=hunter2",
        "https://h/a.csv#api_key=hunter2",
    ],
)
def test_a_credential_itself_is_refused_and_not_repeated(text):
    with pytest.raises(PlainSecret) as caught:
        parse_uri(text, SCHEMES)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Credential=hunter2&X-Amz-Signature=hunter2&X-Amz-Security-Token=hunter2",
        "sv=2022&sig=hunter2",
        "api_key=hunter2",
        "key=hunter2",
        "x=hunter2hunter2hunter2hunter2hunter2",
    ],
)
def test_a_signed_query_is_used_and_not_shown(query):
    uri = parse_uri(f"https://h/a.csv?{query}", SCHEMES)

    assert uri is not None
    assert uri.address.endswith(query)
    assert "hunter2" not in uri.shown + repr(uri)
    assert "***" in uri.shown


def test_a_plain_query_is_shown():
    uri = parse_uri("https://h/a.csv?year=2013&month=1", SCHEMES)

    assert uri is not None
    assert uri.shown == "https://h/a.csv?year=2013&month=1"


def test_an_unknown_scheme_names_the_nearest():
    with pytest.raises(UnknownScheme) as caught:
        parse_uri("postgres://db/x", SCHEMES)

    assert "postgresql" in caught.value.hint


@pytest.mark.parametrize("text", ["s3://b/k#table", "s3://b/k#a=1&a=2", "s3://b/k#=1", "https://[::1/a"])
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(UnsupportedSource):
        parse_uri(text, SCHEMES)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("s3://b/k", "s3://b/k"),
        ("python:a:b", "python:a:b#folder=/here"),
        ("python:a:b#folder=/there", "python:a:b#folder=/there"),
        ("hf:set#split=test", "hf:/here/set#split=test"),
        ("hf:/set", "hf:/set"),
        ("sqlite:///shop.db#table=t", "sqlite:////here/shop.db#table=t"),
        ("sqlite:////there/shop.db#table=t", "sqlite:////there/shop.db#table=t"),
        ("iceberg+sqlite:///c.db#table=a.b", "iceberg+sqlite:////here/c.db#table=a.b"),
        ("delta://lake/orders#version=0", "delta:///here/lake/orders#version=0"),
        ("delta+s3://lake/orders", "delta+s3://lake/orders"),
        ("data/*.csv", None),
        ("a:b.csv", None),
    ],
)
def test_an_address_is_named_from_a_folder(text, named):
    assert from_folder(text, Path("/here")) == named


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("https://h/a?X-Amz-Signature=abc", True),
        ("postgresql://me:pw@db/x", True),
        ("s3://b/k#secret_access_key=abc", True),
        ("s3://b/k#secret_access_key=env:KEY", False),
        ("https://h/a?year=2013", False),
        ("data/*.csv", False),
        ("s3://b/k#broken", False),
    ],
)
def test_what_holds_a_credential_is_seen(text, holds):
    assert holds_secret(text) is holds


def test_one_place_has_one_spelling_however_it_was_written(tmp_path):
    (tmp_path / "shop.db").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    written = (
        "sqlite:///shop.db#table=t&order=id",
        "sqlite:///./shop.db#order=id&table=t",
        f"sqlite:///{tmp_path}/shop.db#table=t&order=id",
        f"sqlite:///{tmp_path}/link/shop.db#table=t&order=id",
    )

    assert len({spelled_out(each, tmp_path) for each in written}) == 1
    assert spelled_out("delta://lake/orders", tmp_path) == spelled_out(f"delta:{tmp_path}/lake/orders", tmp_path)
    assert spelled_out("sqlite:///shop.db#table=u&order=id", tmp_path) != spelled_out(written[0], tmp_path)
    assert spelled_out("s3://bucket/a", tmp_path) != spelled_out("s3://bucket/./a", tmp_path)
