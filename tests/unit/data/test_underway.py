"""How far a work is, told while it goes on: bytes that come from elsewhere, and rows of one large file."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

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
from tidemill.data.sources import passing
from tidemill.data.sources.bring import Awaited
from tidemill.data.sources.ports import Piece
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
        with works.watch("table", "bytes fetched", partial(_fetched, [awaited])):
            awaited.describe()
    assert seen == [Underway(), Underway(doing="bytes fetched", done=5, total=10)]
    assert works.find("table") == Underway()


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
