"""Every kind of file gives the same table, and every broken one an error with its place."""

import bz2
import datetime as dt
import gzip
import io
import json
import lzma
import os
import pickle
import sqlite3
import tarfile
import zipfile
from decimal import Decimal

import fastavro
import polars as pl
import pyarrow as pa
import pytest
import xlsxwriter

from tidemill.core.access import OWNER
from tidemill.core.errors import InvalidInput
from tidemill.data import errors

TABLE = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "name": ["Zürich", 'Ærø, "x"', None],
        "delay": [1.5, None, -2.0],
        "late": [True, False, True],
        "day": [dt.date(2013, 1, 1), dt.date(2013, 1, 2), None],
    }
)
WORDS = {"id": "int64", "name": "text", "delay": "float64", "late": "bool", "day": "date"}


def as_csv(table=TABLE):
    return table.write_csv().encode()


def as_jsonl(table=TABLE):
    return table.with_columns(pl.col("day").cast(pl.String)).write_ndjson().encode()


def as_array(table=TABLE):
    rows = [json.loads(line) for line in as_jsonl(table).splitlines()]
    return json.dumps(rows, indent=2, ensure_ascii=False).encode()


def as_bytes(write):
    target = io.BytesIO()
    write(target)
    return target.getvalue()


def as_arrow_stream():
    table = TABLE.to_arrow()
    return as_bytes(lambda target: pa.ipc.new_stream(target, table.schema).write_table(table))


AVRO_SCHEMA = {
    "type": "record",
    "name": "Flight",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": ["null", "string"]},
        {"name": "delay", "type": ["null", "double"]},
        {"name": "late", "type": "boolean"},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
    ],
}


def as_avro(codec="deflate"):
    return as_bytes(lambda target: fastavro.writer(target, AVRO_SCHEMA, TABLE.to_dicts(), codec=codec))


def as_xz():
    content = as_csv()
    return lzma.compress(content[:20]) + lzma.compress(content[20:])


def as_zip():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("rows.jsonl", as_jsonl())
    return target.getvalue()


FILES = {
    "plain.csv": as_csv,
    "semicolon.csv": lambda: TABLE.write_csv(separator=";").encode(),
    "tab.tsv": lambda: TABLE.write_csv(separator="\t").encode(),
    "crlf.csv": lambda: TABLE.write_csv(line_terminator="\r\n").encode(),
    "mark.csv": lambda: b"\xef\xbb\xbf" + as_csv(),
    "utf16.csv": lambda: TABLE.write_csv().encode("utf-16"),
    "utf16le.csv": lambda: TABLE.write_csv().encode("utf-16-le"),
    "utf16be.csv": lambda: TABLE.write_csv().encode("utf-16-be"),
    "utf32.csv": lambda: TABLE.write_csv().encode("utf-32"),
    "packed.csv.gz": lambda: gzip.compress(as_csv()),
    "packed.csv.bz2": lambda: bz2.compress(as_csv()),
    "packed.csv.xz": as_xz,
    "rows.jsonl": as_jsonl,
    "rows.ndjson": lambda: as_jsonl().replace(b"\n", b"\r\n\r\n"),
    "rows16.json": lambda: as_jsonl().decode().encode("utf-16"),
    "array.json": as_array,
    "after-another.json": lambda: as_array().strip(b"[]").replace(b"},", b"}"),
    "marked.json": lambda: b"\xef\xbb\xbf" + as_array(),
    "rows.jsonl.gz": lambda: gzip.compress(as_jsonl()),
    "rows.zip": as_zip,
    "table.parquet": lambda: as_bytes(TABLE.write_parquet),
    "table.parquet.gz": lambda: gzip.compress(as_bytes(TABLE.write_parquet)),
    "table.feather": lambda: as_bytes(lambda target: TABLE.write_ipc(target, compression="zstd")),
    "table.arrow": lambda: as_bytes(TABLE.write_ipc),
    "table.arrows": as_arrow_stream,
    "table.avro": as_avro,
    "plain.avro": lambda: as_avro("null"),
}


@pytest.mark.parametrize("file", FILES)
def test_every_kind_of_file_gives_the_same_table(ingest, data, file):
    made = ingest(FILES[file](), file=file)

    assert {column.name: column.type for column in made.columns} == WORDS
    assert data.read(OWNER, "table").to_dicts() == TABLE.to_dicts()


def test_the_name_of_a_file_does_not_matter(ingest, data):
    ingest(as_array(), file="odd [1]*.csv")

    assert data.read(OWNER, "table").height == 3


def test_an_encoding_can_be_named(ingest, data, nothing_kept):
    content = "city;n\nMünchen;1\nKöln;2\n".encode("cp1252")
    with pytest.raises(errors.WrongEncoding) as caught:
        ingest(content)

    assert "--encoding cp1252" in caught.value.hint
    nothing_kept()
    ingest(content, encoding="Windows-1252")
    assert data.read(OWNER, "table")["city"].to_list() == ["München", "Köln"]
    ingest('{"city": "Zürich"}\n'.encode("latin-1"), name="json", encoding="latin-1")
    assert data.read(OWNER, "json")["city"].to_list() == ["Zürich"]
    ingest("a,b\n1,表\n".encode("shift_jis"), name="japan", encoding="shift_jis")
    assert data.read(OWNER, "japan")["b"].to_list() == ["表"]


def test_a_wrong_encoding_is_told_with_its_line(ingest):
    with pytest.raises(errors.WrongEncoding, match="near line"):
        ingest(b"a,b\n1,\x81\n", encoding="cp1252")
    with pytest.raises(errors.WrongEncoding):
        ingest("a,b\n1,2\n".encode("utf-16")[:-1])
    with pytest.raises(errors.InvalidOption, match="klingon"):
        ingest("a\n1\n", encoding="klingon")
    with pytest.raises(errors.InvalidOption):
        ingest("a\n1\n", encoding="rot13")


# ------------------------------------------------------------------------------------------- JSON


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_types_of_json_hold_for_every_row(ingest, data):
    rows = [{"n": index, "half": index, "word": str(index)} for index in range(5000)]
    rows.append({"n": 5000, "half": 0.5, "word": "5000", "late": {"deep": [1, "ü"]}})
    made = ingest(lines(*rows))

    assert {c.name: c.type for c in made.columns} == {"n": "int64", "half": "float64", "word": "text", "late": "text"}
    assert data.read(OWNER, "table").row(-1) == (5000, 0.5, "5000", '{"deep": [1, "ü"]}')
    assert data.read(OWNER, "table")["late"].null_count() == 5000


def test_moments_in_json_are_moments(ingest, data):
    ingest(lines({"at": "2013-01-01T10:00:00Z", "zip": "01234"}, {"at": "2013-01-01T11:00:00.5Z", "zip": "98765"}))

    assert data.read(OWNER, "table").to_dicts()[1] == {
        "at": dt.datetime(2013, 1, 1, 11, 0, 0, 500_000, tzinfo=dt.UTC),
        "zip": "98765",
    }


def test_a_type_can_be_ordered_for_json(ingest, data):
    ingest(lines({"a": 1, "b": "2"}, {"a": 2, "b": "3"}), types={"a": "text", "b": "int"})

    assert data.read(OWNER, "table").rows() == [("1", 2), ("2", 3)]
    with pytest.raises(errors.UnknownColumn):
        ingest(lines({"a": 1}), types={"z": "int"})


def test_a_mixed_column_of_json_is_refused_with_its_row_or_put_aside(ingest, data):
    content = lines(*({"n": index} for index in range(9)), {"n": "nine"})
    with pytest.raises(errors.MixedTypes, match="row 10 has 'nine'"):
        ingest(content)
    made = ingest(content, on_bad_rows="quarantine")

    assert (made.rows, made.quarantined) == (9, 1)
    assert data.scan_quarantine(OWNER, "table").collect()["n"].to_list() == ["nine"]


def test_what_python_writes_for_no_number_is_missing(ingest, data):
    ingest('{"a": NaN, "b": 1}\n{"a": 1.5, "b": Infinity}\n{"a": 123456789012345678901234567890, "b": 2}\n')

    assert data.read(OWNER, "table").rows() == [(None, 1), (1.5, None), (1.2345678901234568e29, 2)]


def test_a_long_array_is_read_piece_by_piece(ingest, data):
    rows = [{"n": index, "text": "ü" * (index % 50)} for index in range(60_000)]
    ingest(json.dumps(rows, indent=1, ensure_ascii=False))

    assert data.read(OWNER, "table").to_dicts() == rows


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ('{"a": 1}\n{"a": 2', errors.MalformedTable, "line 2"),
        ('{"a": 1}\n{"a": \n', errors.MalformedTable, "line 3"),
        ('[{"a": 1},\n {"a": 2}', errors.MalformedTable, "not closed"),
        ('[{"a": 1}] {"a": 2}', errors.MalformedTable, "follows the end"),
        ('{"a": 1}\n[1, 2]\n', errors.UnsupportedSource, "where a row should be"),
        ('{"a": 1}\n7\n', errors.UnsupportedSource, "7"),
        ('[{"a": 1}, null]', errors.UnsupportedSource, "null"),
        ("[]", errors.EmptySource, "no rows"),
        ("{}\n{}\n", errors.EmptySource, "no rows"),
        ('{"a": "\n"}', errors.MalformedTable, "line 1"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}\n", errors.MalformedTable, "nested"),
        ('{"a": "\\ud800"}\n', errors.MalformedTable, "surrogate"),
        ('{"": 1}\n', errors.InvalidColumns, "Column 1"),
        ('{"_rule": 1}\n', errors.InvalidColumns, "_rule"),
        (b'{"a": "\xe9"}\n', errors.WrongEncoding, "line 1"),
        (b'{"a": "x"}\n{"a": "\xff\xfe', errors.WrongEncoding, "line 2"),
    ],
)
def test_broken_json_is_refused_with_its_place(ingest, nothing_kept, content, error, words):
    with pytest.raises(error, match=words):
        ingest(content)
    nothing_kept()


def test_an_endless_object_is_refused(ingest, monkeypatch):
    monkeypatch.setattr("tidemill.data.sources.json_text.LONGEST", 1 << 20)
    with pytest.raises(errors.MalformedTable, match="longer than"):
        ingest('{"a": "' + "x" * (5 << 20))


# ------------------------------------------------------------------------------------------- workbooks


@pytest.fixture
def workbook():
    """Write a real workbook with the given sheets."""
    """Write a real workbook with the given sheets."""

    def write(**sheets):
        target = io.BytesIO()
        with xlsxwriter.Workbook(target, {"in_memory": True, "remove_timezone": True}) as book:
            day = book.add_format({"num_format": "yyyy-mm-dd"})
            for title, rows in sheets.items():
                sheet = book.add_worksheet(title)
                for y, row in enumerate(rows):
                    for x, cell in enumerate(row):
                        if isinstance(cell, dt.date):
                            sheet.write_datetime(y, x, cell, day)
                        else:
                            sheet.write(y, x, cell)
        return target.getvalue()

    return write


def rows_of(table=TABLE):
    return [table.columns, *table.rows()]


def test_a_workbook_with_one_sheet_is_a_table(ingest, data, workbook):
    made = ingest(workbook(Flights=rows_of()), file="book.xlsx")

    assert {column.name: column.type for column in made.columns} == WORDS
    assert data.read(OWNER, "table").to_dicts() == TABLE.to_dicts()


def test_a_sheet_is_chosen_by_name_or_number(ingest, data, workbook):
    book = workbook(First=[["a"], [1]], Second=[["b"], [2]])
    for sheet in ("Second", "2"):
        ingest(book, file="book.xlsx", sheet=sheet)
        assert data.read(OWNER, "table").to_dicts() == [{"b": 2}]
    with pytest.raises(errors.InvalidOption, match="'First', 'Second'"):
        ingest(book, file="book.xlsx")
    for sheet in ("Third", "3", "0"):
        with pytest.raises(errors.InvalidOption, match="has no sheet"):
            ingest(book, file="book.xlsx", sheet=sheet)


def test_texts_of_digits_in_a_workbook_stay_texts(ingest, data, workbook):
    ingest(workbook(S=[["zip", "n"], ["01234", 1], ["98765", 2]]), file="book.xlsx")

    assert data.read(OWNER, "table").rows() == [("01234", 1), ("98765", 2)]


def test_a_mixed_column_of_a_workbook_is_refused_or_put_aside(ingest, workbook):
    book = workbook(S=[["n"], *([index] for index in range(9)), ["none"]])
    with pytest.raises(errors.MixedTypes, match="row 10 has 'none'"):
        ingest(book, file="book.xlsx")

    assert ingest(book, file="book.xlsx", on_bad_rows="quarantine").quarantined == 1


def test_broken_workbooks_are_refused(ingest, workbook, nothing_kept):
    book = workbook(S=[["a"], [1]])
    with pytest.raises(errors.EmptySource):
        ingest(workbook(S=[["a"]]), file="book.xlsx")
    for broken in (book[:-30], book[:300], b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + os.urandom(4096)):
        with pytest.raises((errors.MalformedTable, errors.UnsupportedSource)):
            ingest(broken, file="book.xlsx")
    with pytest.raises(errors.InvalidColumns):
        ingest(workbook(S=[["_rule"], [1]]), file="book.xlsx")
    nothing_kept()


def test_a_workbook_with_a_cell_at_the_far_end_is_refused_by_a_process_of_its_own(ingest, nothing_kept):
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet("S")
        sheet.write(0, 0, "a")
        sheet.write((1 << 20) - 1, (1 << 14) - 1, 1)
    with pytest.raises(errors.SourceTooLarge) as caught:
        ingest(target.getvalue(), file="book.xlsx")
    assert "far below" in caught.value.hint
    nothing_kept()


def test_a_bomb_in_a_workbook_is_refused(ingest, workbook, monkeypatch, nothing_kept):
    monkeypatch.setattr("tidemill.data.sources.excel_file._MOST_BYTES", 1 << 20)
    with pytest.raises(errors.SourceTooLarge):
        ingest(workbook(S=[["a"], *(["x" * 1000 + str(index)] for index in range(2000))]), file="book.xlsx")
    nothing_kept()


# ------------------------------------------------------------------------------------------- Avro and Arrow


def test_what_avro_nests_becomes_json_text(ingest, data):
    schema = {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "tags", "type": {"type": "array", "items": "string"}},
            {"name": "any", "type": ["null", "long", "string"]},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
            {"name": "kind", "type": {"type": "enum", "name": "K", "symbols": ["A", "B"]}},
        ],
    }
    moment = dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
    rows = [{"tags": ["ü"], "any": 1, "at": moment, "price": Decimal("1.25"), "kind": "B"}]
    ingest(as_bytes(lambda target: fastavro.writer(target, schema, rows)), file="r.avro")

    assert data.read(OWNER, "table").rows() == [('["ü"]', "1", moment, rows[0]["price"], "B")]


@pytest.mark.parametrize("file", ["table.avro", "plain.avro", "table.arrow", "table.arrows", "table.parquet"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_cut_file_is_refused(ingest, nothing_kept, file, share):
    content = FILES[file]()
    with pytest.raises((errors.MalformedTable, errors.EmptySource)):
        ingest(content[: int(len(content) * share)], file=file)
    nothing_kept()


@pytest.mark.parametrize("file", ["table.avro", "table.arrow", "table.arrows", "table.parquet", "rows.jsonl"])
def test_flipped_bits_end_in_a_table_or_in_an_error_of_the_family(ingest, file):
    content = FILES[file]()
    for place in range(4, len(content), max(1, len(content) // 10)):
        broken = content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]
        try:
            ingest(broken, file=file, name=f"t{place}")
        except InvalidInput:
            continue


@pytest.mark.parametrize("schema", ['"long"', '{"type": "array", "items": "int"}'])
def test_avro_without_records_is_refused(ingest, schema):
    content = as_bytes(lambda target: fastavro.writer(target, json.loads(schema), []))
    with pytest.raises(errors.UnsupportedSource, match="no records"):
        ingest(content, file="x.avro")


# ------------------------------------------------------------------------------------------- what is not read


def as_sqlite(tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as link:
        link.execute("CREATE TABLE t (a)")
    link.close()
    return (tmp_path / "x.db").read_bytes()


def as_tar(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(tmp_path / "a.csv")
    return (tmp_path / "x.tar").read_bytes()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (as_sqlite, "SQLite"),
        (as_tar, "tar archive"),
        (lambda path: gzip.compress(as_tar(path)), "tar archive"),
        (lambda _: pickle.dumps({"a": 1}), "pickle"),
        (lambda _: b"FEA1" + bytes(100), "first version"),
        (lambda _: b"%PDF-1.7 ...", "PDF"),
    ],
)
def test_what_is_known_and_not_read_is_named(ingest, tmp_path, nothing_kept, make, words):
    with pytest.raises(errors.UnsupportedSource, match=words):
        ingest(make(tmp_path))
    nothing_kept()


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, gzip.compress])
def test_packed_files_that_are_cut_or_bombs_are_refused(ingest, nothing_kept, monkeypatch, pack):
    packed = pack(as_csv() * 1000)
    with pytest.raises(errors.MalformedTable, match="truncated"):
        ingest(packed[: len(packed) // 2])
    with pytest.raises(errors.MalformedTable):
        ingest(packed[:30] + b"\0" * 30 + packed[60:])
    monkeypatch.setattr("tidemill.data.sources.unpack._FREE_BYTES", 1 << 10)
    with pytest.raises(errors.SourceTooLarge):
        ingest(pack(b"a\n" + b"1\n" * 5_000_000))
    nothing_kept()


def test_xz_that_wants_much_memory_is_refused(ingest, monkeypatch):
    monkeypatch.setattr("tidemill.data.sources.unpack._XZ_MEMORY", 1 << 20)
    with pytest.raises(errors.MalformedTable, match=r"[Mm]emory"):
        ingest(lzma.compress(as_csv() * 1000, preset=9))
