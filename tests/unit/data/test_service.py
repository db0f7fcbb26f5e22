import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import TidemillError
from tidemill.core.refs import Ref
from tidemill.data import errors, store
from tidemill.data.prepare import prepare
from tidemill.data.records import DatasetKind, DatasetVersion, Part
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.ledger.lineage import trace
from tidemill.objects import DamagedObject, ObjectStore

Ingest = Callable[..., DatasetVersion]
Write = Callable[[str, str | bytes], str]

FLIGHTS = (
    "id,carrier,delay,at\n1,UA,3,2013-01-01T10:00:00Z\n2,AA,NA,2013-01-02T10:00:00Z\n3,B6,-5,2013-01-03T10:00:00Z\n"
)


def test_a_version_holds_schema_rows_source_and_content(ingest: Ingest, data: DataService) -> None:
    version = ingest(FLIGHTS, key=["id"], time="at", description="Departures")
    assert (version.ref, version.rows, version.rows_read, version.quarantined) == ("table@1", 3, 3, 0)
    assert [(column.name, column.type, column.nullable) for column in version.columns] == [
        ("id", "int64", False),
        ("carrier", "text", False),
        ("delay", "int64", True),
        ("at", "datetime_utc", False),
    ]
    assert version.source.files[0].size_bytes == len(FLIGHTS)
    assert version.created
    assert data.get(OWNER, "table") == msgspec.structs.replace(version, created=False)
    assert data.read(OWNER, "table")["delay"].to_list() == [3, None, -5]
    assert data.read(OWNER, "table")["at"][0] == datetime(2013, 1, 1, 10, tzinfo=UTC)
    assert data.list(OWNER)[0].description == "Departures"


def test_the_same_content_gives_the_same_version(ingest: Ingest, data: DataService) -> None:
    first = ingest(FLIGHTS)
    again = ingest(FLIGHTS, file="copy.csv")
    assert not again.created
    assert again.id == first.id
    assert len(data.versions(OWNER, "table")) == 1


def test_other_content_gives_the_next_number_and_old_content_again_another(ingest: Ingest) -> None:
    first, second, third = ingest("a\n1\n"), ingest("a\n2\n"), ingest("a\n1\n")
    assert [version.number for version in (first, second, third)] == [1, 2, 3]
    assert first.digest == third.digest != second.digest


def test_the_bytes_do_not_depend_on_the_delimiter_line_ends_packing_or_mark(ingest: Ingest, tmp_path: Path) -> None:
    import gzip
    import zipfile

    plain = "a,b,c\n" + "".join(f"{i},x{i % 7},{i / 3:.3f}\n" for i in range(5000))
    forms: dict[str, bytes] = {
        "comma.csv": plain.encode(),
        "semicolon.csv": plain.replace(",", ";").encode(),
        "tab.tsv": plain.replace(",", "\t").encode(),
        "pipe.txt": plain.replace(",", "|").encode(),
        "crlf.csv": plain.replace("\n", "\r\n").encode(),
        "mark.csv": b"\xef\xbb\xbf" + plain.encode(),
        "packed.csv.gz": gzip.compress(plain.encode()),
        "quoted.csv": plain.replace("x3", '"x3"').encode(),
        "open.csv": plain.rstrip("\n").encode(),
    }
    try:
        from backports import zstd
    except ImportError:
        from compression import zstd  # type: ignore[import-not-found,no-redef]
    forms["packed.csv.zst"] = zstd.compress(plain.encode())
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("inside.csv", plain)
        archive.writestr("__MACOSX/inside.csv", "junk")
    forms["packed.zip"] = (tmp_path / "packed.zip").read_bytes()
    digests = {file: ingest(content, file=file, name=f"t{i}").digest for i, (file, content) in enumerate(forms.items())}
    assert len(set(digests.values())) == 1, digests


def test_rows_are_accepted_or_quarantined_and_the_counts_add_up(ingest: Ingest, data: DataService) -> None:
    rows = [f"{i},{i}.5" for i in range(20)] + ["21,1e999", "22,abc", "3,7.5", ",8.5", "25,oops"]
    version = ingest("id,x\n" + "\n".join(rows) + "\n", key=["id"], on_bad_rows="quarantine")
    assert (version.rows_read, version.rows, version.quarantined) == (25, 20, 5)
    aside = data.scan_quarantine(OWNER, "table").collect()
    assert aside.select("_source_row", "_rule", "_column").rows() == [
        (21, "finite", "x"),
        (22, "type", "x"),
        (23, "key", "id"),
        (24, "key", "id"),
        (25, "type", "x"),
    ]
    assert aside["x"].to_list()[1] == "abc"
    report = data.report(OWNER, "table")
    assert sum(count.rows for count in report.broken) == report.quarantined == 5
    assert report.rows + report.quarantined == report.rows_read
    assert data.read(OWNER, "table").schema == {"id": pl.Int64, "x": pl.Float64}
    assert data.sample(OWNER, "table", rows=2, quarantined=True).rows[1][:2] == ("22", "abc")


RULES = {"carrier": {"in": ["UA", "AA"]}, "delay": {"between": [-60, 600], "nulls": "< 50%"}}


def test_rules_reject_with_rows_or_quarantine_with_counts(ingest: Ingest, data: DataService) -> None:
    content = "id,carrier,delay\n1,UA,3\n2,XX,4\n3,AA,9000\n4,AA,\n5,YY,700\n6,UA,1\n"
    with pytest.raises(errors.BadRows) as caught:
        ingest(content, rules=RULES)
    rows = msgspec.convert(caught.value.details["rows"], list[dict[str, Any]])
    assert [(row["row"], row["rule"], row["value"]) for row in rows] == [
        (2, "in", "XX"),
        (3, "between", "9000"),
        (5, "in", "YY"),
    ]
    version = ingest(content, rules=RULES, on_bad_rows="quarantine")
    assert (version.rows_read, version.rows, version.quarantined) == (6, 3, 3)
    aside = data.scan_quarantine(OWNER, "table").collect()
    assert aside["_rules"].to_list() == ["in(carrier)", "between(delay)", "in(carrier),between(delay)"]
    report = data.report(OWNER, "table")
    assert report.rules == RULES
    assert {each.name: (each.verdict.value, each.bad, each.put_aside) for each in report.findings} == {
        "in(carrier)": ("warn", 2, 2),
        "between(delay)": ("warn", 1, 1),
        "nulls(delay)": ("pass", 1, 0),
    }
    assert report.verdict.value == "warn"


def test_rules_on_the_whole_table_refuse_it(ingest: Ingest, nothing_kept: Callable[[], None]) -> None:
    with pytest.raises(errors.QualityFailed) as caught:
        ingest("carrier,delay\nUA,\nUA,\nAA,1\n", rules=RULES, on_bad_rows="quarantine")
    assert "nulls(delay)" in caught.value.message
    nothing_kept()


def test_other_rules_on_the_same_rows_make_a_version_with_their_report(ingest: Ingest, data: DataService) -> None:
    content = "carrier,delay\nUA,1\n"
    first, second = ingest(content), ingest(content, rules=RULES)
    assert (first.digest, second.number) == (second.digest, 2)
    assert data.report(OWNER, "table@1").findings == ()


def test_unknown_rules_and_columns_are_told(ingest: Ingest) -> None:
    for rules in ({"carrierr": {"in": ["UA"]}}, {"carrier": {"betweenn": [1, 2]}}):
        with pytest.raises(TidemillError) as caught:
            ingest("carrier\nUA\n", rules=rules)
        assert "'carrier'" in caught.value.hint or "'between'" in caught.value.hint


def test_rejected_rows_leave_the_latest_version_as_it_is(ingest: Ingest, data: DataService) -> None:
    ingest("id,x\n1,2\n", key=["id"])
    with pytest.raises(errors.BadRows) as caught:
        ingest("id,x\n1,2\n1,3\n", key=["id"])
    assert caught.value.details["rows"] == [{"row": 2, "column": "id", "rule": "key", "value": "1"}]
    assert data.get(OWNER, "table").number == 1


def test_a_version_without_an_accepted_row_is_refused(ingest: Ingest) -> None:
    with pytest.raises(errors.EmptySource):
        ingest("id,x\n,2\n,3\n", key=["id"], on_bad_rows="quarantine")


def test_files_of_a_pattern_are_parts_that_later_versions_share(data: DataService, write: Write) -> None:
    for month in (1, 2):
        write(f"m-{month}.csv", f"id,x\n{month}1,1\n{month}2,2\n")
    first = data.ingest(OWNER, "table", "m-*.csv", key=["id"])
    write("m-3.csv", "id,x\n31,1\n")
    second = data.ingest(OWNER, "table", "m-*.csv", key=["id"])
    assert [part.segments for part in second.parts][:2] == [part.segments for part in first.parts]
    assert [part.source.name for part in second.parts] == ["m-1.csv", "m-2.csv", "m-3.csv"]
    assert data.read(OWNER, "table")["id"].to_list() == [11, 12, 21, 22, 31]


def test_unchanged_files_are_not_read_again(data: DataService, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("m-1.csv", "id,x\n1,1\n")
    data.ingest(OWNER, "table", "m-*.csv")
    write("m-2.csv", "id,x\n2,1\n")
    read = []

    def watched(*args: Any) -> Part | None:
        read.append(args[1].name)
        return prepare(*args)

    monkeypatch.setattr("tidemill.data.service.ingest.prepare", watched)
    data.ingest(OWNER, "table", "m-*.csv")
    assert read == ["m-2.csv"]


def test_appended_rows_follow_and_files_that_are_there_are_skipped(ingest: Ingest, data: DataService) -> None:
    ingest("id,x\n1,a\n", key=["id"])
    second = ingest("id,x\n2,b\n", file="more.csv", key=["id"], append=True)
    again = ingest("id,x\n2,b\n", file="more.csv", key=["id"], append=True)
    assert (second.number, second.rows, again.created) == (2, 2, False)
    with pytest.raises(errors.BadRows):
        ingest("id,x\n2,c\n", file="clash.csv", key=["id"], append=True)
    third = ingest("id,x\n2,c\n3,d\n", file="clash.csv", key=["id"], append=True, on_bad_rows="quarantine")
    assert (third.rows, third.quarantined) == (3, 1)
    assert data.read(OWNER, "table")["x"].to_list() == ["a", "b", "d"]


def test_appended_text_that_looks_like_numbers_stays_text(ingest: Ingest, data: DataService) -> None:
    ingest("carrier\nUA\n9E\n")
    ingest("carrier\n11\n12\n", file="more.csv", append=True)
    assert data.read(OWNER, "table")["carrier"].to_list() == ["UA", "9E", "11", "12"]


def test_appended_text_in_a_column_of_numbers_is_refused(ingest: Ingest) -> None:
    ingest("x\n1\n2\n")
    with pytest.raises(errors.SchemaMismatch) as caught:
        ingest("x\nred\nblue\n", file="more.csv", append=True)
    assert caught.value.details == {"column": "x", "before": "int64", "type": "text"}


def test_whole_and_broken_numbers_and_empty_columns_of_parts_go_together(data: DataService, write: Write) -> None:
    write("m-1.csv", "x,y,z\n1,,a\n")
    write("m-2.csv", "x,y,z\n1.5,2013-01-01T00:00:00Z,\n")
    write("m-3.csv", "z,y,x\n5,,\n")
    version = data.ingest(OWNER, "table", "m-*.csv")
    assert [column.type for column in version.columns] == ["float64", "datetime_utc", "text"]
    frame = data.read(OWNER, "table")
    assert frame["x"].to_list() == [1.0, 1.5, None]
    assert frame["z"].to_list() == ["a", None, "5"]
    assert frame["y"].null_count() == 2


def test_parquet_is_taken_in_plain_types(data: DataService, project: Path) -> None:
    frame = pl.DataFrame(
        {
            "category": pl.Series(["a", "b"], dtype=pl.Categorical),
            "x": [1.5, float("nan")],
            "at": pl.Series([1, 2], dtype=pl.Datetime("ms", "Europe/Berlin")),
            "small": pl.Series([1, 2], dtype=pl.Int8),
            "many": [[1], [2, 3]],
        }
    )
    frame.write_parquet(project / "t.parquet")
    version = data.ingest(OWNER, "table", "t.parquet")
    assert [column.type for column in version.columns] == ["text", "float64", "datetime_utc", "int8", "list"]
    assert data.read(OWNER, "table")["x"].to_list() == [1.5, None]


def test_a_folder_becomes_a_tree(data: DataService, write: Write, tmp_path: Path) -> None:
    write("folder/a.txt", "a")
    write("folder/deep/b.bin", b"\0\1")
    version = data.ingest(OWNER, "images", "folder")
    assert (version.kind, version.rows, version.size_bytes) == (DatasetKind.TREE, None, 3)
    assert not data.ingest(OWNER, "images", "folder").created
    files = data.export(OWNER, "images", str(tmp_path / "out"))
    assert [Path(file.path).relative_to(tmp_path / "out").as_posix() for file in files] == ["a.txt", "deep/b.bin"]
    found = data.sample(OWNER, "images", rows=1)
    assert (found.columns, found.rows[0][:2], len(found.rows)) == (("path", "size_bytes", "digest"), ("a.txt", "1"), 1)
    for verb in (data.scan, data.profile, data.report, data.scan_quarantine):
        with pytest.raises(errors.NotATable):
            verb(OWNER, "images")


def test_versions_are_named_by_number_latest_tag_day_and_id(ingest: Ingest, data: DataService) -> None:
    first, second = ingest("a\n1\n"), ingest("a\n2\n")
    data.tag(OWNER, "table@1", "gold")
    today = f"{second.created_at:%Y-%m-%d}"
    for ref, wanted in {
        "table": second,
        "table@latest": second,
        "table@1": first,
        "table@gold": first,
        f"table@{today}": second,
        first.id: first,
    }.items():
        assert data.get(OWNER, ref).id == wanted.id
    data.tag(OWNER, "table@2", "gold")
    assert data.get(OWNER, "table@gold").tags == ("gold",)
    assert data.get(OWNER, "table@1").tags == ()
    data.delete_tag(OWNER, "table", "gold")
    with pytest.raises(errors.DatasetVersionNotFound):
        data.get(OWNER, "table@gold")
    with pytest.raises(errors.DatasetVersionNotFound):
        data.get(OWNER, "table@2001-01-31")


def test_unknown_datasets_and_versions_name_the_nearest(ingest: Ingest, data: DataService) -> None:
    ingest("a\n1\n", name="flights")
    for verb in (data.get, data.versions):
        with pytest.raises(errors.DatasetNotFound) as caught:
            verb(OWNER, "flihgts")
        assert "'flights'" in caught.value.hint
    with pytest.raises(errors.DatasetVersionNotFound) as missed:
        data.get(OWNER, "flights@7")
    assert "latest is 1" in missed.value.hint


@pytest.mark.parametrize("ref", ["table@2001-02-31", "table@../x", "table@", "../table", "table@a@b", "table@0\0"])
def test_what_is_no_reference_is_refused(data: DataService, ref: str) -> None:
    with pytest.raises(TidemillError) as caught:
        data.get(OWNER, ref)
    assert caught.value.code in {"invalid_dataset_ref", "invalid_name"}


@pytest.mark.parametrize("tag", ["latest", "3", "2001-01-31", "a/b", ""])
def test_tags_that_could_be_versions_are_refused(ingest: Ingest, data: DataService, tag: str) -> None:
    ingest("a\n1\n")
    with pytest.raises(TidemillError, match="tag"):
        data.tag(OWNER, "table@1", tag)


def test_damaged_rows_are_never_read(ingest: Ingest, data: DataService, ledger: Ledger, objects: ObjectStore) -> None:
    version = ingest(FLIGHTS)
    path = objects.path(version.parts[0].segments[0].digest)
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedObject):
        DataService(ledger, objects).read(OWNER, "table")


def test_exports_are_whole_tables_or_parts(ingest: Ingest, data: DataService, tmp_path: Path) -> None:
    ingest(FLIGHTS)
    data.export(OWNER, "table", str(tmp_path / "out.csv"))
    data.export(OWNER, "table", str(tmp_path / "out.parquet"))
    files = data.export(OWNER, "table@1", str(tmp_path / "out"))
    assert [Path(file.path).name for file in files] == ["part-00000.parquet"]
    frame = data.read(OWNER, "table")
    assert pl.read_parquet(tmp_path / "out.parquet").equals(frame)
    assert pl.read_csv(tmp_path / "out.csv").height == 3
    with pytest.raises(errors.ExportExists):
        data.export(OWNER, "table", str(tmp_path / "out"))


def test_lineage_and_audit_are_written_with_the_version(ingest: Ingest, ledger: Ledger) -> None:
    first, second = ingest("a\n1\n"), ingest("a\n2\n")
    with ledger.read() as connection:
        up = trace(connection, Ref("dataset_version", second.id), "up")
        actions = [row[0] for row in connection.exec_driver_sql("select action from audit_events order by seq")]
        needed = set(store.referenced_digests(connection))
    assert {(edge.source, edge.relation) for edge in up.edges} == {
        (f"source:{second.source.files[0].digest}", "ingested"),
        (f"dataset_version:{first.id}", "previous"),
        (f"source:{first.source.files[0].digest}", "ingested"),
    }
    assert actions == ["dataset.ingest", "dataset.ingest"]
    assert {digest for digest, _ in needed} >= {first.digest, second.digest, first.parts[0].segments[0].digest}


def test_what_is_referenced_is_stored(ingest: Ingest, ledger: Ledger, objects: ObjectStore) -> None:
    ingest("id\n1\n1\n", key=["id"], on_bad_rows="quarantine")
    with ledger.read() as connection:
        digests = [digest for digest, _ in store.referenced_digests(connection)]
    assert len(digests) == 6
    assert all(objects.has(digest) for digest in digests)


def test_a_version_that_came_meanwhile_stops_an_append(
    ingest: Ingest, data: DataService, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest("a\n1\n")
    write("more.csv", "a\n2\n")

    def slow(*args: Any) -> Part | None:
        monkeypatch.setattr("tidemill.data.service.ingest.prepare", prepare)
        ingest("a\n5\n", file="other.csv")
        return prepare(*args)

    monkeypatch.setattr("tidemill.data.service.ingest.prepare", slow)
    with pytest.raises(errors.DatasetMoved):
        data.ingest(OWNER, "table", "more.csv", append=True)


def test_the_manifest_says_what_the_digest_covers(ingest: Ingest, objects: ObjectStore) -> None:
    version = ingest(FLIGHTS, key=["id"])
    manifest = json.loads(objects.read(version.digest))
    assert manifest["key"] == ["id"]
    assert [segment["digest"] for segment in manifest["segments"]] == [version.parts[0].segments[0].digest]


def test_rules_that_look_at_other_rows_see_all_of_them(ingest: Ingest, data: DataService) -> None:
    rows = 260_000
    lines = [f"{i},{i}" for i in range(rows)]
    lines[-1] = "7,5"
    rules = {"id": {"unique": True}, "at": {"increasing": True}}
    version = ingest("id,at\n" + "\n".join(lines) + "\n", rules=rules, on_bad_rows="quarantine")
    assert (version.rows, version.quarantined) == (rows - 1, 1)
    assert data.scan_quarantine(OWNER, "table").collect()["_rules"].to_list() == ["unique(id),increasing(at)"]


def test_what_is_appended_goes_on_with_the_key_and_the_time(ingest: Ingest) -> None:
    ingest("id,at,x\n1,2013-01-01,a\n", key=["id"], time="at")
    second = ingest("id,at,x\n2,2013-01-02,a\n", append=True)
    assert (second.key, second.time) == (("id",), "at")
    with pytest.raises(errors.BadRows, match="'key'"):
        ingest("id,at,x\n2,2013-01-03,b\n", append=True)
    with pytest.raises(errors.InvalidOption, match="'x'"):
        ingest("id,at,x\n3,2013-01-03,b\n", append=True, key=["x"])
    assert ingest("id,at,x\n3,2013-01-03,b\n", append=True, key=["at"]).key == ("at",)


def test_rows_and_files_are_not_appended_to_one_another(ingest: Ingest, data: DataService, write: Write) -> None:
    ingest("x\n1\n")
    write("folder/a", "a")
    with pytest.raises(errors.InvalidOption, match="is a table"):
        data.ingest(OWNER, "table", "folder", append=True)
    data.ingest(OWNER, "files", "folder")
    with pytest.raises(errors.InvalidOption, match="is a folder"):
        ingest("x\n1\n", name="files", append=True)


def test_the_last_of_days_is_a_day_too(ingest: Ingest, data: DataService) -> None:
    ingest("x\n1\n")
    assert data.get(OWNER, "table@9999-12-31").number == 1


def test_a_part_that_is_used_again_is_young(data: DataService, write: Write, objects: ObjectStore) -> None:
    first = data.ingest(OWNER, "table", write("m-1.csv", "x\n1\n"))
    for digest in first.parts[0].digests:
        os.utime(objects.path(digest), (0, 0))
    write("m-2.csv", "x\n2\n")
    second = data.ingest(OWNER, "table", "m-*.csv")
    assert second.parts[0] == first.parts[0]
    assert all(objects.path(digest).stat().st_mtime > 0 for digest in first.parts[0].digests)
