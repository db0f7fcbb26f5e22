from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest

from tidemill.core.access import OWNER
from tidemill.data.records import DatasetVersion, Diff
from tidemill.data.service import DataService
from tidemill.data.service.place import Place

compare = import_module("tidemill.data.service.compare")
Ingest = Callable[..., DatasetVersion]
Write = Callable[[str, str | bytes], str]


def test_rows_are_compared_by_key_with_samples(ingest: Ingest, data: DataService) -> None:
    ingest("id,x,y\n1,a,1\n2,b,2\n3,c,3\n4,d,\n", key=["id"])
    ingest("id,x,y\n2,b,2\n3,z,3\n4,d,\n5,e,5\n", key=["id"])
    diff = data.diff(OWNER, "table@1", "table@2")
    assert diff.rows is not None
    assert (diff.rows.added, diff.rows.removed, diff.rows.changed, diff.rows.unchanged) == (1, 1, 1, 2)
    assert diff.rows.added_sample[0].after == {"id": "5", "x": "e", "y": "5"}
    assert diff.rows.removed_sample[0].key == {"id": "1"}
    changed = diff.rows.changed_sample[0]
    assert (changed.key, changed.before, changed.after) == ({"id": "3"}, {"x": "c"}, {"x": "z"})
    assert not diff.is_same


def test_a_version_does_not_differ_from_itself(ingest: Ingest, data: DataService) -> None:
    ingest("id,x\n1,a\n2,b\n", key=["id"])
    diff = data.diff(OWNER, "table", "table@1")
    assert diff.is_same
    assert diff.rows is not None
    assert (diff.rows.unchanged, diff.rows.changed, diff.columns) == (2, 0, ())
    assert all(change.distance == 0 for change in diff.distributions)


def test_schema_changes_are_told_and_rows_compared_over_common_columns(ingest: Ingest, data: DataService) -> None:
    ingest("id,x,gone\n1,1,a\n2,2,b\n", key=["id"])
    ingest("id,x,come\n1,1.0,a\n2,2.5,b\n3,,c\n", key=["id"])
    diff = data.diff(OWNER, "table@1", "table@2")
    assert [(change.name, change.change) for change in diff.columns] == [
        ("gone", "removed"),
        ("come", "added"),
        ("x", "type"),
    ]
    assert diff.rows is not None
    assert (diff.rows.added, diff.rows.changed, diff.rows.unchanged) == (1, 1, 1)


def test_without_a_key_rows_are_only_counted(ingest: Ingest, data: DataService) -> None:
    ingest("x\n1\n2\n")
    ingest("x\n1\n2\n3\n")
    diff = data.diff(OWNER, "table@1", "table@2")
    assert (diff.rows, diff.rows_before, diff.rows_after) == (None, 2, 3)


def test_columns_are_ranked_by_how_far_they_moved(ingest: Ingest, data: DataService) -> None:
    def table(shift: int, carrier: str) -> str:
        rows = (f"{i},{i % 50 + shift},{carrier if i % 4 else 'XX'},{i % 7}" for i in range(400))
        return "id,moved,carrier,still\n" + "\n".join(rows) + "\n"

    ingest(table(0, "UA"))
    ingest(table(30, "AA"))
    changes = data.diff(OWNER, "table@1", "table@2").distributions
    assert [change.column for change in changes][:2] == ["carrier", "moved"]
    by_name = {change.column: change for change in changes}
    assert by_name["still"].distance == by_name["id"].distance == 0
    assert by_name["moved"].psi > 0.25
    assert (by_name["moved"].mean_before, by_name["moved"].mean_after) == (24.5, 54.5)


def test_shared_segments_are_not_read(data: DataService, write: Write, ingest: Ingest) -> None:
    write("m-1.csv", "id,x\n1,a\n2,b\n")
    data.ingest(OWNER, "table", "m-*.csv", key=["id"])
    write("m-2.csv", "id,x\n3,c\n")
    second = data.ingest(OWNER, "table", "m-*.csv", key=["id"])
    diff = data.diff(OWNER, "table@1", second.id)
    assert diff.rows is not None
    assert (diff.shared_segments, diff.rows.added, diff.rows.unchanged) == (1, 1, 2)


def test_folders_are_compared_by_path_with_renames(data: DataService, write: Write, project: Path) -> None:
    for name, content in {"a": "1", "b": "2", "c": "3"}.items():
        write(f"folder/{name}", content)
    data.ingest(OWNER, "tree", "folder")
    (project / "folder" / "a").rename(project / "folder" / "z")
    (project / "folder" / "b").write_text("22")
    (project / "folder" / "c").unlink()
    write("folder/d", "4")
    data.ingest(OWNER, "tree", "folder")
    files = data.diff(OWNER, "tree@1", "tree@2").files
    assert [(change.path, change.change, change.before) for change in files] == [
        ("b", "changed", None),
        ("c", "removed", None),
        ("d", "added", None),
        ("z", "renamed", "a"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ([[1], [2]], [[1], [3]], ({"x": "[2]"}, {"x": "[3]"})),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 5}], ({"x": '{"a": 2}'}, {"x": '{"a": 5}'})),
        ([[1], [2]], ["[1]", "b"], ({"x": "[2]"}, {"x": "b"})),
        ([b"a", b"\xff"], ["61", "b"], ({"x": "ff"}, {"x": "b"})),
        ([1.0, 2.5], ["1", "b"], ({"x": "2.5"}, {"x": "b"})),
    ],
)
def test_values_of_every_type_are_compared(
    data: DataService,
    project: Path,
    before: list[object],
    after: list[object],
    changed: tuple[dict[str, str], dict[str, str]],
) -> None:
    for values in (before, after):
        pl.DataFrame({"id": [1, 2], "x": values}).write_parquet(project / "t.parquet")
        data.ingest(OWNER, "table", "t.parquet", key=["id"])
    rows = data.diff(OWNER, "table@1", "table@2").rows
    assert rows is not None
    assert (rows.changed, rows.unchanged) == (1, 1)
    assert (rows.changed_sample[0].before, rows.changed_sample[0].after) == changed


def test_numbers_are_the_same_whatever_holds_them(data: DataService, project: Path) -> None:
    money = pl.Series(["1.50", "2.00"]).cast(pl.Decimal(10, 2))
    for values in (money, pl.Series([1.5, 2.0])):
        pl.DataFrame({"id": values, "x": values}).write_parquet(project / "t.parquet")
        data.ingest(OWNER, "table", "t.parquet", key=["id"])
    rows = data.diff(OWNER, "table@1", "table@2").rows
    assert rows is not None
    assert rows.unchanged == 2


def test_columns_of_a_key_may_have_any_name(ingest: Ingest, data: DataService) -> None:
    ingest("k,k_new,old 0\n1,1,1\n2,2,1\n", key=["k", "k_new", "old 0"])
    ingest("k,k_new,old 0\n1,1,1\n3,2,1\n", key=["k", "k_new", "old 0"])
    rows = data.diff(OWNER, "table@1", "table@2").rows
    assert rows is not None
    assert (rows.added, rows.removed, rows.unchanged) == (1, 1, 1)


def test_each_of_several_files_of_one_content_is_found_again(data: DataService, project: Path) -> None:
    for name in ("a/1", "a/2", "b/1"):
        (project / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (project / "f" / name).write_bytes(b"same")
    data.ingest(OWNER, "files", "f")
    (project / "f" / "b").rename(project / "f" / "c")
    (project / "f" / "a").rename(project / "f" / "z")
    data.ingest(OWNER, "files", "f")
    found = [(each.change, each.before, each.path) for each in data.diff(OWNER, "files@1", "files@2").files]
    assert found == [("renamed", "a/1", "c/1"), ("renamed", "b/1", "z/1"), ("renamed", "a/2", "z/2")]


def test_samples_of_a_wide_table_hold_a_bounded_number_of_values(
    ingest: Ingest, data: DataService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "MOST_VALUES", 100)
    head = ",".join(["id", *(f"c{at}" for at in range(39))])
    rows = [",".join([str(row), *(str(row * at) for at in range(39))]) for row in range(20)]
    ingest("\n".join([head, *rows[:10]]), key=["id"])
    ingest("\n".join([head, *rows]), key=["id"])

    found = data.diff(OWNER, "table@1", "table@2", samples=10).rows

    assert found is not None
    assert (found.added, len(found.added_sample), len(found.added_sample[0].after)) == (10, 2, 40)


def test_what_differs_is_found_once_while_people_leaf_through_it(
    ingest: Ingest, data: DataService, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest("id,x\n1,a\n2,b\n", key=["id"])
    ingest("id,x\n1,a\n2,c\n", key=["id"])
    compared: list[str] = []
    whole = compare.compare

    def counted(place: Place, before: DatasetVersion, after: DatasetVersion, *, samples: int) -> Diff:
        compared.append(after.ref)
        found: Diff = whole(place, before, after, samples=samples)
        return found

    monkeypatch.setattr(compare, "compare", counted)

    first = data.diff(OWNER, "table@1", "table@2")
    assert data.diff(OWNER, "table@1", "table@2") == first
    assert len(compared) == 1
    assert data.diff(OWNER, "table@2", "table@1") != first
    assert len(compared) == 2
