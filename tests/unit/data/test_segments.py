from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill.core.access import OWNER
from tidemill.core.digests import Digest
from tidemill.data import segments
from tidemill.data.disk import Scratch
from tidemill.data.profile.build import profile_batches
from tidemill.data.records import DatasetVersion
from tidemill.data.segments import Cutter, write_segments
from tidemill.data.service import DataService
from tidemill.data.service.compare import compare
from tidemill.objects import ObjectStore, digest_file

Ingest = Callable[..., DatasetVersion]
ROWS = 20_000


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_MEAN_BYTES", 1 << 14)


@pytest.fixture
def scratch(objects: ObjectStore) -> Iterator[Scratch]:
    with Scratch(objects) as scratch:
        yield scratch


def table(rows: int = ROWS) -> pl.DataFrame:
    """Return rows of numbers, text, lists and gaps."""
    number = pl.Series("id", range(rows))
    return pl.DataFrame(
        {
            "id": number,
            "text": (number % 97).cast(pl.String) + "é",
            "list": pl.Series([[i, i % 7] if i % 5 else None for i in range(rows)]),
            "gap": pl.Series([None if i % 3 else i / 7 for i in range(rows)]),
            "never": pl.Series([None] * rows, dtype=pl.String),
        }
    )


def cut(frame: pl.DataFrame, *lengths: int) -> list[pl.DataFrame]:
    """Return the segments of rows that come in batches of these lengths."""
    starts = [0, *np.cumsum(lengths).tolist()]
    batches = [frame.slice(start, length) for start, length in zip(starts, [*lengths, frame.height], strict=True)]
    return list(Cutter(frame.schema).segments(batches))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, ROWS // 2), max_size=8))
def test_where_segments_end_does_not_depend_on_how_rows_come(lengths: list[int]) -> None:
    whole = cut(table())
    assert len(whole) > 10
    pieces = cut(table(), *lengths)
    assert [piece.height for piece in pieces] == [segment.height for segment in whole]
    assert pl.concat(pieces).equals(table())


def test_the_same_rows_give_the_same_files_however_they_come(scratch: Scratch, tmp_path: Path) -> None:
    frame = table()
    frame.write_parquet(tmp_path / "many.parquet", row_group_size=37)
    frame.write_parquet(tmp_path / "one.parquet", row_group_size=ROWS)
    frame.with_columns(pl.col("list").cast(pl.List(pl.Int64))).write_ipc(tmp_path / "rows.arrow")
    digests = {
        tuple(digest_file(segment.path) for segment in write_segments(rows, scratch))
        for rows in (
            frame.lazy(),
            pl.scan_parquet(tmp_path / "many.parquet"),
            pl.scan_parquet(tmp_path / "one.parquet"),
            pl.scan_ipc(tmp_path / "rows.arrow"),
            frame.lazy().filter(pl.col("id") >= 0),
        )
    }
    assert len(digests) == 1


@pytest.mark.parametrize("place", [0, 10, ROWS // 2, ROWS - 1])
@pytest.mark.parametrize("change", ["insert", "remove", "change"])
def test_a_changed_row_changes_the_segments_around_it(scratch: Scratch, place: int, change: str) -> None:
    frame = table()
    row = frame[place].with_columns(id=pl.lit(-1, pl.Int64))
    rest = frame[place if change == "insert" else place + 1 :]
    changed = pl.concat([frame[:place], rest] if change == "remove" else [frame[:place], row, rest])
    before, after = (
        [digest_file(segment.path) for segment in write_segments(rows.lazy(), scratch)] for rows in (frame, changed)
    )
    assert len(before) > 10
    assert len(set(after) - set(before)) <= 3


def test_segments_are_alike_in_bytes_whatever_the_rows() -> None:
    for frame in (
        pl.DataFrame({"x": range(100_000)}),
        pl.DataFrame({f"x{i}": range(i, 4000 + i) for i in range(50)}),
        pl.DataFrame({"text": [f"{i:06}" * 300 for i in range(600)]}),
    ):
        sizes = [segment.estimated_size() for segment in cut(frame)]
        mean = (1 << 14) if frame.width < 3 else frame.width * 8 * 1024
        assert max(sizes) <= 5 * mean
        assert min(sizes[:-1], default=mean) >= mean / 5
        assert sum(sizes) / len(sizes) == pytest.approx(mean, rel=0.7)


def test_equal_rows_are_cut_too_and_no_rows_are_one_segment() -> None:
    assert 3 < len(cut(pl.DataFrame({"x": [1] * 50_000}))) < 120
    assert [segment.height for segment in cut(pl.DataFrame({"x": []}, schema={"x": pl.Int64}))] == [0]


def test_what_a_failed_try_wrote_is_removed(scratch: Scratch, tmp_path: Path, objects: ObjectStore) -> None:
    lines = "".join(f"{i},{i * 7}\n" for i in range(100_000))
    (tmp_path / "t.csv").write_text(f"a,b\n{lines}1,x\n")
    with pytest.raises(pl.exceptions.PolarsError):
        write_segments(pl.scan_csv(tmp_path / "t.csv", schema={"a": pl.Int64, "b": pl.Int64}), scratch)
    assert list((objects.root / "incoming").rglob("*.parquet")) == []


def csv(rows: range, *more: str) -> str:
    return "id,x\n" + "".join(f"{line}\n" for line in [*more, *(f"{i},{i * 7919 % 1000}" for i in rows)])


def test_a_version_with_a_row_more_shares_the_segments_of_the_one_before(
    ingest: Ingest, data: DataService, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ingest(csv(range(ROWS)), key=["id"])
    second = ingest(csv(range(ROWS), "-1,5"), key=["id"])
    old, new = ({segment.digest for segment in version.parts[0].segments} for version in (first, second))
    assert len(old) > 10
    assert len(new - old) <= 2
    assert data.read(OWNER, "table")["id"].to_list() == [-1, *range(ROWS)]
    read: set[str] = set()

    def watched(digest: Digest) -> Path:
        read.add(digest)
        return objects.path(digest)

    monkeypatch.setattr(objects, "verify", watched)
    place = DataService(data.place.ledger, objects).place
    diff = compare(place, place.find("table@1"), place.find("table@2"), samples=10)
    assert diff.rows is not None
    assert (diff.rows.added, diff.rows.removed, diff.rows.changed, diff.rows.unchanged) == (1, 0, 0, ROWS)
    assert diff.shared_segments == len(old & new)
    assert read == old ^ new


def test_a_profile_made_while_rows_are_written_is_that_of_the_rows(data: DataService, project: Path) -> None:
    rng = np.random.default_rng(3)
    rows = 300_000
    frame = pl.DataFrame({"id": range(rows), "word": rng.choice(["a", "b", "c"], rows), "x": rng.normal(size=rows)})
    frame.with_columns(pl.when(pl.col("id") % 7 > 0).then("x").alias("x")).write_csv(project / "t.csv")
    version = data.ingest(OWNER, "t", "t.csv")
    assert len(version.parts[0].segments) > 1
    batches = (data.read(OWNER, "t").slice(at, held) for at, held in _places(version))
    assert data.profile(OWNER, "t") == profile_batches(batches)


def _places(version: DatasetVersion) -> Iterator[tuple[int, int]]:
    at = 0
    for segment in version.parts[0].segments:
        yield at, segment.rows
        at += segment.rows


def test_words_for_missing_values_that_the_sample_lacked_are_found(data: DataService, project: Path) -> None:
    words = ["up", "down"] * 100_000
    words[150_001] = "NA"
    few, many = project / "few.csv", project / "many.csv"
    for path, others in ((few, ["x"] * len(words)), (many, [f"x{at}" for at in range(len(words))])):
        pl.DataFrame({"word": words, "other": others}).write_csv(path)
        data.ingest(OWNER, "t", path.name)
        assert data.read(OWNER, "t")["word"].null_count() == 1
