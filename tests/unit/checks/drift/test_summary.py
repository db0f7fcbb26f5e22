import math

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.checks.drift.reference import build_reference
from tidemill.checks.drift.summary import Summary, merge, summarise
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
