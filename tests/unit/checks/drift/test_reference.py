import math

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.checks.drift.reference import Reference, build_reference, category_reference, numeric_reference
from tidemill.checks.drift.summary import summarise_numbers
from tidemill.checks.errors import ColumnMissing, NotNumbers

numbers = st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.none(), max_size=400)


@given(numbers)
def test_every_row_is_counted_once_whatever_the_numbers(values):
    series = pl.Series("x", values, dtype=pl.Float64)
    reference = numeric_reference("x", series)

    assert sum(reference.counts) + reference.nulls == len(values)
    assert len(reference.counts) == len(reference.edges) + 1
    assert list(reference.edges) == sorted(set(reference.edges))
    assert all(math.isfinite(edge) for edge in reference.edges)


@given(numbers)
def test_the_training_rows_summarised_again_are_the_reference(values):
    series = pl.Series("x", values, dtype=pl.Float64)
    reference = numeric_reference("x", series)

    assert summarise_numbers(series, reference).counts == reference.counts


def test_bins_hold_about_as_many_rows_each():
    reference = numeric_reference("x", np.random.default_rng(0).normal(size=100_000))

    assert 250 <= len(reference.edges) <= 258
    assert max(reference.counts) <= 1.5 * 100_000 / 256
    assert reference.counts[0] == reference.counts[-1] == 0


def test_few_distinct_values_have_a_bin_each():
    reference = numeric_reference("x", np.array([1.0, 2.0, 2.0, 7.0]))

    assert reference.is_discrete
    assert reference.edges[1:] == (1.0, 2.0, 7.0)
    assert reference.counts == (0, 1, 2, 1, 0)


def test_a_value_that_fills_many_bins_has_one_to_itself():
    values = np.concatenate([np.zeros(40_000), np.random.default_rng(0).exponential(size=60_000)])

    reference = numeric_reference("x", values)

    assert reference.counts[1] == 40_000
    assert reference.edges[1] == 0


def test_a_constant_column_notices_what_lies_below_and_above():
    reference = numeric_reference("x", np.full(10, 5.0))

    assert summarise_numbers(np.array([3.0, 5.0, 5.0, 9.0]), reference).counts == (1, 2, 1)


def test_the_most_frequent_categories_are_kept_and_the_others_counted():
    reference = category_reference("c", pl.Series(["b", "a", "a", None, "c", "d"]), most=2)

    assert reference.values == ("a", "b")
    assert reference.counts == (2, 1)
    assert (reference.other, reference.nulls) == (2, 1)


def test_times_and_nested_columns_are_skipped_and_named():
    frame = pl.DataFrame({"at": pl.Series([1], dtype=pl.Datetime), "list": [[1]], "x": [1.5], "flag": [True]})

    reference = build_reference(frame)

    assert reference.skipped == ("at", "list")
    assert [column.name for column in reference.columns] == ["x", "flag"]


def test_a_reference_goes_through_json():
    frame = pl.DataFrame({"x": [1.0, math.inf, math.nan, None], "c": ["a", None, "b", "b"], "n": [None] * 4})
    reference = build_reference(frame)

    assert msgspec.json.decode(msgspec.json.encode(reference), type=Reference) == reference


def test_an_unknown_column_is_refused_with_the_nearest():
    with pytest.raises(ColumnMissing, match="distence") as raised:
        build_reference(pl.DataFrame({"distance": [1]}), ["distence"])

    assert "distance" in raised.value.hint


def test_text_is_no_number():
    with pytest.raises(NotNumbers):
        numeric_reference("x", pl.Series(["a"]))
