"""Rows of long tables that other rows make bad: found from files on disk, and the same as a mask in memory finds."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Verdict
from tidemill.checks.quality import marks
from tidemill.checks.quality.duplicates import Duplicates
from tidemill.checks.quality.language import parse_rules
from tidemill.checks.quality.marks import Marks, mark_repeats
from tidemill.checks.quality.unique import UniqueKey

VALUES = {
    pl.Int64: st.integers(-3, 3),
    pl.Float64: st.sampled_from([0.0, -0.0, 1.5, 2.5]),
    pl.String: st.text(max_size=1),
    pl.List(pl.Int64): st.lists(st.integers(0, 1), max_size=1),
}


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:  # hypothesis takes no fixture that is made anew for each test
        for name, value in {"_LONG": 0, "_BATCH_ROWS": 7, "_MOST_HELD": 20, "_MOST_AT_ONCE": 5}.items():
            patch.setattr(marks, name, value)
        yield


def numbered(frame: pl.DataFrame) -> pl.LazyFrame:
    return frame.lazy().with_row_index("row", offset=1)


@pytest.mark.parametrize("dtype", VALUES, ids=str)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_what_is_marked_is_what_a_mask_finds(data: st.DataObject, dtype: pl.DataType) -> None:
    held = data.draw(st.lists(st.tuples(st.one_of(st.none(), VALUES[dtype]), st.integers(0, 1)), max_size=60))
    frame = pl.DataFrame(held, schema={"a": dtype, "b": pl.Int64}, orient="row")
    for columns in (["a"], ["a", "b"]):
        again = ~pl.struct(columns).is_first_distinct()
        for with_missing in (False, True):
            bad = again if with_missing else again & pl.col("a").is_not_null()
            found = mark_repeats(numbered(frame), columns, "row", None, with_missing=with_missing)
            wanted = numbered(frame).filter(bad).collect()["row"].to_list()
            assert numbered(frame).filter(found.among("row")).collect(engine="streaming")["row"].to_list() == wanted
            assert (found.count(), found.first(3)) == (len(wanted), wanted[:3])


def test_one_value_many_times_is_looked_through_in_pieces(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": ["x"] * 1000 + ["y"] + ["x"] * 10})
    found = mark_repeats(numbered(frame), ["a"], "row", tmp_path)
    assert found.count() == 1009
    assert found.first(2) == [2, 3]
    assert not list(tmp_path.iterdir())


def test_nothing_is_marked_where_nothing_repeats() -> None:
    found = mark_repeats(numbered(pl.DataFrame({"a": range(500)})), ["a"], "row", None)
    assert (found.count(), found.first(5)) == (0, [])
    assert Marks().first(1) == []


RULES = {"a": {"unique": True, "increasing": True}, "table": {"unique": ["a", "b"]}, "b": {"nulls": False}}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 9)), st.one_of(st.none(), st.integers(0, 2)))))
def test_rules_find_the_same_in_a_long_table(rows: list[tuple[int | None, int | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.Int64}, orient="row")
    book = parse_rules(RULES)
    assert book.examine(frame.lazy()) == book.examine(frame)  # what is in memory already is judged there


@pytest.mark.parametrize("check", [UniqueKey(columns=("a",)), Duplicates(), Duplicates(columns=("a",))])
def test_checks_find_the_same_in_a_long_table(check: UniqueKey | Duplicates) -> None:
    frame = pl.DataFrame({"a": [*range(40), 3, 4, None, None], "b": [1] * 44})
    inputs, long = (Inputs(current=each) for each in (frame, frame.lazy()))
    assert check.judge(long) == check.judge(inputs)
    assert check.judge(long).verdict is Verdict.FAIL
