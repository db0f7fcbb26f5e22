"""How far a work is, told while it goes on: what comes from elsewhere, and a large file of any kind."""

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from itertools import groupby
from pathlib import Path

import fastavro
import polars as pl
import pytest

from tidemill.core.access import OWNER
from tidemill.data import errors, segments
from tidemill.data.disk import Scratch
from tidemill.data.folders import Underway
from tidemill.data.records import DatasetVersion
from tidemill.data.service import DataService
from tidemill.data.service.folders import FolderService
from tidemill.data.service.ingest import _fetched
from tidemill.data.service.underway import Works
from tidemill.data.sources import json_text, passing, unpack
from tidemill.data.sources.bring import Awaited
from tidemill.data.sources.ports import Piece
from tidemill.data.sources.unpack import load_zstd
from tidemill.objects import ObjectStore

Ingest = Callable[..., DatasetVersion]


@pytest.fixture
def folders(data: DataService) -> FolderService:
    return FolderService(data.place)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_how_far_one_file_is_read_is_told(
    data: DataService, folders: FolderService, project: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(segments, "_MEAN_BYTES", 1 << 18)
    frame = pl.DataFrame({"a": range(200_000), "b": [f"{i * 7919:020}" for i in range(200_000)]})
    path = project / f"table.{kind}"
    frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)
    size, seen, real = path.stat().st_size, [], passing.Passing.add

    def looked(self: passing.Passing, rows: pl.DataFrame) -> None:
        real(self, rows)
        seen.append(folders.progress(OWNER, "table"))

    monkeypatch.setattr(passing.Passing, "add", looked)
    data.ingest(OWNER, "table", path.name)
    assert len(seen) > 5
    assert {(one.doing, one.total) for one in seen} == {("bytes read", size)}
    done = [one.done for one in seen]
    assert done == sorted(done)
    assert 0 < done[0] < size / 2
    assert size * 0.9 < done[-1] <= size
    assert folders.progress(OWNER, "table") == Underway()


def test_how_much_of_a_download_is_here_is_told(objects: ObjectStore) -> None:
    works, seen = Works(), []

    def fetch(path: Path) -> None:
        seen.append(works.find("table"))
        path.write_bytes(b"12345")
        seen.append(works.find("table"))
        path.write_bytes(b"1234567890")

    with Scratch(objects) as scratch:
        piece = Piece(name="t.csv", fetch=fetch, size_bytes=10)
        awaited = Awaited(piece=piece, scratch=scratch, uri="https://x/t.csv", known={}, cleaned=nullcontext)
        with works.watch("table", partial(_fetched, [awaited])):
            awaited.describe()
    assert seen == [Underway(), Underway(doing="bytes fetched", done=5, total=10)]
    assert works.find("table") == Underway()


def test_how_many_rows_of_a_database_are_here_is_told(objects: ObjectStore) -> None:
    works, seen = Works(), []

    def batches() -> Iterator[pl.DataFrame]:
        for start in (0, 10, 20):
            yield pl.DataFrame({"a": range(start, start + 10)})
            seen.append(works.find("table"))

    with Scratch(objects) as scratch:
        piece = Piece(name="t", batches=batches)
        awaited = Awaited(piece=piece, scratch=scratch, uri="sqlite:///x", known={}, cleaned=nullcontext)
        with works.watch("table", partial(_fetched, [awaited])):
            awaited.describe()
    assert seen == [Underway(doing="rows fetched", done=rows) for rows in (10, 20, 30)]


def _packed(pack: Callable[[bytes], bytes], content: bytes, path: Path) -> None:
    path.write_bytes(pack(content))


FRAME = pl.DataFrame({"a": range(60_000), "b": [f"{i * 7919:020}" for i in range(60_000)]})


def _as_avro(path: Path) -> None:
    fields = [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}]
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "r", "fields": fields}, FRAME.iter_rows(named=True))


KINDS: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "table.csv.gz": (
        lambda path: _packed(gzip.compress, FRAME.write_csv().encode(), path),
        ["bytes unpacked", "bytes read"],
    ),
    "table.csv.zst": (
        lambda path: _packed(load_zstd().compress, FRAME.write_csv().encode(), path),
        ["bytes unpacked", "bytes read"],
    ),
    "table.csv.bz2": (
        lambda path: _packed(bz2.compress, FRAME.write_csv().encode(), path),
        ["bytes unpacked", "bytes read"],
    ),
    "table.csv.xz": (
        lambda path: _packed(lzma.compress, FRAME.write_csv().encode(), path),
        ["bytes unpacked", "bytes read"],
    ),
    "table.jsonl": (FRAME.write_ndjson, ["bytes looked through", "bytes read"]),
    "table.json": (FRAME.write_json, ["bytes looked through", "bytes read"]),
    "table.avro": (_as_avro, ["bytes read", "bytes kept"]),
    "table.arrow": (FRAME.write_ipc, ["bytes read"]),
    "table.arrows": (FRAME.write_ipc_stream, ["bytes read", "bytes kept"]),
    "table.xlsx": (lambda path: FRAME.head(2000).write_excel(path), ["bytes kept"]),
}


@pytest.mark.parametrize("name", KINDS)
def test_how_far_a_file_of_any_kind_is_is_told(
    data: DataService, folders: FolderService, project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(segments, "_MEAN_BYTES", 1 << 18)
    for module in (unpack, json_text):
        monkeypatch.setattr(module, "_PIECE", 1 << 16)
    write, steps = KINDS[name]
    write(project / name)
    ingesting = import_module("tidemill.data.service.ingest")  # the package has a stand-in of this name
    size, seen, real = (project / name).stat().st_size, [], ingesting._tell_share

    def looked(*given: object) -> None:
        real(*given)
        seen.append(folders.progress(OWNER, "table"))

    monkeypatch.setattr(ingesting, "_tell_share", looked)
    data.ingest(OWNER, "table", name)
    assert [doing for doing, _ in groupby(one.doing for one in seen)] == steps
    for step in steps:
        done = [one.done for one in seen if one.doing == step]
        assert done == sorted(done)
        assert size * 0.9 < done[-1] <= size
    assert {one.total for one in seen} == {size}
    assert folders.progress(OWNER, "table") == Underway()


def test_one_long_value_said_many_times_is_refused(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_kept: Callable[[], None]
) -> None:
    monkeypatch.setattr(passing, "_FREE_BYTES", 1 << 24)
    path = tmp_path / "long.parquet"
    pl.DataFrame({"a": ["x" * 100_000] * 400}).write_parquet(path)
    with pytest.raises(errors.SourceTooLarge) as caught:
        ingest(path.read_bytes(), file="t.parquet")
    assert caught.value.hint
    nothing_kept()
