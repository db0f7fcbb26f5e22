import math

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.checks.drift.reference import build_reference
from tidemill.checks.drift.summary import Summary, bin_counts, merge, summarise
from tidemill.checks.errors import BinMismatch

TRAINING = pl.DataFrame(
    {"x": [float(i % 37) for i in range(500)], "c": [("a", "b", None, "d")[i % 4] for i in range(500)]}
)
REFERENCE = build_reference(TRAINING)

rows = st.lists(
    st.tuples(
        st.none() | st.floats(-10, 50) | st.sampled_from([math.nan, math.inf, -math.inf]),
        st.sampled_from(["a", "b", "new", None]),
    ),
    max_size=60,
)


def table(given_rows):
    return pl.DataFrame(given_rows, schema={"x": pl.Float64, "c": pl.String}, orient="row")


@given(rows, rows)
def test_merging_is_the_same_as_summarising_at_once(first, second):
    merged = merge(summarise(table(first), REFERENCE), summarise(table(second), REFERENCE))

    assert merged == summarise(table(first + second), REFERENCE)


@given(rows, st.randoms())
def test_the_order_of_rows_does_not_matter(given_rows, random):
    shuffled = random.sample(given_rows, len(given_rows))

    assert summarise(table(given_rows), REFERENCE) == summarise(table(shuffled), REFERENCE)


def test_a_missing_or_changed_column_is_told_and_not_raised():
    summary = summarise(pl.DataFrame({"x": ["a"], "more": [1]}), REFERENCE)

    assert summary.problems == {
        "x": "the column was numeric and now holds String",
        "c": "the column is missing",
    }
    assert summary.rows == 1


def test_lazy_and_eager_tables_give_the_same():
    assert summarise(TRAINING.lazy(), REFERENCE) == summarise(TRAINING, REFERENCE)


def test_categories_are_counted_whatever_holds_them():
    as_enum = TRAINING.with_columns(pl.col("c").cast(pl.Categorical))

    assert summarise(as_enum, REFERENCE) == summarise(TRAINING, REFERENCE)


def test_summaries_of_different_references_are_not_added():
    other = build_reference(TRAINING.head(10))

    with pytest.raises(BinMismatch):
        merge(summarise(TRAINING, REFERENCE), summarise(TRAINING, other))


def test_a_summary_goes_through_json():
    summary = summarise(TRAINING.with_columns(x=pl.lit("a")), REFERENCE)

    assert msgspec.json.decode(msgspec.json.encode(summary), type=Summary) == summary


_LARGE = np.random.Generator(np.random.PCG64(5)).normal(size=40_000)


@pytest.mark.parametrize(
    "values",
    [
        _LARGE,
        -np.exp(5 * _LARGE),
        np.concatenate([np.exp(5 * _LARGE), -np.exp(3 * _LARGE)]),
        np.round(_LARGE),
        1e9 + _LARGE,
        np.abs(np.round(100 * _LARGE)) * 5e-324,
        np.clip(_LARGE, -1.5, 1.5) * 1e308,
        np.concatenate([_LARGE, [np.inf, -np.inf, np.nan, 0.0, -0.0]]),
    ],
    ids=["even", "ratio", "both signs", "few", "far from 0", "smallest", "largest", "infinite"],
)
@pytest.mark.parametrize("most", [2, 5, 256, 1024])
def test_many_rows_are_counted_as_a_search_counts_them(values: np.ndarray, most: int) -> None:
    finite = np.sort(values[np.isfinite(values)])
    for edges in (np.unique(finite[:: len(finite) // most]), np.unique(finite)[:2], np.array([0.0])):
        known = values[~np.isnan(values)]
        expected = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
        assert (bin_counts(values, edges) == expected).all()
