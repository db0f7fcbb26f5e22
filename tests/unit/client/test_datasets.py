"""A dataset version is read in a notebook as in a pipeline: by its reference."""

import io
from pathlib import Path
from typing import Self

import polars as pl
import pytest

import tidemill
from tidemill.app.placing import WorkspaceMissing
from tidemill.client.datasets import DatasetElsewhere, Version, find
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.data.errors import DatasetNotFound, NotATable
from tidemill.data.records import DatasetVersion
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.objects import DamagedObject, ObjectStore
from tidemill.objects.packs.folder import NotFiles


class Api:
    """Stands for the server: it finds versions in a ledger."""

    def __init__(self, data: DataService, url: str = "http://localhost") -> None:
        self.data = data
        self.http = type("Http", (), {"base_url": url})()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def get(self, path: str, kind: type[DatasetVersion]) -> DatasetVersion:
        return self.data.get(OWNER, path.rpartition("/")[2].replace("%40", "@"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def data(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch):
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    data = DataService(ledger, ObjectStore(home), root=tmp_path)
    monkeypatch.setattr("tidemill.client.places.connect", lambda *_, **__: Api(data))
    yield data
    ledger.close()


def add(data: DataService, tmp_path: Path, content: str) -> DatasetVersion:
    (tmp_path / "t.csv").write_text(content)
    return data.ingest(OWNER, "flights", "t.csv")


def test_rows_are_scanned_read_and_given_to_arrow(data: DataService, tmp_path: Path, home: Path) -> None:
    add(data, tmp_path, "id,x\n1,a\n2,b\n")
    version = find("flights@1", Settings(home=home))
    assert version.read().rows() == [(1, "a"), (2, "b")]
    assert version.scan().filter(pl.col("id") == 2).select("x").collect().item() == "b"
    table = version.arrow().to_table()
    assert table.to_pylist() == [{"id": 1, "x": "a"}, {"id": 2, "x": "b"}]
    assert repr(version) == "<flights@1: 2 rows, 2 columns>"
    assert "<td>int64</td>" in version._repr_html_()


def test_parts_of_unlike_types_are_one_table_in_arrow_too(data: DataService, tmp_path: Path, home: Path) -> None:
    (tmp_path / "m-1.csv").write_text("x,y\n1,\n")
    (tmp_path / "m-2.csv").write_text("y,x\na,1.5\n")
    data.ingest(OWNER, "flights", "m-*.csv")
    table = find("flights", Settings(home=home)).arrow().to_table()
    assert table.to_pylist() == [{"x": 1.0, "y": None}, {"x": 1.5, "y": "a"}]


def test_it_stays_the_version_that_was_found(data: DataService, tmp_path: Path, home: Path) -> None:
    add(data, tmp_path, "id\n1\n")
    version = find("flights@latest", Settings(home=home))
    add(data, tmp_path, "id\n2\n")
    assert version.ref == "flights@1"
    assert version.read()["id"].to_list() == [1]


def test_files_of_a_folder_are_listed_and_opened(data: DataService, tmp_path: Path, home: Path) -> None:
    (tmp_path / "images" / "deep").mkdir(parents=True)
    (tmp_path / "images" / "deep" / "b.bin").write_bytes(bytes(range(256)))
    data.ingest(OWNER, "images", "images")
    version = find("images", Settings(home=home))
    assert version.files() == ["deep/b.bin"]
    with version.open("deep/b.bin") as file:
        file.seek(-2, io.SEEK_END)
        assert file.read() == b"\xfe\xff"
    assert repr(version) == "<images@1: 1 files>"
    with pytest.raises(NotFiles) as caught:
        version.open("deep/c.bin")
    assert caught.value.hint
    for read in (version.scan, version.read, version.arrow):
        with pytest.raises(NotATable):
            read()


def test_a_table_has_no_files(data: DataService, tmp_path: Path, home: Path) -> None:
    add(data, tmp_path, "id\n1\n")
    with pytest.raises(NotFiles, match="is a table"):
        find("flights", Settings(home=home)).open("t.csv")


def test_damage_is_not_read(data: DataService, tmp_path: Path, home: Path) -> None:
    made = add(data, tmp_path, "id\n1\n")
    path = ObjectStore(home).path(made.parts[0].segments[0].digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    with pytest.raises(DamagedObject):
        find("flights", Settings(home=home)).read()


def test_what_another_machine_keeps_is_told(data: DataService, tmp_path: Path) -> None:
    add(data, tmp_path, "id\n1\n")
    with pytest.raises(DatasetElsewhere, match="flights@1") as caught:
        find("flights", Settings(home=tmp_path / "nothing"))
    assert caught.value.hint
    assert not (tmp_path / "nothing").exists()
    ObjectStore(tmp_path / "other")
    with pytest.raises(DatasetElsewhere):
        find("flights", Settings(home=tmp_path / "other"))


def test_what_is_not_there_is_told(data: DataService, tmp_path: Path, home: Path) -> None:
    add(data, tmp_path, "id\n1\n")
    with pytest.raises(DatasetNotFound, match="flihgts"):
        find("flihgts", Settings(home=home))


def test_the_public_name_reads_the_workspace_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMILL_HOME", str(tmp_path / "home"))
    with pytest.raises(WorkspaceMissing):
        tidemill.dataset("flights")
    from tidemill.app import Workspace

    with Workspace(Settings(home=tmp_path / "home")) as workspace:
        (tmp_path / "t.csv").write_text("id\n7\n")
        workspace.data.ingest(OWNER, "flights", str(tmp_path / "t.csv"))
    version = tidemill.dataset("flights@1")
    assert isinstance(version, Version)
    assert version.read()["id"].to_list() == [7]
