"""What holds for every source: rows with a version, read again only if need be, nothing secret said."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import deltalake
import obstore
import polars as pl
import pytest
from obstore.store import S3Store
from pyiceberg.catalog.sql import SqlCatalog
from tests.contracts.databases import Postgres
from tests.faults.file_server import FileServer, Served
from tests.unit.data.conftest import data, ledger, nothing_kept, objects, project

from tidemill.core.access import OWNER, Actor, Role
from tidemill.core.errors import TidemillError
from tidemill.data.errors import InvalidOption, PlainSecret, SourceFailed, SourceRefused
from tidemill.data.records import DatasetVersion
from tidemill.data.service import DataService
from tidemill.data.sources.ports import GROUP
from tidemill.data.sources.registry import Registry

__all__ = ["data", "ledger", "nothing_kept", "objects", "project"]

EDITOR = Actor("somebody", Role.EDITOR)
FIRST = pl.DataFrame({"id": [1, 2], "name": ["Zürich", "Ærø"]})
SECOND = pl.DataFrame({"id": [1, 2, 3], "name": ["Zürich", "Ærø", "x"]})


@dataclass(frozen=True, kw_only=True)
class Member:
    """A source with a table in it.

    Args:
        address: Names the table.
        missing: Names nothing that is there.
        put: Makes another table of it.
        facts: What its version has to say.
        secret: An option that takes a credential; empty where there is none.
        has_stamp: Whether its version is known before it is read.
        told: The address as it is stored, where that is not as it is given.
    """

    address: str
    missing: str
    put: Callable[[pl.DataFrame], object]
    facts: set[str]
    secret: str = ""
    has_stamp: bool = True
    told: str = ""


@pytest.fixture
def web() -> Iterator[Member]:
    with FileServer() as server:

        def put(table: pl.DataFrame) -> None:
            server.files["/t.csv"] = Served(table.write_csv().encode(), f'"{table.height}"')

        address = f"{server.url}/t.csv"
        yield Member(address=address, missing=f"{server.url}/u.csv", put=put, facts={"etag"}, secret="token")


@pytest.fixture
def buckets(s3: str) -> Member:
    bucket = S3Store(s3, client_options={"allow_http": True})
    return Member(
        address=f"s3://{s3}/*.csv",
        missing=f"s3://{s3}/x/*.csv",
        put=lambda table: obstore.put(bucket, "t.csv", table.write_csv().encode()),
        facts={"etag", "last_modified"},
        secret="session_token",
    )


@pytest.fixture
def python(tmp_path: Path) -> Member:
    def put(table: pl.DataFrame) -> None:
        code = (
            f"import polars as pl\ndef rows(key=None):\n    assert key is None, key\n    return {table.to_dicts()!r}\n"
        )
        (tmp_path / "jobs_of_contract.py").write_text(code)

    here = f"#folder={tmp_path}"
    return Member(
        address=f"python:jobs_of_contract:rows{here}",
        missing=f"python:jobs_of_contract:none{here}",
        put=put,
        facts={"function", "code"},
        secret="key",
        has_stamp=False,
    )


@pytest.fixture
def huggingface(tmp_path: Path) -> Member:
    folder = tmp_path / "set"
    folder.mkdir()
    return Member(
        address=f"hf:{folder}",
        missing=f"hf:{tmp_path / 'none'}",
        put=lambda table: table.write_parquet(folder / "train.parquet"),
        facts={"split"},
    )


@pytest.fixture
def sqlite(tmp_path: Path) -> Member:
    place = tmp_path / "t.db"

    def put(table: pl.DataFrame) -> None:
        link = sqlite3.connect(place)
        with link:
            link.execute("DROP TABLE IF EXISTS t")
            link.execute("CREATE TABLE t (id INTEGER, name TEXT)")
            link.executemany("INSERT INTO t VALUES (?, ?)", table.rows())
        link.close()

    return Member(
        address=f"sqlite:///{place}#table=t",
        missing=f"sqlite:///{place}#table=u",
        put=put,
        facts={"table"},
        has_stamp=False,
    )


@pytest.fixture
def postgresql(postgres_url: str) -> Iterator[Member]:
    server = Postgres(postgres_url)
    server.begin()

    def put(table: pl.DataFrame) -> None:
        rows = ", ".join(f"({number}, '{name}')" for number, name in table.rows())
        server.run("DROP TABLE IF EXISTS t")
        server.run("CREATE TABLE t (id integer, name text)")
        server.run(f"INSERT INTO t VALUES {rows}")

    facts = {"table", "snapshot", "lsn", "at", "server"}
    address = server.uri("table=t")
    told = re.sub("host=[^#]+", "host=***", address)  # a long value may be a credential
    yield Member(address=address, missing=server.uri("table=u"), put=put, facts=facts, secret="password", told=told)
    server.end()


@pytest.fixture
def delta(tmp_path: Path) -> Member:
    return Member(
        address=f"delta://{tmp_path / 'delta'}",
        missing=f"delta://{tmp_path}",
        put=lambda table: deltalake.write_deltalake(tmp_path / "delta", table, mode="overwrite"),
        facts={"version", "committed", "table_id"},
    )


@pytest.fixture
def iceberg(tmp_path: Path) -> Member:
    catalog = SqlCatalog("default", uri=f"sqlite:///{tmp_path / 'c.db'}", warehouse=tmp_path.as_uri())
    catalog.create_namespace("a")

    def put(table: pl.DataFrame) -> None:
        rows = table.to_arrow()
        catalog.create_table_if_not_exists("a.t", schema=rows.schema).overwrite(rows)

    return Member(
        address=f"iceberg://{tmp_path / 'a' / 't'}",
        missing=f"iceberg://{tmp_path / 'a'}",
        put=put,
        facts={"snapshot", "committed", "table_id"},
    )


MEMBERS = ["web", "buckets", "python", "huggingface", "sqlite", "postgresql", "delta", "iceberg"]


@pytest.fixture(params=MEMBERS)
def member(request: pytest.FixtureRequest) -> Member:
    found: Member = request.getfixturevalue(request.param)
    found.put(FIRST)
    return found


def rows(service: DataService) -> list[tuple[object, ...]]:
    return service.read(OWNER, "t").sort("id").rows()


def facts(made: DatasetVersion) -> dict[str, str]:
    return made.parts[0].source.version


def with_option(address: str, option: str) -> str:
    return f"{address}{'&' if '#' in address else '#'}{option}"


def test_the_rows_come_with_the_version_of_the_source(data: DataService, member: Member) -> None:
    made = data.ingest(OWNER, "t", member.address)

    assert rows(data) == FIRST.rows()
    assert set(facts(made)) >= member.facts
    assert all(facts(made).values())
    assert data.get(OWNER, "t").parts[0].source == made.parts[0].source
    assert made.source.uri == (member.told or member.address)


def test_the_same_is_the_same_version_and_another_table_is_not(data: DataService, member: Member) -> None:
    first = data.ingest(OWNER, "t", member.address)
    again = data.ingest(OWNER, "t", member.address)
    member.put(SECOND)
    other = data.ingest(OWNER, "t", member.address)

    assert (again.created, again.id) == (False, first.id)
    assert other.number == 2
    assert rows(data) == SECOND.rows()
    assert other.parts[0].source.digest != first.parts[0].source.digest


def test_the_stamp_follows_the_source(data: DataService, member: Member) -> None:
    before = data.stamp(OWNER, member.address)

    assert data.stamp(OWNER, member.address) == before
    member.put(SECOND)
    if member.has_stamp:
        assert data.stamp(OWNER, member.address) != before


def test_nothing_there_is_told(data: DataService, member: Member, nothing_kept: Callable[[], None]) -> None:
    with pytest.raises(TidemillError) as caught:
        data.ingest(OWNER, "t", member.missing)

    assert caught.value.hint
    nothing_kept()


def test_an_option_that_it_does_not_have_is_told(data: DataService, member: Member) -> None:
    with pytest.raises((InvalidOption, SourceFailed), match="colour"):
        data.ingest(OWNER, "t", with_option(member.address, "colour=blue"))


def test_others_may_not_name_it_unless_they_are_let(member: Member, ledger, objects, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    service = DataService(ledger, objects, root=elsewhere)
    with pytest.raises(SourceRefused):
        service.ingest(EDITOR, "t", member.address)


@pytest.mark.parametrize("word", ["hunter2", "a b&c=d#e%25"])
def test_a_credential_is_never_said(
    data: DataService, member: Member, word: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if not member.secret:
        return
    caplog.set_level("DEBUG")
    monkeypatch.setenv("OF_CONTRACT", word)
    address = with_option(member.missing, f"{member.secret}=env:OF_CONTRACT")
    with pytest.raises(TidemillError) as caught:
        data.ingest(OWNER, "t", address)
    if member.secret != "key":  # an argument of a function may be anything
        with pytest.raises(PlainSecret) as refused:
            data.ingest(OWNER, "t", with_option(member.address, f"{member.secret}=hunter2"))
        assert "hunter2" not in repr(refused.value)

    assert word not in str(caught.value)
    assert word not in caplog.text


def test_every_source_says_what_it_reads() -> None:
    kinds = Registry().kinds()
    schemes = [scheme for kind in kinds for scheme in kind.schemes]

    assert GROUP == "tidemill.sources"
    assert {kind.name for kind in kinds} >= set(MEMBERS)
    assert len(schemes) == len(set(schemes))
    assert all(kind.summary and kind.summary[-1] != "." for kind in kinds)
    page = (Path(__file__).parents[2] / "docs" / "reference" / "sources.md").read_text()
    assert [kind.schemes[0] for kind in kinds if kind.name in MEMBERS and f"`{kind.schemes[0]}:" not in page] == []
