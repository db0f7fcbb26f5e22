"""The pages of datasets: a version, a column of it, two versions side by side."""

import re
from pathlib import Path

import polars as pl
import pytest

from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.data import masking

BROWSER = {"accept": "text/html,application/xhtml+xml"}
WIDE = 130
WIDER = 400


@pytest.fixture
def tables(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Give a workspace with two versions of a table, a wide one, and two of a folder."""
    frame = pl.DataFrame(
        {
            "id": range(400),
            "a/b <i>": [at % 50 * 1.5 for at in range(400)],
            "kind": [("one", "two", None)[at % 3] for at in range(400)],
            "when": pl.Series([at // 100 * 86_400 * 40 + at for at in range(400)]).cast(pl.Datetime("ms")),
        }
    )
    later = frame.slice(10).with_columns(
        pl.col("a/b <i>") * 3, kind=pl.when(pl.col("id") == 20).then(pl.lit("new")).otherwise("kind")
    )
    wide = pl.DataFrame({f"column {at:03}": [at, at + 1, at * 2] for at in range(WIDE)})
    wider = pl.DataFrame({f"column {at:03}": [at, at + 1, None if at == 333 else 0] for at in range(WIDER)})
    for name, made in (("table", frame), ("table", later), ("wide", wide), ("wider", wider)):
        made.write_parquet(tmp_path / "rows.parquet")
        workspace.data.ingest(OWNER, name, str(tmp_path / "rows.parquet"), key=["id"] if name == "table" else [])
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("kept", "gone", "moves"):
        folder.joinpath(name).write_text(name)
    workspace.data.ingest(OWNER, "folder", str(folder))
    folder.joinpath("moves").rename(folder / "moved")
    folder.joinpath("gone").unlink()
    folder.joinpath("new").write_text("new")
    workspace.data.ingest(OWNER, "folder", str(folder))
    return workspace


@pytest.fixture
def see(serve, tables):
    """Give a function that opens a page and returns its HTML."""
    http = serve()

    def opened(path: str, status: int = 200) -> str:
        answer = http.get(path, headers=BROWSER, follow_redirects=True)
        assert answer.status_code == status, answer.text
        return str(answer.text)

    return opened


def test_the_list_counts_rows_of_tables_and_files_of_folders(serve, tables):
    text = re.sub(r"<[^>]+>", "", serve().get("/datasets", headers=BROWSER).text)

    assert re.search(r"folder\s*23 files", text)
    assert re.search(r"table\s*2390", text)


def test_the_lineage_of_files_names_the_folder_that_they_came_from(see):
    drawn = see("/datasets/folder/1").partition("Lineage")[2]

    assert re.search(r">folder<", drawn)


def count_masked(monkeypatch):
    """Return the names of columns, as they are masked from now on."""
    names = []
    mask = masking._mask_column

    def noted(column, kinds):
        names.append(column.name)
        return mask(column, kinds)

    monkeypatch.setattr(masking, "_mask_column", noted)
    return names


def test_a_version_has_a_small_multiple_of_each_column_and_what_goes_together(see):
    text = see("/datasets/table/2")

    assert text.count('<article class="column') == 4
    assert "/datasets/table/2/columns/a%2Fb%20%3Ci%3E" in text
    assert "What goes together" in text
    assert 'href="/datasets/table/diff?before=1&amp;after=2"' in text


def test_columns_are_found_ordered_and_held_against_a_target(see):
    assert see("/datasets/table/1?find=KIND").count('<article class="column') == 1
    assert see("/datasets/table/1?kind=number").count('<article class="column') == 2
    assert see("/datasets/table/1?order=nulls").index("columns/kind") < see("/datasets/table/1?order=nulls").index(
        "columns/id"
    )
    held = see("/datasets/table/1?target=when&order=target")
    assert "What goes with when" in held
    assert "correlation with the target 0.97" in held


@pytest.mark.parametrize("query", ["page=x", "page=99999", "kind=%00", "order=<", "target=nothing", "find=%ff"])
def test_no_query_breaks_the_profile(see, query):
    see(f"/datasets/table/1?{query}")


def test_many_columns_come_in_pages(see):
    first = see("/datasets/wide/1")
    assert first.count('<article class="column') == 48
    assert "130 columns" in first.replace("\u202f", " ")
    last = see("/datasets/wide/1?page=3")
    assert last.count('<article class="column') == WIDE - 96
    assert "More columns" not in last


def test_first_rows_show_a_hundred_columns_of_a_wide_table(see):
    page = see("/datasets/wide/1")

    assert "The first 100 of 130 columns." in page
    heads = page.partition("The first 100 of 130 columns.")[2].partition("</thead>")[0]
    assert heads.count('<th scope="col">') == 100
    assert "columns.</p>" not in see("/datasets/table/1")


def test_a_wide_table_shows_what_is_worth_a_look_first_and_pages_say_where_one_is(see):
    page = see("/datasets/wider/1").replace("\u202f", " ")

    assert page.index("columns/column%20333") < page.index("columns/column%20000")
    assert "1 to 48 of 400" in page
    assert "385 to 400 of 400" in see("/datasets/wider/1?page=9")
    kept = see("/datasets/wider/1?order=table")
    assert kept.index("columns/column%20000") < kept.index("columns/column%20001")
    assert page.count("<option value=") < WIDER  # targets are proposed, not all columns


def test_of_a_wide_table_no_column_is_read_that_is_not_shown(see, monkeypatch):
    masked = count_masked(monkeypatch)

    see("/datasets/wider/1")
    assert len(masked) == 48
    masked.clear()
    see("/datasets/wider/1/columns/column%20003")
    assert masked[0] == "column 003"
    assert len(set(masked)) == 2


def test_rows_that_differ_show_a_hundred_columns_of_a_wide_table(tables, tmp_path, see, monkeypatch):
    for step in (1, 2):
        made = pl.DataFrame({"id": [1, 2, 3]} | {f"column {at:03}": [at, at * step, 5] for at in range(1, WIDE)})
        made.write_parquet(tmp_path / "rows.parquet")
        tables.data.ingest(OWNER, "moved", str(tmp_path / "rows.parquet"), key=["id"])
    read = count_masked(monkeypatch)

    page = see("/datasets/moved/diff?before=1&after=2")

    assert f"The first 100 of {WIDE} columns." in page
    assert page.count("<del>") == 99
    assert len(read) == 2 * 24


def test_rows_put_aside_of_a_wide_table_say_which_rule_they_broke(tables, tmp_path, see):
    made = pl.DataFrame({f"column {at:03}": [1, 2, 3] for at in range(WIDE)})
    made.write_parquet(tmp_path / "rows.parquet")
    rules = {"column 129": {"between": [0, 2]}}
    tables.data.ingest(OWNER, "judged", str(tmp_path / "rows.parquet"), rules=rules, on_bad_rows="quarantine")

    assert "_source_row" in see("/datasets/judged/1")


def test_a_column_has_its_values_relations_periods_gaps_and_past(see):
    numbers = see("/datasets/table/2/columns/a%2Fb%20%3Ci%3E")
    for told in ("Quantiles", "Most frequent values", "Goes together with", "Over versions", "a/b &lt;i&gt;"):
        assert told in numbers
    moments = see("/datasets/table/1/columns/when")
    assert "Longest times without rows" in moments
    texts = see("/datasets/table/1/columns/kind?with=id")
    assert "Mean of <bdi>id</bdi>" in texts


def test_a_column_shows_its_target_bin_by_bin(see):
    assert "columns/kind?with=id#together" in see("/datasets/table/1?target=id")
    drawn = see("/datasets/table/1/columns/id?with=kind&positive=one")
    assert "Rows with kind one, %, by id" in drawn
    assert "Bars are rows" in drawn
    assert '<option value="one" selected>' in drawn


def test_a_column_that_is_not_there_is_told_with_the_nearest(see):
    assert "column_not_found" in see("/datasets/table/1/columns/kin", status=404)


def test_two_versions_stand_side_by_side(see):
    text = see("/datasets/table/diff?before=1&after=2")

    assert "<del>30.0</del> <ins>90.0</ins>" in text
    assert re.search(r"Removed: 10 of 10", text)
    assert text.index("columns/a%2Fb%20%3Ci%3E") < text.index("columns/when")
    assert see("/datasets/table/diff") == see("/datasets/table/diff?before=1&after=2")
    swapped = see("/datasets/table/diff?before=1&after=2&swap=1")
    assert re.search(r"Added: 10 of 10", swapped)


def test_folders_differ_by_path_with_renames(see):
    text = see("/datasets/folder/diff")

    for told in ("1 added", "1 removed", "1 renamed"):
        assert told in text
    assert "<bdi>moves</bdi>" in text
    assert "<bdi>new</bdi>" not in see("/datasets/folder/diff?change=renamed")


def test_versions_are_chosen_to_compare(see):
    text = see("/datasets/table")

    assert 'action="/datasets/table/diff"' in text
    assert "table@1" in text


def test_a_version_is_moved_to_the_trash_and_taken_out_there(serve, tables):
    http, headers = serve(), {**BROWSER, "origin": "http://localhost"}
    assert 'action="/datasets/table/1/delete"' in http.get("/datasets/table/1", headers=headers).text
    gone = http.post("/datasets/table/1/delete", headers=headers, follow_redirects=True).text

    assert "Moved to the trash." in gone
    assert 'action="/datasets/table/1/restore"' in gone
    assert "Compare with version" not in http.get("/datasets/table/2", headers=headers).text, "none is before it"
    page = http.get("/datasets/table/1", headers=headers)
    assert (page.status_code, "lies in the trash" in page.text) == (404, True)
    back = http.post("/datasets/table/1/restore", headers=headers, follow_redirects=True).text
    assert "Taken out of the trash." in back
    refused = http.post("/datasets/wide/1/delete", headers=headers)
    assert (refused.status_code, "only version" in refused.text) == (409, True)


def test_a_dataset_is_moved_to_the_trash_and_what_was_removed_is_told(serve, tables):
    http, headers = serve(), {**BROWSER, "origin": "http://localhost"}
    tables.deleting.delete_version(OWNER, ref="folder@1")
    tables.maintenance.gc(OWNER, older_than="0s")
    assert "Removed for good" in http.get("/datasets/folder", headers=headers).text
    version = tables.data.get(OWNER, "folder")
    assert "folder@1 (removed)" in http.get(f"/trace/dataset_version:{version.id}", headers=headers).text
    assert http.get("/datasets/folder/1", headers=headers).status_code == 404
    listed = http.post("/datasets/folder/delete", headers=headers, follow_redirects=True).text

    assert "Moved to the trash." in listed
    assert 'href="/datasets/folder"' not in listed


def test_what_is_under_way_is_on_the_pages_of_datasets(tables: Workspace, see) -> None:
    assert 'id="underway" data-live data-every="10" hidden' in see("/datasets")
    with (
        tables.data.place.works.begin("table", "bytes read") as tell,
        tables.data.place.works.begin("a/b <i>", "rows fetched") as told,
    ):
        tell(3 << 20, 12 << 20, "bytes unpacked")
        told(1234, 0)
        shown = see("/datasets")
        assert 'data-every="2">' in shown
        words = re.sub("<[^>]*>", "", shown).replace("\u202f", " ")
        assert "bytes unpacked: 3.0 MiB of 12.0 MiB" in words
        assert '<progress max="12582912" value="3145728" aria-label="table, bytes unpacked">' in shown
        assert "a/b &lt;i&gt;" in shown
        assert "rows fetched: 1,234" in words
        assert "rows fetched" not in see("/datasets/table")
        assert "bytes unpacked" in see("/datasets/table")
    assert "bytes unpacked" not in see("/datasets")
