"""An example is read the same from polars, pandas, numpy and plain columns."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tidemill.models.examples import SAMPLE_ROWS, InvalidExample, plain, read_example
from tidemill.models.signatures import InvalidSignature

COLUMNS = {"x": [1.5, None, 2.0], "n": [1, 2, 3], "s": ["a", None, "b"], "t": [True, False, True]}
WANTED = [("x", "double", False), ("n", "long", True), ("s", "string", False), ("t", "boolean", True)]


def shown(example):
    return [(field.name, field.type, field.required) for field in example.fields]


@pytest.mark.parametrize("make", [dict, pl.DataFrame, pd.DataFrame], ids=["columns", "polars", "pandas"])
def test_every_kind_of_table_shows_the_same(make):
    found = read_example(make(COLUMNS))
    assert shown(found) == WANTED
    assert found.columns == COLUMNS
    assert found.count == 3


def test_declared_types_win_over_values():
    table = pl.DataFrame({"f": [1.0], "i": [1], "d": [datetime(2020, 1, 1, tzinfo=UTC)]}).cast(
        {"f": pl.Float32, "i": pl.Int16}
    )
    assert [field.type for field in read_example(table).fields] == ["float", "integer", "datetime"]
    assert [field.type for field in read_example(table.drop("d").to_pandas()).fields] == ["float", "integer"]


def test_pandas_categories_are_of_the_type_of_their_values():
    table = pd.DataFrame({"s": pd.Categorical(["a", None]), "n": pd.Categorical([3, 4])})
    assert shown(read_example(table)) == [("s", "string", False), ("n", "long", True)]


def test_an_array_s_columns_are_named():
    found = read_example(np.array([[1.0, np.nan]]))
    assert shown(found) == [("x0", "double", True), ("x1", "double", False)]
    assert [field.name for field in read_example(np.zeros((1, 2)), ["a", "b"]).fields] == ["a", "b"]


def test_only_some_rows_are_kept_and_a_null_anywhere_counts():
    found = read_example(pl.DataFrame({"x": [1.0] * 9_999 + [None]}))
    assert found.count <= SAMPLE_ROWS
    assert not found.fields[0].required


def test_a_table_with_more_columns_than_asked_for_is_narrowed():
    found = read_example(pd.DataFrame({"x": [1.0], "label": [1], "z": [2.0]}), ["z", "x"])
    assert [field.name for field in found.fields] == ["z", "x"]


@pytest.mark.parametrize(
    "table",
    [None, 3, [[1]], np.zeros(3), np.zeros((0, 2)), {}, {"x": []}, {"x": [1], "y": [1, 2]}, pl.DataFrame()],
)
def test_what_is_no_table_with_rows_is_refused(table):
    with pytest.raises(InvalidExample):
        read_example(table)


def test_columns_that_no_type_covers_are_refused():
    with pytest.raises(InvalidSignature, match="List"):
        read_example(pl.DataFrame({"x": [[1]]}))
    with pytest.raises(InvalidSignature, match="twice"):
        read_example(pd.DataFrame([[1, 2]], columns=["x", "x"]))


def test_every_kind_of_missing_is_none():
    assert [plain(one) for one in (None, float("nan"), np.nan, pd.NA, pd.NaT, np.float32("nan"))] == [None] * 6
    assert plain(pd.Timestamp("2020-01-01")) == datetime(2020, 1, 1, tzinfo=UTC)
    assert type(plain(np.str_("a"))) is str
    assert type(plain(np.int32(3))) is int
