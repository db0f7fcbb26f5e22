"""Only new rows are taken from files that hold old ones too."""

from collections.abc import Callable
from typing import Any

import pytest

from tidemill.core.access import OWNER
from tidemill.data import errors
from tidemill.data.records import DatasetVersion, NewRows
from tidemill.data.service import DataService

Ingest = Callable[..., DatasetVersion]


def rows(*lines: str, header: str = "id,at,x") -> str:
    return "\n".join([header, *lines]) + "\n"


FIRST = ("1,2013-01-01T00:00:00Z,a", "2,2013-01-02T00:00:00Z,b")
MORE = ("3,2013-01-02T00:00:00Z,late", "4,2013-01-03T12:00:00.5Z,c")


def test_rows_beyond_the_highest_moment_are_appended_and_the_version_says_so(ingest: Ingest, data: DataService) -> None:
    first = ingest(rows(*FIRST), new_by="at")
    assert first.source.new == NewRows(column="at", rows=2)
    second = ingest(rows(*FIRST, *MORE), new_by="at")
    assert data.read(OWNER, "table")["id"].to_list() == [1, 2, 4]
    assert second.source.new == NewRows(column="at", base="table@1", after="2013-01-02T00:00:00+00:00", rows=1)
    assert second.parts[0] == first.parts[0]
    assert second.rows_read == 3
    assert data.get(OWNER, "table").source.new == second.source.new


def test_rows_whose_key_is_absent_are_appended(ingest: Ingest, data: DataService) -> None:
    ingest(rows(*FIRST), key=["id"], new_by="id")
    second = ingest(rows(*reversed(FIRST), *MORE), key=["id"], new_by="id")
    assert data.read(OWNER, "table")["id"].to_list() == [1, 2, 3, 4]
    assert second.source.new == NewRows(column="id", base="table@1", rows=2)
    with pytest.raises(errors.BadRows):
        ingest(rows("5,,x", "5,,y"), key=["id"], new_by="id")


def test_a_key_of_text_tells_from_the_first_time_on(ingest: Ingest, data: DataService) -> None:
    for lines in (["a,1", "b,2"], ["b,9", "c,3"]):
        ingest(rows(*lines, header="name,x"), key=["name"], new_by="name")
    assert data.read(OWNER, "table").rows() == [("a", 1), ("b", 2), ("c", 3)]


def test_without_a_new_row_the_latest_version_stands(ingest: Ingest) -> None:
    first = ingest(rows(*FIRST), key=["id"])
    for column in ("id", "at"):
        again = ingest(rows(*reversed(FIRST)), key=["id"], new_by=column)
        assert (again.id, again.created) == (first.id, False)


@pytest.mark.parametrize(
    ("old", "new", "taken"),
    [
        (["1", "2"], ["2", "3"], ["3.0"]),
        (["1.5", "2"], ["2", "3"], ["3.0"]),
        (["1", "2"], ["2", "2.5", ""], ["2.5"]),
        (["2013-01-31"], ["2013-01-31", "2013-02-01"], ["2013-02-01"]),
        (
            ["2013-01-31T10:00:00"],
            ["2013-01-31T10:00:00.000001", "2013-01-31T09:00:00"],
            ["2013-01-31 10:00:00.000001"],
        ),
    ],
)
def test_each_type_with_an_order_tells_what_is_new(
    ingest: Ingest, data: DataService, old: list[str], new: list[str], taken: list[str]
) -> None:
    ingest(rows(*(f"{value},1" for value in old), header="v,x"))
    ingest(rows(*(f"{value},2" for value in new), header="v,x"), new_by="v")
    found = [value for value, x in data.read(OWNER, "table").rows() if x == 2]
    assert [str(float(v)) if isinstance(v, int) else str(v) for v in found] == taken


def test_rows_that_were_put_aside_do_not_come_again(ingest: Ingest, data: DataService) -> None:
    rules: dict[str, Any] = {"x": {"between": [0, 10]}}
    order: dict[str, Any] = {"rules": rules, "on_bad_rows": "quarantine", "new_by": "v"}
    ingest(rows("1,1", "2,2", "3,99", header="v,x"), **order)
    second = ingest(rows("1,1", "2,2", "3,99", "4,4", header="v,x"), **order)
    assert (second.rows, second.quarantined, second.rows_read) == (3, 1, 4)
    assert data.scan_quarantine(OWNER, "table").collect()["_source_row"].to_list() == [3]


def test_the_rows_of_bad_ones_are_counted_in_the_whole_file(ingest: Ingest) -> None:
    ingest(rows("1,1", "2,2", header="v,x"))
    with pytest.raises(errors.BadRows) as caught:
        ingest(rows("1,1", "2,2", "3,99", header="v,x"), rules={"x": {"between": [0, 10]}}, new_by="v")
    assert "row 3" in caught.value.message


def test_several_files_give_their_new_rows(data: DataService, write: Callable[[str, str], str]) -> None:
    write("m-1.csv", rows("1,1", "2,2", header="v,x"))
    data.ingest(OWNER, "table", "m-*.csv", new_by="v")
    write("m-1.csv", rows("1,1", "2,2", "3,3", header="v,x"))
    write("m-2.csv", rows("2,2", header="v,x"))
    write("m-3.csv", rows("1,1", "4,4", header="v,x"))
    second = data.ingest(OWNER, "table", "m-*.csv", new_by="v")
    assert data.read(OWNER, "table")["v"].to_list() == [1, 2, 3, 4]
    assert [part.source.name for part in second.parts] == ["m-1.csv", "m-1.csv", "m-3.csv"]


def test_what_cannot_tell_is_refused(ingest: Ingest, data: DataService, write: Callable[[str, str], str]) -> None:
    ingest(rows(*FIRST))
    more = rows(*FIRST, *MORE)
    for column, kind in (("x", errors.InvalidOption), ("idd", errors.UnknownColumn)):
        with pytest.raises(kind) as caught:
            ingest(more, new_by=column)
        assert caught.value.hint
    with pytest.raises(errors.UnknownColumn):
        ingest(rows("1,2", header="id,y"), new_by="at")
    with pytest.raises(errors.InvalidOption, match="int64"):
        ingest(rows("5,17,a"), new_by="at")
    write("folder/a.txt", "a")
    with pytest.raises(errors.InvalidOption):
        data.ingest(OWNER, "files", "folder", new_by="at")


def test_a_value_that_is_wrong_itself_makes_no_later_row_old(ingest: Ingest, data: DataService) -> None:
    rules: dict[str, Any] = {"v": {"between": [0, 100]}}
    order: dict[str, Any] = {"rules": rules, "on_bad_rows": "quarantine", "new_by": "v"}
    ingest(rows("1,1", "2,2", "99999,3", header="v,x"), **order)
    second = ingest(rows("1,1", "2,2", "99999,3", "4,4", header="v,x"), **order)
    assert data.read(OWNER, "table")["v"].to_list() == [1, 2, 4]
    assert second.source.new == NewRows(column="v", base="table@1", after="2", rows=2)


def test_new_rows_that_are_all_bad_are_kept_apart(ingest: Ingest, data: DataService) -> None:
    rules: dict[str, Any] = {"x": {"between": [0, 10]}}
    order: dict[str, Any] = {"rules": rules, "on_bad_rows": "quarantine", "append": True}
    ingest(rows("1,1", "2,2", header="v,x"), **order)
    for new_by, row in (("", "3,97"), ("", "4,98"), ("v", "5,99")):
        ingest(rows(row, header="v,x"), new_by=new_by, **order)
    assert data.scan_quarantine(OWNER, "table").collect()["x"].to_list() == [97, 98, 99]
    report = data.report(OWNER, "table")
    assert (report.rows_read, report.quarantined) == (5, 3)
