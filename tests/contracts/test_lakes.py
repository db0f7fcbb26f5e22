"""What holds for every kind of lake table that is a source: a version is what it was, and only what came since."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pytest
from tests.faults.s3_server import S3Server
from tests.unit.data.conftest import data, ledger, nothing_kept, objects, project

from tidemill.core.access import OWNER
from tidemill.data.errors import InvalidOption, SourceNotFound, SourceRefused, UnknownColumn, UnsupportedSource
from tidemill.data.sources.access import Access, parse_hosts
from tidemill.data.sources.ports import Piece
from tidemill.data.sources.reach import Reach
from tidemill.data.sources.registry import Registry

__all__ = ["data", "ledger", "nothing_kept", "objects", "project"]

FRAME = pl.DataFrame(
    {
        "id": [1, 2],
        "at": [dt.datetime(2013, 1, 1, tzinfo=dt.UTC)] * 2,
        "stops": [["JFK"], None],
        "plane": [{"n": 1}] * 2,
    },
    schema_overrides={"at": pl.Datetime("us", "UTC")},
)


class DeltaTables:
    """Delta tables, written by deltalake."""

    version: ClassVar[str] = "version"
    reads_added: ClassVar[bool] = False

    def __init__(self, folder: Path | str, storage: dict[str, str]) -> None:
        self.place = f"{folder}/flights"
        self.storage = storage

    def append(self, frame: pl.DataFrame) -> str:
        from deltalake import DeltaTable, write_deltalake

        write_deltalake(self.place, frame, mode="append", storage_options=self.storage)
        return str(DeltaTable(self.place, storage_options=self.storage).version())

    def remove(self, number: int) -> str:
        from deltalake import DeltaTable

        table = DeltaTable(self.place, storage_options=self.storage)
        table.delete(f"id = {number}")
        return str(table.version())

    def uri(self, options: str = "") -> str:
        kind = f"delta+{self.place}" if "://" in self.place else f"delta://{self.place}"
        return f"{kind}#{options}"


class IcebergTables:
    """Iceberg tables, written by pyiceberg with a catalog in SQLite."""

    version: ClassVar[str] = "snapshot"
    reads_added: ClassVar[bool] = True

    def __init__(self, folder: Path | str, storage: dict[str, str], home: Path) -> None:
        from pyiceberg.catalog import load_catalog

        self.place = f"{folder}/flights"
        self.catalog_file = home / "catalog.sqlite"
        names = {"aws_access_key_id": "s3.access-key-id", "aws_secret_access_key": "s3.secret-access-key",
                 "aws_endpoint_url": "s3.endpoint", "aws_region": "s3.region"}  # fmt: skip
        self.catalog = load_catalog(
            "default", type="sql", uri=f"sqlite:///{self.catalog_file}",
            **{names[name]: value for name, value in storage.items() if name in names},
        )  # fmt: skip
        self.catalog.create_namespace("air")

    def append(self, frame: pl.DataFrame) -> str:
        rows: Any = frame.to_arrow()
        location = self.place if "://" in self.place else Path(self.place).as_uri()
        table = self.catalog.create_table_if_not_exists("air.flights", schema=rows.schema, location=location)
        table.append(rows)
        return str(table.metadata.current_snapshot_id)

    def remove(self, number: int) -> str:
        table = self.catalog.load_table("air.flights")
        table.delete(f"id = {number}")
        return str(table.metadata.current_snapshot_id)

    def uri(self, options: str = "") -> str:
        if "://" in self.place:
            location = self.catalog.load_table("air.flights").metadata_location
            return f"iceberg+{location}#{options}"
        return f"iceberg://{self.place}#{options}"


Tables = DeltaTables | IcebergTables


@pytest.fixture(params=["delta", "iceberg"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Tables:
    lake = tmp_path / "lake"
    lake.mkdir()
    return DeltaTables(lake, {}) if request.param == "delta" else IcebergTables(lake, {}, tmp_path)


@pytest.fixture
def owner(tmp_path: Path) -> Access:
    return Access(reach=Reach.of_owner(tmp_path))


def pieces(uri: str, access: Access, held=()) -> Iterator[Piece]:
    registry = Registry()
    parsed = registry.parse(uri)
    assert parsed is not None
    with registry.open(parsed, access, held) as found:
        yield from found


def read(uri: str, access: Access, held=()) -> tuple[pl.DataFrame, Piece]:
    target = access.reach.root / "fetched.parquet"
    found = []
    for piece in pieces(uri, access, held):
        assert piece.fetch is not None
        piece.fetch(target)
        found.append((pl.read_parquet(target), piece))
    (only,) = found
    return only


def ids(uri: str, access: Access, held=()) -> list[int]:
    return sorted(read(uri, access, held)[0]["id"].to_list())


def numbered(*numbers: int) -> pl.DataFrame:
    return pl.concat([FRAME.head(1).with_columns(pl.lit(n, pl.Int64).alias("id")) for n in numbers])


def test_the_newest_version_is_read_and_named(tables, owner):
    tables.append(FRAME)
    version = tables.append(numbered(3))

    frame, piece = read(tables.uri(), owner)

    assert sorted(frame["id"]) == [1, 2, 3]
    assert (piece.name, piece.version[tables.version], piece.is_pinned) == ("flights", version, True)
    assert piece.version["committed"] > "2013"


def test_an_earlier_version_is_what_it_was(tables, owner):
    first = tables.append(FRAME)
    tables.append(numbered(3))
    tables.remove(1)

    assert ids(tables.uri(), owner) == [2, 3]
    assert ids(tables.uri(f"{tables.version}={first}"), owner) == [1, 2]


def test_a_moment_names_the_version_of_then(tables, owner):
    tables.append(FRAME)
    _, piece = read(tables.uri(), owner)
    tables.append(numbered(3))
    _, later = read(tables.uri(), owner)

    assert piece.version["committed"] < later.version["committed"]
    assert ids(tables.uri(f"at={piece.version['committed']}"), owner) == [1, 2]
    assert ids(tables.uri("at=2999-01-01"), owner) == [1, 2, 3]
    with pytest.raises(SourceNotFound):
        read(tables.uri("at=2013-01-01"), owner)


def test_versions_that_are_not_there_are_told_from_those_that_are(tables, owner):
    version = tables.append(FRAME)

    with pytest.raises(SourceNotFound) as missing:
        read(tables.uri(f"{tables.version}=77"), owner)
    assert version in missing.value.hint
    for options in (f"{tables.version}=x", f"{tables.version}=-1", "at=yesterday", f"at=2013-01-01&{tables.version}=1"):
        with pytest.raises(InvalidOption):
            read(tables.uri(options), owner)


def test_lists_and_records_become_json(tables, owner):
    tables.append(FRAME)

    frame, _ = read(tables.uri(), owner)

    assert frame.sort("id").select("stops", "plane").rows() == [('["JFK"]', '{"n":1}'), (None, '{"n":1}')]
    assert frame["at"].dtype == pl.Datetime("us", "UTC")


def test_bytes_in_lists_are_refused(tables, owner):
    tables.append(pl.DataFrame({"id": [1], "raw": [[b"x"]]}))

    with pytest.raises(UnsupportedSource, match="raw"):
        read(tables.uri(), owner)


def test_what_is_held_already_is_not_given_again(tables, owner):
    tables.append(FRAME)
    _, piece = read(tables.uri(), owner)

    assert list(pieces(tables.uri(), owner, [piece.version])) == []


def test_only_rows_that_came_since_are_read(tables, owner):
    tables.append(FRAME)
    _, first = read(tables.uri("new_by=id"), owner)
    tables.append(numbered(3, 4))
    tables.remove(1)

    frame, second = read(tables.uri("new_by=id"), owner, [first.version])

    assert sorted(frame["id"]) == [3, 4]
    assert (first.version["through"], second.version["through"]) == ("2", "4")
    tables.remove(2)
    assert list(pieces(tables.uri("new_by=id"), owner, [second.version])) == []


def test_an_export_of_a_table_grows_by_what_is_new(tables, data):
    tables.append(FRAME)
    first = data.ingest(OWNER, "t", tables.uri(), new_by="id")
    tables.append(numbered(3, 4))
    second = data.ingest(OWNER, "t", tables.uri(), new_by="id")

    assert (first.rows, second.rows) == (2, 4)
    assert [part.rows for part in second.parts] == [2, 2]
    assert not data.ingest(OWNER, "t", tables.uri(), new_by="id").created
    tables.append(numbered(0))
    assert data.ingest(OWNER, "t", tables.uri(), new_by="id", key=["id"]).rows == 5


def test_a_moment_may_be_what_grows(tables, owner):
    tables.append(FRAME)
    _, first = read(tables.uri("new_by=at"), owner)
    tables.append(numbered(3).with_columns(pl.lit(dt.datetime(2013, 1, 2, tzinfo=dt.UTC)).alias("at")))

    assert ids(tables.uri("new_by=at"), owner, [first.version]) == [3]


def test_what_cannot_grow_is_refused(tables, owner):
    tables.append(FRAME)

    with pytest.raises(UnknownColumn):
        read(tables.uri("new_by=idd"), owner)
    with pytest.raises(InvalidOption, match="no order"):
        read(tables.uri("new_by=stops"), owner)
    with pytest.raises(InvalidOption, match="not known"):
        read(tables.uri("new_by=id"), owner, [{"version": "0"}])


def test_added_rows_are_told_from_changed_ones(tables, owner):
    tables.append(FRAME)
    _, first = read(tables.uri(), owner)
    tables.append(numbered(3))

    if not tables.reads_added:
        with pytest.raises(InvalidOption, match="column that grows"):
            read(tables.uri(), owner, [first.version])
        return
    assert ids(tables.uri(), owner, [first.version]) == [3]
    tables.remove(1)
    with pytest.raises(InvalidOption, match="changed or removed"):
        read(tables.uri(), owner, [first.version])


def test_a_table_that_is_named_in_another_way_is_not_taken_again(tables, data):
    if not tables.reads_added:
        return
    tables.append(FRAME)
    data.ingest(OWNER, "t", tables.uri())
    tables.append(numbered(3))
    place = Path(tables.place)
    again = data.ingest(OWNER, "t", tables.uri().replace(tables.place, f"{place.parent}/./{place.name}"), append=True)

    assert again.rows == 3


def test_a_folder_without_a_table_is_said_to_be_none(tables, owner, tmp_path):
    (tmp_path / "empty").mkdir()
    tables.append(FRAME)

    for place in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(SourceNotFound):
            read(tables.uri().replace(tables.place, str(place)), owner)


def test_others_than_the_owner_read_only_what_lies_in_their_folders(tables, tmp_path):
    tables.append(FRAME)
    inside = Access(reach=Reach.of_others([tmp_path], []))
    outside = Access(reach=Reach.of_others([tmp_path / "elsewhere"], []))

    assert ids(tables.uri(), inside) == [1, 2]
    with pytest.raises(SourceRefused):
        read(tables.uri(), outside)


def test_a_table_that_names_files_elsewhere_is_refused(tables, tmp_path):
    tables.append(FRAME)
    folder = Path(tables.place)
    if isinstance(tables, DeltaTables):
        data = next(folder.glob("*.parquet"))
        data.symlink_to(data.rename(tmp_path / data.name))
    else:
        metadata = max(folder.glob("metadata/*.metadata.json"))
        folder = tmp_path / "another"
        (folder / "metadata").mkdir(parents=True)
        metadata.rename(folder / "metadata" / metadata.name)

    with pytest.raises(SourceRefused):
        read(tables.uri().replace(tables.place, str(folder)), Access(reach=Reach.of_others([folder], [])))


# ------------------------------------------------------------------------------------------- in a store


@pytest.fixture(scope="module")
def store() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


@pytest.mark.parametrize("kind", ["delta", "iceberg"])
def test_tables_in_a_bucket_are_read_with_credentials_by_reference(kind, store, tmp_path, monkeypatch):
    bucket = store.bucket()
    storage = {"aws_access_key_id": "reader", "aws_secret_access_key": "hunter2", "aws_region": "us-east-1",
               "aws_endpoint_url": store.url, "aws_allow_http": "true"}  # fmt: skip
    lake = f"s3://{bucket}/lake"
    tables: Tables = DeltaTables(lake, storage) if kind == "delta" else IcebergTables(lake, storage, tmp_path)
    tables.append(FRAME)
    monkeypatch.setenv("LAKE_KEY", "reader")
    monkeypatch.setenv("LAKE_SECRET", "hunter2")
    place = "region=us-east-1&access_key_id=env:LAKE_KEY&secret_access_key=env:LAKE_SECRET"
    uri = tables.uri(f"{place}&endpoint={store.url}")
    hosts = f"s3://{bucket}=env:LAKE_KEY+env:LAKE_SECRET, http://127.0.0.1:{store.port}"

    assert ids(uri, Access(reach=Reach.of_owner(tmp_path))) == [1, 2]
    assert ids(f"{uri}&at=2999-01-01", Access(reach=Reach.of_owner(tmp_path))) == [1, 2]
    assert ids(uri, Access(reach=Reach.of_others([tmp_path], []), hosts=parse_hosts(hosts))) == [1, 2]
    with pytest.raises(SourceRefused):
        read(uri, Access(reach=Reach.of_others([tmp_path], []), hosts=parse_hosts(f"s3://{bucket}")))


def test_a_catalog_names_tables(tmp_path, owner):
    tables = IcebergTables(tmp_path / "lake", {}, tmp_path)
    tables.append(FRAME)
    catalog = f"iceberg+sqlite:///{tables.catalog_file}"

    assert ids(f"{catalog}#table=air.flights", owner) == [1, 2]
    with pytest.raises(SourceNotFound, match="flihgts") as missing:
        read(f"{catalog}#table=air.flihgts", owner)
    assert "air.flights" in missing.value.hint
    with pytest.raises(InvalidOption):
        read(catalog, owner)


def test_delta_tables_whose_columns_were_renamed_are_read(tmp_path, owner):
    from deltalake import write_deltalake

    place = tmp_path / "mapped"
    write_deltalake(place, pl.DataFrame({"col-1": [1, 2], "col-2": ["a", "b"]}))
    log = place / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "protocol" in action:
            action["protocol"] = {"minReaderVersion": 2, "minWriterVersion": 5}
        if "metaData" in action:
            schema = json.loads(action["metaData"]["schemaString"])
            for number, (name, field) in enumerate(zip(["id", "name"], schema["fields"], strict=True), 1):
                mapping = {"id": number, "physicalName": field["name"]}
                field["name"] = name
                field["metadata"] = {f"delta.columnMapping.{key}": value for key, value in mapping.items()}
            action["metaData"]["schemaString"] = json.dumps(schema)
            action["metaData"]["configuration"] = {
                "delta.columnMapping.mode": "name",
                "delta.columnMapping.maxColumnId": "2",
            }
    log.write_text("\n".join(json.dumps(action) for action in actions))

    frame, _ = read(f"delta://{place}", owner)

    assert sorted(frame.select("id", "name").rows()) == [(1, "a"), (2, "b")]
    assert ids(f"delta://{place}#new_by=id", owner) == [1, 2]
