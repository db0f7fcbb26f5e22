"""Rules about rows before put rows aside that an earlier file makes bad, and the first of them stays."""

from collections.abc import Callable

import polars as pl
import pytest

from tidemill.checks.quality import marks
from tidemill.core.access import OWNER
from tidemill.data import errors, keys
from tidemill.data.service import DataService

Write = Callable[[str, str], str]


@pytest.fixture(params=[1 << 20, 10])
def months(data: DataService, write: Write, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(keys, "_MOST_HELD", request.param)
    if request.param < 100:
        monkeypatch.setattr(marks, "_LONG", -1)
    write("m-1.csv", "id,at,x\n1,10,a\n2,20,b\n3,30,c\n")
    write("m-2.csv", "id,at,x\n3,35,d\n4,25,e\n5,40,f\n5,41,g\n,50,h\n,60,i\n")
    write("m-3.csv", "id,at,x\n6,60,j\n1,70,k\n7,59,l\n")


def put_aside(data: DataService) -> list[tuple[object, ...]]:
    frame = data.scan_quarantine(OWNER, "table").collect()
    return frame.select("x", "_rules", "_source_row").sort("x").rows()


@pytest.mark.usefixtures("months")
def test_what_an_earlier_file_has_is_put_aside(data: DataService) -> None:
    rules: dict[str, object] = {"id": {"unique": True}, "at": {"increasing": True}}
    version = data.ingest(OWNER, "table", "m-*.csv", rules=rules, on_bad_rows="quarantine")
    assert data.read(OWNER, "table")["x"].to_list() == list("abcfhij")
    assert put_aside(data) == [
        ("d", "unique(id)", 1),
        ("e", "increasing(at)", 2),
        ("g", "unique(id)", 4),
        ("k", "unique(id)", 2),
        ("l", "increasing(at)", 3),
    ]
    report = data.report(OWNER, "table")
    assert (version.rows, report.rows_read, report.quarantined) == (7, 12, 5)
    assert sum(count.rows for count in report.broken) == 5


@pytest.mark.usefixtures("months")
def test_combinations_and_equal_values(data: DataService, write: Write) -> None:
    write("m-2.csv", "id,at,x\n1,11,d\n2,20,e\n1,30,f\n")
    write("m-3.csv", "id,at,x\n1,31,g\n")
    rules: dict[str, object] = {"table": {"unique": ["id", "at"]}, "at": {"increasing": "strictly"}}
    data.ingest(OWNER, "table", "m-*.csv", rules=rules, on_bad_rows="quarantine")
    assert [row[0] for row in put_aside(data)] == ["d", "e", "f"]
    assert data.read(OWNER, "table")["x"].to_list() == list("abcg")


@pytest.mark.usefixtures("months")
def test_a_month_that_is_appended_is_held_against_what_is_there(data: DataService) -> None:
    rules: dict[str, object] = {"id": {"unique": True}, "at": {"increasing": True}}
    data.ingest(OWNER, "table", "m-1.csv", rules=rules)
    data.ingest(OWNER, "table", "m-2.csv", rules=rules, append=True, on_bad_rows="quarantine")
    assert data.read(OWNER, "table")["x"].to_list() == list("abcfhi")


@pytest.mark.usefixtures("months")
def test_a_part_that_is_there_already_is_read_again_where_another_file_makes_it_bad(
    data: DataService, write: Write
) -> None:
    rules: dict[str, object] = {"id": {"unique": True}}
    write("m-2.csv", "id,at,x\n3,35,d\n4,45,e\n")
    data.ingest(OWNER, "table", "m-2.csv", rules=rules, on_bad_rows="quarantine")
    data.ingest(OWNER, "table", "m-[12].csv", rules=rules, on_bad_rows="quarantine")
    assert data.read(OWNER, "table")["x"].to_list() == list("abce")
    data.ingest(OWNER, "table", "m-2.csv", rules=rules, on_bad_rows="quarantine")
    assert data.read(OWNER, "table")["x"].to_list() == list("de")


@pytest.mark.usefixtures("months")
def test_where_bad_rows_are_refused_the_row_is_named(data: DataService) -> None:
    with pytest.raises(errors.BadRows) as caught:
        data.ingest(OWNER, "table", "m-[13].csv", rules={"id": {"unique": True}})
    assert caught.value.details["rows"] == [{"row": 2, "column": "id", "rule": "unique", "value": "1"}]


@pytest.mark.usefixtures("months")
def test_a_rule_that_only_warns_puts_nothing_aside(data: DataService) -> None:
    rules: dict[str, object] = {
        "id": {"unique": True, "severity": "warn"},
        "at": {"increasing": {"is": True, "bad": "< 50%"}},
    }
    version = data.ingest(OWNER, "table", "m-*.csv", rules=rules)
    assert version.rows == 12


def test_moments_and_texts_go_on_from_file_to_file(data: DataService, write: Write) -> None:
    write("m-1.csv", "at,w\n2020-01-01,a\n2020-01-03,c\n")
    write("m-2.csv", "at,w\n2020-01-02 10:00:00,d\n2020-01-04 10:00:00,b\n2020-01-05 00:00:00,e\n")
    rules: dict[str, object] = {"at": {"increasing": True}, "w": {"increasing": True}}
    data.ingest(OWNER, "table", "m-*.csv", rules=rules, on_bad_rows="quarantine")
    assert data.read(OWNER, "table").select(pl.col("w")).to_series().to_list() == ["a", "c", "e"]


@pytest.mark.parametrize("later", ["2013-01-02T00:00:00Z", "soon"])
def test_files_of_unlike_types_are_told_apart_by_their_types(data: DataService, write: Write, later: str) -> None:
    rules: dict[str, object] = {"at": {"increasing": True}}
    write("m-1.csv", "at\n2013-01-01T00:00:00\n")
    write("m-2.csv", f"at\n{later}\n")
    data.ingest(OWNER, "table", "m-1.csv", rules=rules)
    with pytest.raises(errors.SchemaMismatch, match="'at'"):
        data.ingest(OWNER, "table", "m-2.csv", rules=rules, append=True)
