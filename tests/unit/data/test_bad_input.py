"""Each bad input gives a clear error with its place, and leaves nothing."""

import gzip
import json
import os
import random
import socket
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.unit.data.sources.crafted import Table

from tidemill.core.access import OWNER, Actor, Role
from tidemill.core.errors import TidemillError
from tidemill.core.names import InvalidName, InvalidText
from tidemill.data import errors, segments
from tidemill.data.disk import Scratch
from tidemill.data.records import DatasetVersion
from tidemill.data.service import DataService
from tidemill.data.sources import dialect, json_text, rows

Ingest = Callable[..., DatasetVersion]


def refused(ingest: Ingest, kind: type[TidemillError], content: str | bytes, **options: object) -> Any:
    with pytest.raises(kind) as caught:
        ingest(content, **options)
    assert caught.value.code == kind.code
    assert caught.value.hint
    return caught.value


@pytest.fixture(autouse=True)
def _nothing_half_visible(nothing_kept: Callable[[], None], request: pytest.FixtureRequest):
    yield
    if "accepted" not in request.node.name:
        nothing_kept()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"  \r\n"])
def test_an_empty_file_is_refused(ingest: Ingest, content: bytes) -> None:
    refused(ingest, errors.EmptySource, content)


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "\ufeffa,b\r\n", "a,b\n\n"])
def test_a_header_without_rows_is_refused(ingest: Ingest, content: str) -> None:
    refused(ingest, errors.EmptySource, content)


def test_a_long_header_without_rows_is_refused(ingest: Ingest) -> None:
    refused(ingest, errors.EmptySource, ",".join(f"column_{i:06}" for i in range(30_000)) + "\n")


def test_another_delimiter_is_named(ingest: Ingest) -> None:
    error = refused(ingest, errors.WrongDelimiter, "a;b\n1;2\n3;4\n", delimiter=",")
    assert "';'" in error.hint
    error = refused(ingest, errors.WrongDelimiter, "a^b\n1^2\n3^4\n")
    assert "'^'" in error.hint


@pytest.mark.parametrize("delimiter", ["", ",,", "é", '"', "\n"])
def test_a_delimiter_is_one_character(ingest: Ingest, delimiter: str) -> None:
    refused(ingest, errors.InvalidOption, "a,b\n1,2\n", delimiter=delimiter)


def test_a_column_of_numbers_with_a_word_names_row_and_column(ingest: Ingest) -> None:
    content = "id,distance\n" + "".join(f"{i},{i * 10}\n" for i in range(6)) + "6,abc\n7,70\n"
    error = refused(ingest, errors.MixedTypes, content)
    assert error.details == {"column": "distance", "row": 7, "value": "abc", "type": "int64"}
    assert "row 7" in error.message
    assert "'distance'" in error.message


def test_a_word_far_below_is_found_too(ingest: Ingest) -> None:
    content = "id,x\n" + "".join(f"{i},{i}.5\n" for i in range(60_000)) + "60000,late\n"
    assert refused(ingest, errors.MixedTypes, content).details["row"] == 60_001


def test_a_number_that_no_float_holds_is_refused(ingest: Ingest) -> None:
    for word in ("1e999", "Infinity", "-inf"):
        error = refused(ingest, errors.BadRows, f"a,b\n1.5,x\n{word},y\n2.5,z\n")
        assert error.details["rows"][0]["rule"] == "finite"
        assert error.details["rows"][0]["row"] == 2


def test_bytes_that_are_not_utf8_are_refused_with_their_line(ingest: Ingest) -> None:
    assert "line 3" in refused(ingest, errors.WrongEncoding, b"a,b\n1,x\n2,\xe9t\xe9\n").message
    far = b"a,b\n" + b"1,x\n" * 300_000 + b"2,\xe9t\xe9\n"
    assert refused(ingest, errors.WrongEncoding, far).details["line"] == 300_002


def test_a_lone_surrogate_in_the_file_is_refused(ingest: Ingest) -> None:
    refused(ingest, errors.WrongEncoding, "a,b\n1,\ud800\n".encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "../up", "a/b", ".hidden", "x" * 129, "a\nb", "naïve"])
def test_names_that_could_be_paths_or_break_a_line_are_refused(ingest: Ingest, name: str) -> None:
    refused(ingest, InvalidName, "a\n1\n", name=name)


@pytest.mark.parametrize("header", ["a,b\0c", "a,b\u202ec", "a,\x07"])
def test_control_characters_in_the_header_are_refused(ingest: Ingest, header: str) -> None:
    refused(ingest, errors.InvalidColumns, f"{header}\n1,2\n")


def test_columns_of_one_name_are_refused(ingest: Ingest) -> None:
    assert "Columns 1 and 3" in refused(ingest, errors.InvalidColumns, "a,b,a\n1,2,3\n").message


def test_reserved_names_of_columns_are_refused(ingest: Ingest) -> None:
    refused(ingest, errors.InvalidColumns, "a,_rule\n1,2\n")


def test_a_first_line_of_numbers_is_no_header(ingest: Ingest) -> None:
    refused(ingest, errors.InvalidColumns, "1,2\n3,4\n")


@pytest.mark.parametrize(("row", "found"), [("2", "has 1 fields"), ("2,3,4", "has 3 fields"), ("", "is an empty line")])
def test_ragged_rows_are_refused_with_their_line(ingest: Ingest, row: str, found: str) -> None:
    error = refused(ingest, errors.MalformedTable, f'a,b\n"1",x\n5,"y,z"\n{row}\n7,8\n')
    assert found in error.message
    assert (error.details["row"], error.details["line"]) == (3, 4)


@pytest.mark.parametrize("tail", ["600000", "600000,2,3"])
def test_a_ragged_row_far_below_is_found(ingest: Ingest, tail: str) -> None:
    content = "a,b\n" + "".join(f"{i},\n" for i in range(100_000)) + tail + "\n"
    assert refused(ingest, errors.MalformedTable, content).details["row"] == 100_001


def test_a_quote_that_is_never_closed_is_refused(ingest: Ingest) -> None:
    refused(ingest, errors.MalformedTable, 'a,b\n1,"x\n2,y\n3,z\n')
    refused(ingest, errors.MalformedTable, "a,b\n" + "1,x\n" * 100_000 + '2,"y\n3,z\n')


def test_lines_that_end_in_cr_alone_are_refused(ingest: Ingest) -> None:
    refused(ingest, errors.MalformedTable, "a,b\r1,2\r3,4\r")


def parquet(folder: Path, frame: pl.DataFrame) -> bytes:
    path = folder / "made.parquet"
    frame.write_parquet(path)
    return path.read_bytes()


@pytest.mark.parametrize("keep", [5, 100, -8, -1])
def test_truncated_parquet_is_refused(ingest: Ingest, tmp_path: Path, keep: int) -> None:
    content = parquet(tmp_path, pl.DataFrame({"a": range(10_000)}))
    refused(ingest, errors.MalformedTable, content[:keep], file="t.parquet")


def test_parquet_with_broken_pages_is_refused(ingest: Ingest, tmp_path: Path) -> None:
    content = bytearray(parquet(tmp_path, pl.DataFrame({"a": [str(i * 7919) for i in range(50_000)]})))
    content[4:24] = b"\xff" * 20
    refused(ingest, errors.MalformedTable, bytes(content), file="t.parquet")


def test_parquet_without_rows_is_refused(ingest: Ingest, tmp_path: Path) -> None:
    refused(ingest, errors.EmptySource, parquet(tmp_path, pl.DataFrame({"a": []})), file="t.parquet")


def test_parquet_with_a_nul_in_a_name_is_refused(ingest: Ingest, tmp_path: Path) -> None:
    refused(ingest, errors.InvalidColumns, parquet(tmp_path, pl.DataFrame({"a\0": [1]})), file="t.parquet")


def test_infinity_in_parquet_is_refused(ingest: Ingest, tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1.0, float("nan"), float("inf")]})
    assert refused(ingest, errors.BadRows, parquet(tmp_path, frame), file="t.parquet").details["rows"][0]["row"] == 3


def test_truncated_and_broken_gzip_is_refused(ingest: Ingest) -> None:
    packed = gzip.compress(os.urandom(100_000).hex().encode() + b"\n1\n")
    refused(ingest, errors.MalformedTable, packed[: len(packed) // 2], file="t.csv.gz")
    refused(ingest, errors.MalformedTable, packed[:-8] + struct.pack("<II", 0, 0), file="t.csv.gz")
    refused(ingest, errors.MalformedTable, b"\x1f\x8bnonsense", file="t.csv.gz")


def test_truncated_zstd_is_refused(ingest: Ingest) -> None:
    zstd = pytest.importorskip("backports.zstd")
    packed = zstd.compress(os.urandom(50_000).hex().encode())
    refused(ingest, errors.MalformedTable, packed[:-100], file="t.csv.zst")


def test_a_bomb_is_refused_before_it_fills_the_disk(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidemill.data.sources.unpack._FREE_BYTES", 1 << 20)
    refused(ingest, errors.SourceTooLarge, gzip.compress(b"a\n" + b"1\n" * (4 << 20)), file="t.csv.gz")


def test_a_zip_must_hold_one_table(ingest: Ingest, tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.csv", "a\n1\n")
        archive.writestr("two.csv", "a\n1\n")
    refused(ingest, errors.UnsupportedSource, path.read_bytes(), file="t.zip")
    refused(ingest, errors.MalformedTable, path.read_bytes()[:-30], file="t.zip")


def test_names_in_a_zip_lead_nowhere_accepted(ingest: Ingest, data: DataService, tmp_path: Path) -> None:
    path = tmp_path / "slip.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../../evil.csv", "a\n1\n")
        archive.writestr(".", "no name")
        archive.writestr("/etc/other.txt/", "")
    before = sorted(tmp_path.rglob("evil*"))
    assert ingest(path.read_bytes(), file="t.zip", name="accepted").rows == 1
    assert sorted(tmp_path.rglob("evil*")) == before == []


def test_a_zip_that_is_packed_in_a_strange_way_is_refused(ingest: Ingest, tmp_path: Path) -> None:
    path = tmp_path / "strange.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.csv", "a\n1\n")
    raw = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = raw.index(mark) + place
        raw[at : at + 2] = (9).to_bytes(2, "little")
    refused(ingest, errors.UnsupportedSource, bytes(raw), file="t.zip")


@pytest.mark.parametrize(
    "source", ["../secret.csv", "folder/../../secret.csv", "/etc/passwd", "link.csv", "up/secret.csv"]
)
def test_sources_outside_the_project_are_refused(data: DataService, project: Path, source: str) -> None:
    (project.parent / "secret.csv").write_text("a\n1\n")
    (project / "folder").mkdir()
    (project / "link.csv").symlink_to(project.parent / "secret.csv")
    (project / "up").symlink_to(project.parent)
    with pytest.raises(errors.SourceRefused) as caught:
        data.ingest(Actor("guest", Role.EDITOR), "table", source)
    assert caught.value.hint


@pytest.mark.parametrize("pattern", ["../*.csv", "*.csv", "up/*.csv"])
def test_patterns_do_not_leave_the_project(data: DataService, project: Path, pattern: str) -> None:
    (project.parent / "secret.csv").write_text("a\n1\n")
    (project / "link.csv").symlink_to(project.parent / "secret.csv")
    (project / "up").symlink_to(project.parent)
    with pytest.raises(errors.SourceRefused):
        data.ingest(OWNER, "table", pattern)


def test_a_folder_with_a_link_out_of_it_is_refused(data: DataService, project: Path) -> None:
    (project / "folder").mkdir()
    (project / "folder" / "link").symlink_to("/etc/passwd")
    with pytest.raises(TidemillError) as caught:
        data.ingest(OWNER, "tree", "folder")
    assert caught.value.code == "unsafe_path"


def test_devices_pipes_and_sockets_are_refused(data: DataService, project: Path) -> None:
    os.mkfifo(project / "pipe.csv")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(project / "socket.csv"))
    for source in ("/dev/zero", "pipe.csv", "socket.csv"):
        with pytest.raises(errors.SourceRefused):
            data.ingest(OWNER, "table", source)
    listener.close()


def test_a_loop_of_links_is_refused(data: DataService, project: Path) -> None:
    (project / "a.csv").symlink_to(project / "b.csv")
    (project / "b.csv").symlink_to(project / "a.csv")
    with pytest.raises(errors.SourceRefused):
        data.ingest(OWNER, "table", "a.csv")


@pytest.mark.parametrize("source", ["nothing.csv", "nothing-*.csv", ""])
def test_a_source_that_is_not_there_is_told(data: DataService, source: str) -> None:
    with pytest.raises(errors.SourceNotFound):
        data.ingest(OWNER, "table", source)


@pytest.mark.parametrize("source", ["a\0b.csv", "a\nb.csv", "\ud800.csv", "x" * 5000])
def test_paths_that_are_no_paths_are_refused(data: DataService, source: str) -> None:
    with pytest.raises((InvalidText, errors.SourceRefused)):
        data.ingest(OWNER, "table", source)


def test_an_unknown_column_is_told_with_the_nearest(ingest: Ingest) -> None:
    for options in ({"key": ["distanc"]}, {"time": "distanc"}, {"types": {"distanc": "text"}}):
        assert "'distance'" in refused(ingest, errors.UnknownColumn, "id,distance\n1,2\n", **options).hint


def test_unknown_options_are_told(ingest: Ingest) -> None:
    refused(ingest, errors.InvalidOption, "a\n1\n", on_bad_rows="drop")
    refused(ingest, errors.InvalidOption, "a\n1\n", types={"a": "number"})
    refused(ingest, errors.InvalidOption, "a\n1\n", key=["a", "a"])


def test_a_file_that_changes_while_it_is_read_is_refused(
    data: DataService, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "table.csv"
    path.write_text("a,b\n1,2\n")
    real = segments.write_segments

    def touched(frame: pl.LazyFrame, scratch: Scratch, *others: Any) -> list[segments.Unstored]:
        written = real(frame, scratch, *others)
        path.write_text("a,b\n1,2\n3,4\n")
        return written

    monkeypatch.setattr(rows, "write_segments", touched)
    with pytest.raises(errors.SourceChanged):
        data.ingest(OWNER, "table", "table.csv")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_that_is_cut_while_it_is_read_is_refused_as_changed(
    data: DataService, project: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = project / f"table.{kind}"
    frame = pl.DataFrame({"a": range(400_000), "b": [f"{i:020}" for i in range(400_000)]})
    if kind == "csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path, compression="uncompressed", row_group_size=20_000)
    real = segments.Cutter.segments

    def cut(cutter: segments.Cutter, batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        def cut_after_the_first() -> Iterator[pl.DataFrame]:
            for batch in batches:
                os.truncate(path, 5000)
                yield batch

        return real(cutter, cut_after_the_first())

    monkeypatch.setattr(segments.Cutter, "segments", cut)
    with pytest.raises(errors.SourceChanged):
        data.ingest(OWNER, "table", path.name)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_line_ends_of_both_kinds_in_one_file_are_accepted(ingest: Ingest, data: DataService, ends: bytes) -> None:
    lines = [b"%d,x%d%s" % (i, i, b"\r\n" if i % 3 else ends) for i in range(30_000)]
    ingest(b"a,b" + ends + b"".join(lines), name="accepted")
    assert data.read(OWNER, "accepted").row(29_999) == (29_999, "x29999")


def test_a_mark_between_two_files_that_were_joined_is_no_number(ingest: Ingest) -> None:
    rows = "".join(f"{i},2\n" for i in range(9))
    error = refused(ingest, errors.MixedTypes, f"a,b\n{rows}\ufeff7,4\n")
    assert error.details["row"] == 10


def test_a_cell_of_many_megabytes_is_accepted(ingest: Ingest, data: DataService) -> None:
    cell = "y" * (20 << 20)
    version = ingest(f'a,b\n1,x\n2,"{cell}"\n3,z\n', name="accepted")
    assert (version.rows, data.read(OWNER, "accepted")["b"].str.len_bytes().max()) == (3, 20 << 20)


@pytest.mark.parametrize("seed", range(6))
def test_parquet_that_lies_about_itself_is_refused_or_accepted_whole(
    ingest: Ingest, data: DataService, tmp_path: Path, seed: int
) -> None:
    luck, hints = random.Random(seed), []
    content = parquet(tmp_path, pl.DataFrame({"a": range(3000), "b": [f"x{i % 50}" for i in range(3000)]}))
    for _ in range(20):
        lying = bytearray(content)
        for _ in range(luck.randint(1, 5)):
            footer = luck.random() < 0.7  # where it says how many rows, columns and bytes there are
            lying[luck.randrange(len(lying) - 700 if footer else 4, len(lying) - 8)] = luck.randrange(256)
        try:
            version = ingest(bytes(lying), file="t.parquet", name="accepted")
        except TidemillError as error:
            hints.append(error.hint)
        else:
            assert data.read(OWNER, version.ref).height == version.rows
    assert all(hints)


def test_files_with_unlike_columns_are_refused(data: DataService, write: Callable[[str, str], str]) -> None:
    write("m-1.csv", "a,b\n1,2\n")
    write("m-2.csv", "a,bb\n1,2\n")
    with pytest.raises(errors.SchemaMismatch) as caught:
        data.ingest(OWNER, "table", "m-*.csv")
    assert "'b'" in caught.value.message or "'bb'" in caught.value.message


def test_parquet_that_claims_gigabytes_is_refused(ingest: Ingest) -> None:
    refused(ingest, errors.SourceTooLarge, bytes(Table(1_000_000_000)), file="t.parquet")
    refused(ingest, errors.MalformedTable, bytes(Table(9, claims={"words": 2**31 - 1})), file="t.parquet")


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "json", "arrow"])
def test_more_columns_than_a_table_has_are_refused(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(dialect, "MOST_COLUMNS", 20)
    monkeypatch.setattr(json_text, "MOST_COLUMNS", 20)
    frame = pl.DataFrame({f"c{i}": [i] for i in range(21)})
    path = tmp_path / "made"
    if kind == "json":
        path.write_text(json.dumps(frame.to_dicts()))
    else:
        write: dict[str, Callable[[Path], object]] = {
            "csv": frame.write_csv,
            "parquet": frame.write_parquet,
            "jsonl": frame.write_ndjson,
            "arrow": frame.write_ipc,
        }
        write[kind](path)
    error = refused(ingest, errors.InvalidColumns, path.read_bytes(), file=f"t.{kind}")
    assert "21" in error.message


def test_a_hundred_thousand_columns_are_refused_at_once(ingest: Ingest) -> None:
    header = ",".join(f"c{i}" for i in range(100_000))
    error = refused(ingest, errors.InvalidColumns, f"{header}\n{'1,' * 99_999}1\n")
    assert "50000 columns at most" in error.message


def test_rows_of_json_that_each_bring_a_column_are_refused(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "MOST_COLUMNS", 100)
    refused(ingest, errors.InvalidColumns, "".join(f'{{"c{i}": 1}}\n' for i in range(200)), file="t.jsonl")


def test_ten_thousand_columns_are_accepted(ingest: Ingest, data: DataService) -> None:
    header = ",".join(f"c{i}" for i in range(10_000))
    rows = "\n".join(",".join(str(i * j % 97) for i in range(10_000)) for j in range(5))
    version = ingest(f"{header}\n{rows}\n", name="accepted")
    assert (version.rows, len(version.columns)) == (5, 10_000)
    assert len(data.profile(OWNER, "accepted").columns) == 10_000


def test_a_file_that_is_not_what_its_name_says_is_told_so(ingest: Ingest) -> None:
    for content in (b"\x93\xcc\xff\x01" * 50, b"a\0b", b"not a table\n"):
        told = refused(ingest, errors.MalformedTable, content, file="t.parquet")
        assert "does not begin as a file of Parquet does" in str(told)


def test_text_under_another_name_is_accepted(ingest: Ingest) -> None:
    assert ingest("a,é\n1,2\n", file="text.parquet").rows == 1
