"""`tidemill.profile` and what notebooks show."""

import polars as pl
import pytest

import tidemill
from tidemill.data.errors import UnknownColumn, UnsupportedSource
from tidemill.data.records import Diff, RowChanges, RowSample

FRAME = pl.DataFrame({"x": [1.0, 2.0, 3.0, None], "y": [2, 4, 6, 8], "name": ["<i>", "b", "b", None]})


@pytest.fixture(params=["frame", "lazy", "path", "arrow"])
def table(request, tmp_path):
    FRAME.write_parquet(tmp_path / "rows.parquet")
    return {
        "frame": FRAME,
        "lazy": FRAME.lazy(),
        "path": tmp_path / "rows.parquet",
        "arrow": type("Arrow", (), {"__arrow_c_stream__": FRAME.__arrow_c_stream__})(),
    }[request.param]


def test_a_table_of_any_kind_is_profiled(table):
    found = tidemill.profile(table, target="y")

    assert (found.profile.rows, found["x"].nulls) == (4, 1)
    assert found.relations()[0].second == "x"
    assert found.relations("x")[0].second == "y"


def test_a_notebook_shows_small_multiples_with_their_styles(tmp_path):
    found = tidemill.profile(FRAME)
    shown = found._repr_html_()

    assert shown == found.profile._repr_html_()
    assert shown.count('<article class="column') == 3
    assert "<style>.tidemill-output {" in shown
    assert "&lt;i&gt;" in shown
    assert "<script" not in shown
    assert found.save(tmp_path / "report.html").read_text() == found.html()


def test_differences_and_versions_are_shown_too(tmp_path):
    rows = RowChanges(
        key=("id",),
        added=0,
        removed=0,
        changed=1,
        unchanged=3,
        changed_sample=(RowSample(key={"id": "1"}, before={"x": "2"}, after={"x": None}),),
    )
    shown = Diff(before="t@1", after="t@2", is_same=False, rows_before=4, rows_after=4, rows=rows)._repr_html_()

    assert "<del>2</del> <ins>null</ins>" in shown


def test_what_is_no_table_or_no_column_is_told():
    with pytest.raises(UnsupportedSource):
        tidemill.profile(3)
    with pytest.raises(UnknownColumn):
        tidemill.profile(FRAME, target="z")
    with pytest.raises(UnknownColumn):
        tidemill.profile(FRAME)["z"]


def test_a_target_is_told_bin_by_bin():
    frame = pl.DataFrame({"area": [at + 0.5 for at in range(60)], "price": [at * 2.0 for at in range(60)]})

    found = tidemill.profile(frame, target="price").by_target("area")

    assert found is not None
    assert [each.rows for each in found.bins] == [5] * 12
    assert found.bins[0].value == 4.0
    assert "Mean of price, by area" in tidemill.profile(frame, target="price").html()
    with pytest.raises(UnknownColumn):
        tidemill.profile(frame).by_target("z", "price")
