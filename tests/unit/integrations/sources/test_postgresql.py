from pathlib import Path

import pytest

from tidemill.data.errors import PlainSecret, SourceFailed, SourceRefused
from tidemill.data.sources.access import Access, parse_hosts
from tidemill.data.sources.adbc import Field
from tidemill.data.sources.reach import Reach
from tidemill.data.sources.registry import Registry
from tidemill.integrations.sources.postgresql.columns import columns_of


def column(word, typmod=-1, arrow="Utf8"):
    (found,) = columns_of([Field("c", arrow, {"POSTGRESQL:type": word, "POSTGRESQL:typmod": str(typmod)})])
    return found


def declared(precision, scale):
    return (precision << 16 | scale) + 4


@pytest.mark.parametrize(
    ("precision", "scale", "decimal"), [(12, 2, (12, 2)), (38, 38, (38, 38)), (5, 0, (5, 0)), (39, 2, None)]
)
def test_declared_digits_are_kept_as_far_as_a_decimal_holds_them(precision, scale, decimal):
    assert column("numeric", declared(precision, scale)).decimal == decimal


def test_a_negative_scale_or_none_is_a_float():
    assert column("numeric", declared(5, 0x7FF)).sql == "{}::float8"
    assert column("numeric").sql == "{}::float8"


@pytest.mark.parametrize(
    ("word", "arrow", "sql"),
    [
        ("int4", "Int32", "{}"),
        ("timestamptz", "Timestamp", "CASE WHEN isfinite({0}) THEN {0} END"),
        ("_int4", "List(Int32)", "to_json({})::text"),
        ("address", "Struct", "to_json({})::text"),
        ("jsonb", "Utf8", "{}::text"),
        ("mood", "Utf8", "{}::text"),
        ("oid", "Int32", "{}::int8"),
    ],
)
def test_only_plain_values_travel(word, arrow, sql):
    assert column(word, arrow=arrow).sql == sql


def opened(source, hosts=None):
    reach = Reach.of_owner(Path("/")) if hosts is None else Reach.of_others([Path("/srv")], [])
    registry = Registry()
    uri = registry.parse(source)
    assert uri is not None
    with registry.open(uri, Access(reach=reach, hosts=parse_hosts(hosts or ""))):
        pass


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://u@db.example.com/air?host=10.0.0.1#table=t",
        "postgresql://u@db.example.com/air?hostaddr=10.0.0.1#table=t",
        "postgresql://u@db.example.com/air?service=prod#table=t",
        "postgresql://u@db.example.com/air?passfile=/srv/pgpass#table=t",
        "postgresql://u@db.example.com/air?options=-cx=y#table=t",
        "postgresql://u@db.example.com,10.0.0.1/air#table=t",
        "postgresql://u@other.example.com/air#table=t",
        "postgresql:///air#table=t",
        "postgresql://u@db.example.com/air#table=t&password=env:OTHER",
    ],
)
def test_others_reach_the_named_host_and_nothing_of_the_servers_surroundings(source, monkeypatch):
    monkeypatch.setenv("OTHER", "hunter2")

    with pytest.raises(SourceRefused):
        opened(source, hosts="db.example.com=env:PGPASSWORD")


def test_passwords_stand_nowhere_in_an_address():
    for source in ("postgresql://u@h/d?password=hunter2#table=t", "postgresql://u:hunter2@h/d#table=t"):
        with pytest.raises(PlainSecret) as refused:
            opened(source)
        assert "hunter2" not in str(refused.value)


def test_a_server_that_does_not_answer_is_said_without_the_password(monkeypatch):
    monkeypatch.setenv("PG", "hunter2 & %more")

    with pytest.raises(SourceFailed, match=r"127\.0\.0\.1") as failed:
        opened("postgresql://u@127.0.0.1:1/d#table=t&password=env:PG")

    assert "hunter2" not in str(failed.value)
