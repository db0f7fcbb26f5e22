"""What holds for every database that is a source: it is only read, as of one moment, and only what came since."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
from tests.contracts.databases import BigQueryEmulator, Database, Postgres, SnowflakeEmulator, Sqlite

from tidemill.core.errors import TidemillError
from tidemill.data.errors import InvalidColumns, InvalidOption, SourceFailed, SourceNotFound, UnknownColumn
from tidemill.data.sources.access import Access
from tidemill.data.sources.ports import Piece
from tidemill.data.sources.reach import Reach
from tidemill.data.sources.registry import Registry


@pytest.fixture(scope="module")
def snowflake() -> Iterator[SnowflakeEmulator]:
    with SnowflakeEmulator.start() as found:
        yield found


@pytest.fixture(scope="module")
def bigquery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryEmulator]:
    with BigQueryEmulator.start(tmp_path_factory.mktemp("bigquery")) as found:
        yield found


MEMBERS = ["sqlite", "postgresql", "snowflake", pytest.param("bigquery", marks=pytest.mark.slow)]


@pytest.fixture(params=MEMBERS)
def database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("DATABASE_PASSWORD", "correct horse")
    match request.param:
        case "sqlite":
            found: Database = Sqlite(tmp_path / "some where.sqlite")
        case "postgresql":
            found = Postgres(request.getfixturevalue("postgres_url"))
        case other:
            found = request.getfixturevalue(other)
    found.begin()
    yield found
    found.end()


def flights(database, count=3):
    database.run(
        f"CREATE TABLE flights (id {database.integer}, carrier {database.text}, day DATE, fee {database.money})"
    )
    rows = ", ".join(f"({n}, 'C{n}', {database.date(f'2013-01-0{n}')}, {n}.25)" for n in range(1, count + 1))
    database.run(f"INSERT INTO flights VALUES {rows}")


def pieces(database, options, held=(), new_by="") -> Iterator[Piece]:
    registry = Registry()
    uri = registry.parse(database.uri(options))
    assert uri is not None
    with registry.open(uri, Access(reach=Reach.of_owner(Path("/"))), held, new_by) as found:
        yield from found


def frames(piece: Piece) -> Iterator[pl.DataFrame]:
    assert piece.batches is not None
    for each in piece.batches():
        assert isinstance(each, pl.DataFrame)
        yield each.rename(str.lower)


def read(database, options, held=(), new_by="") -> tuple[pl.DataFrame, dict[str, str]]:
    (found,) = [(pl.concat(frames(piece)), piece.version) for piece in pieces(database, options, held, new_by)]
    return found


def rows(database, options, held=()) -> list[Any]:
    return read(database, options, held)[0].rows()


def test_a_table_keeps_its_types(database):
    flights(database)

    frame, version = read(database, "table=flights&order=id")

    assert frame.columns == ["id", "carrier", "day", "fee"]
    assert frame["id"].dtype.is_integer()
    assert frame["day"].to_list()[0] == dt.date(2013, 1, 1)
    assert [float(fee) for fee in frame["fee"]] == [1.25, 2.25, 3.25]
    assert version["table"].lower() == "flights"
    if database.keeps_digits:
        assert frame["fee"].to_list()[0] == Decimal("1.25")


def test_a_query_is_read_and_recorded(database):
    flights(database)

    frame, version = read(database, "query=SELECT id, carrier FROM flights WHERE id > 1;&order=id")

    assert frame.rows() == [(2, "C2"), (3, "C3")]
    assert version["query"] == "SELECT id, carrier FROM flights WHERE id > 1"


def test_no_rows_still_have_columns(database):
    flights(database)

    frame, _ = read(database, "query=SELECT id, carrier FROM flights WHERE id > 99")

    assert (frame.columns, frame.height) == (["id", "carrier"], 0)


def test_only_rows_that_came_since_are_read(database):
    flights(database)
    _, first = read(database, "table=flights&new_by=id")

    assert list(pieces(database, "table=flights&new_by=id", [first])) == []

    database.run(f"INSERT INTO flights VALUES (7, 'C7', {database.date('2013-02-01')}, 7.5)")
    frame, second = read(database, "table=flights&new_by=id", [first])

    assert frame["id"].to_list() == [7]
    assert first["through"].strip("'") == "3"
    assert second["through"].strip("'") == "7"


def test_who_looks_for_new_rows_gets_at_least_those(database):
    flights(database)
    _, plain = read(database, "table=flights")

    everything, first = read(database, "table=flights", [plain], new_by="id")
    assert everything.height == 3

    database.run(f"INSERT INTO flights VALUES (7, 'C7', {database.date('2013-02-01')}, 7.5)")
    assert read(database, "table=flights", [plain, first], new_by="id")[0]["id"].to_list() == [7]
    assert read(database, "table=flights", [plain, first], new_by="day")[0].height == 4


def test_a_day_may_be_what_grows(database):
    flights(database)
    _, first = read(database, "table=flights&new_by=day")
    database.run(f"INSERT INTO flights VALUES (4, 'C4', {database.date('2013-02-01')}, 7.5)")

    assert [row[0] for row in rows(database, "table=flights&new_by=day", [first])] == [4]


def test_adding_to_rows_needs_a_column_that_grows(database):
    flights(database)

    with pytest.raises(InvalidOption, match="column that grows"):
        read(database, "table=flights", [{"table": "flights"}])
    with pytest.raises(InvalidOption, match="is not known"):
        read(database, "table=flights&new_by=id", [{"through": "1; DROP TABLE flights"}])


def test_names_are_names_and_never_statements(database):
    flights(database)
    if database.quotes_freely:
        database.run('CREATE TABLE "odd ""name; DROP TABLE flights; --" (id INTEGER)')
        assert rows(database, 'table="odd ""name; DROP TABLE flights; --"') == []

    for table in ("flights; DROP TABLE flights", "flights WHERE 1=1", "flights--", "(SELECT 1)", "", '"', "a..b", "a."):
        with pytest.raises(TidemillError):
            read(database, f"table={table}")
    for option in ("order=id; DROP TABLE flights", "new_by=id; DROP TABLE flights", "order=id DESC"):
        with pytest.raises(TidemillError):
            read(database, f"table=flights&{option}")
    assert database.count("flights") == 3


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM flights",
        "SELECT 1 AS a) AS b; DELETE FROM flights; SELECT * FROM (SELECT 1 AS a",
        "SELECT 1 AS a; DELETE FROM flights",
        "SELECT 1 AS a -- ) ; \n) AS b; DELETE FROM flights; --",
        "SELECT '\\' AS a) AS b; DELETE FROM flights; --'",
        "WITH gone AS (DELETE FROM flights RETURNING id) SELECT * FROM gone",
        "DROP TABLE flights",
    ],
)
def test_nothing_is_written(database, query):
    flights(database)

    with suppress(InvalidOption, SourceFailed):  # to some, all of the one with a backslash is a text
        read(database, f"query={quote(query)}")
    assert database.count("flights") == 3


def test_what_is_missing_is_named_with_what_is_near(database):
    flights(database)

    with pytest.raises(SourceNotFound) as missing:
        read(database, "table=flihgts")
    with pytest.raises(UnknownColumn) as column:
        read(database, "table=flights&order=carrierr")

    assert "flights" in (missing.value.hint + missing.value.message).lower()
    assert "carrier" in column.value.hint.lower()


def test_it_is_a_table_or_a_query_with_known_options(database):
    with pytest.raises(InvalidOption, match="needs a table or a query"):
        read(database, "")
    with pytest.raises(InvalidOption, match="not both"):
        read(database, "table=a&query=SELECT 1")
    with pytest.raises(InvalidOption, match="no option 'tablee'"):
        read(database, "tablee=a")


def test_columns_of_one_name_are_refused(database):
    flights(database)
    if not database.keeps_doubles:
        pytest.skip("the database renames one of them itself")

    with pytest.raises(InvalidColumns):
        read(database, "query=SELECT a.id, b.id FROM flights AS a, flights AS b")


def test_many_rows_come_in_batches(database):
    database.run(database.many(300_000))

    (heights,) = [[frame.height for frame in frames(piece)] for piece in pieces(database, "table=many")]

    assert sum(heights) == 300_000
    assert len(heights) > 1 or not database.has_batches


def test_rows_are_of_one_moment(database):
    if not database.has_snapshots:
        pytest.skip("the emulator has no transactions that only read")
    flights(database)

    found = []
    for piece in pieces(database, "table=flights"):
        database.run(f"INSERT INTO flights VALUES (9, 'C9', {database.date('2013-02-01')}, 7.5)")
        found += [row[0] for frame in frames(piece) for row in frame.rows()]

    assert sorted(found) == [1, 2, 3]
    assert database.count("flights") == 4


def test_a_password_is_never_shown(database):
    flights(database)
    _, version = read(database, "table=flights")

    with pytest.raises(TidemillError) as failed:
        read(database, "query=SELECT 'correct horse' AS a FROM nowhere_to_be_found")

    assert os.environ["DATABASE_PASSWORD"] not in str(version)
    if database.has_password:
        assert "correct horse" not in str(failed.value)


# ------------------------------------------------------------------------------------------- PostgreSQL alone


def test_postgresql_types_become_plain_values(postgres_url):
    database = Postgres(postgres_url)
    database.begin()
    database.run("CREATE TYPE mood AS ENUM ('calm', 'rough')")
    database.run("CREATE TYPE place AS (lat float8, name text)")
    database.run("""
        CREATE TABLE kinds AS SELECT 1::int2 AS small, 2.5::float4 AS real, 10.25::numeric(12, 2) AS exact,
        123456789.5::numeric AS free, 7::numeric(5, 0) AS whole, 12.5::money AS cash, '{"a": 1}'::jsonb AS doc,
        timestamptz '2013-01-01 10:00+02' AS at, timestamp 'infinity' AS never, date '-infinity' AS long_ago,
        interval '1 day 2 hours' AS span,
        ARRAY[1, NULL] AS list, ROW(1.5, 'x')::place AS spot, 'rough'::mood AS mood, inet '10.0.0.1' AS net,
        int4range(1, 3) AS range, '\\x00ff'::bytea AS raw, 4000000000::oid AS id, 'NaN'::numeric(5, 2) AS no_number,
        uuid 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' AS key, time '10:00' AS clock, true AS yes
    """)

    try:
        (row,) = read(database, "table=kinds")[0].rows(named=True)
    finally:
        database.end()

    assert row == {
        "small": 1, "real": 2.5, "exact": Decimal("10.25"), "free": 123456789.5, "whole": 7, "cash": Decimal("12.50"),
        "at": dt.datetime(2013, 1, 1, 8, tzinfo=dt.UTC), "never": None, "long_ago": None, "span": "1 day 02:00:00",
        "doc": '{"a": 1}', "list": "[1,null]", "spot": '{"lat":1.5,"name":"x"}', "mood": "rough", "net": "10.0.0.1/32",
        "range": "[1,3)", "raw": b"\x00\xff", "id": 4_000_000_000, "no_number": None,
        "key": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "clock": dt.time(10), "yes": True,
    }  # fmt: skip
