import statistics
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill.checks.drift.reference import NumericReference, build_reference
from tidemill.checks.drift.summary import summarise
from tidemill.data.profile.bins import rebin
from tidemill.data.profile.build import Lots, decode_profile, encode_profile, profile_batches, profile_frame
from tidemill.data.profile.merge import merge_profiles
from tidemill.data.profile.records import ColumnProfile, Profile
from tidemill.data.profile.timeline import gaps

RANDOM = np.random.Generator(np.random.PCG64(7))


def column(frame: pl.DataFrame, name: str = "x") -> ColumnProfile:
    found = profile_frame(frame).column(name)
    assert found is not None
    return found


@given(values=st.lists(st.one_of(st.none(), st.integers(-50, 50), st.floats(-1e6, 1e6)), min_size=1, max_size=80))
def test_numbers_are_counted_as_they_are(values: list[float | None]) -> None:
    found = column(pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64, strict=False)}))
    known = [float(value) for value in values if value is not None]
    assert (found.rows, found.nulls) == (len(values), len(values) - len(known))
    assert found.distinct == len(set(known))
    assert found.is_distinct_exact
    assert (found.low, found.high) == ((min(known), max(known)) if known else (None, None))
    if known:
        assert found.mean == pytest.approx(statistics.fmean(known), abs=1e-6)
        assert found.deviation == pytest.approx(statistics.pstdev(known), rel=1e-6, abs=1e-6)
        assert sum(top.count for top in found.top) <= len(known)


@pytest.mark.parametrize(
    "values", [RANDOM.normal(size=5000), RANDOM.integers(0, 90, 5000), RANDOM.integers(0, 4000, 9000)]
)
def test_bins_are_those_of_the_drift_checks(values: np.ndarray) -> None:
    frame = pl.DataFrame({"x": values})
    assert profile_frame(frame).reference() == build_reference(frame) or _close(frame)


def _close(frame: pl.DataFrame) -> bool:
    """Deviations are summed in another order; everything else is the same."""
    ours, theirs = profile_frame(frame).reference().columns[0], build_reference(frame).columns[0]
    assert isinstance(ours, NumericReference)
    assert isinstance(theirs, NumericReference)
    assert ours.deviation == pytest.approx(theirs.deviation)
    return (ours.edges, ours.counts, ours.low, ours.high) == (theirs.edges, theirs.counts, theirs.low, theirs.high)


def test_categories_are_those_of_the_drift_checks() -> None:
    frame = pl.DataFrame({"x": [f"c{int(i)}" for i in RANDOM.zipf(1.5, 5000) % 700], "y": RANDOM.random(5000) < 0.3})
    assert profile_frame(frame).reference() == build_reference(frame)


def test_frequent_numbers_are_written_in_the_fewest_digits() -> None:
    held = column(pl.DataFrame({"x": [14.03, 14.03, 3.0, 3.0, 1e15, 1e15]}))

    assert {top.value for top in held.top} == {"14.03", "3", "1000000000000000"}


@pytest.mark.parametrize("rows", [10, 1000])
def test_values_that_stand_together_are_counted_as_others_are(rows: int) -> None:
    each = RANDOM.integers(0, 50, 200) / 4
    together = pl.DataFrame({"x": np.repeat(each, rows)})

    assert column(together) == column(together.sample(fraction=1, shuffle=True, seed=1))
    assert column(together).top[0].count == np.unique(each, return_counts=True)[1].max() * rows


def test_texts_have_lengths_and_top_values() -> None:
    found = column(pl.DataFrame({"x": ["a", "bb", "bb", None, "ccc", ""]}))
    assert found.length is not None
    assert (found.length.shortest, found.length.longest) == (0, 3)
    assert found.length.mean == pytest.approx(8 / 5)
    assert [(top.value, top.count) for top in found.top][:1] == [("bb", 2)]
    assert (found.low, found.high, found.distinct) == ("", "ccc", 4)


def test_dates_and_moments_have_ends_and_bins_but_no_reference() -> None:
    start = datetime(2013, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame({"at": [start + timedelta(hours=i) for i in range(48)], "day": [date(1900, 1, 1)] * 48})
    profile = profile_frame(frame)
    at, day = profile.columns
    assert (at.low, at.high) == ("2013-01-01T00:00:00Z", "2013-01-02T23:00:00Z")
    assert (day.low, day.top[0].value) == ("1900-01-01", "1900-01-01")
    assert at.bins is not None
    assert profile.reference().skipped == ("at", "day")


def test_booleans_are_categories_with_a_share() -> None:
    found = column(pl.DataFrame({"x": [True, True, False, None]}))
    assert found.mean == pytest.approx(2 / 3)
    assert [(top.value, top.count) for top in found.top] == [("true", 2), ("false", 1)]


def test_empty_columns_nested_types_and_infinities_do_not_break_it() -> None:
    frame = pl.DataFrame(
        {
            "none": pl.Series([None, None], dtype=pl.Float64),
            "null": [None, None],
            "text": pl.Series([None, None], dtype=pl.String),
            "list": [[1], [2]],
            "infinite": [float("inf"), float("nan")],
            "huge": [2**63 - 1, -(2**63)],
            "large": [1.7e308, -1.7e308],
        }
    )
    profile = profile_frame(frame)
    assert decode_profile(encode_profile(profile)) == profile
    assert profile.column("list") == ColumnProfile(name="list", type="list", rows=2, nulls=0)


@pytest.mark.parametrize("rows", [70_000, 1_000_000])
def test_many_different_values_are_estimated_and_binned(rows: int) -> None:
    frame = pl.DataFrame({"x": RANDOM.normal(size=rows), "t": [f"text {i}" for i in range(rows)]})
    profile = profile_frame(frame)
    for found in profile.columns:
        assert found.distinct is not None
        assert abs(found.distinct - rows) < 0.1 * rows
        assert not found.is_distinct_exact
    x = profile.columns[0]
    assert isinstance(x.bins, NumericReference)
    assert sum(x.bins.counts) == rows
    assert max(x.bins.counts) < 3 * rows / 256
    counted = summarise(frame.select("x"), profile.reference(("x",))).columns[0]
    assert counted.counts == x.bins.counts


def lots(frame: pl.DataFrame, parts: int) -> list[Profile]:
    step = -(-frame.height // parts)
    return [decode_profile(encode_profile(profile_frame(part))) for part in frame.iter_slices(step)]


@settings(max_examples=30)
@given(values=st.lists(st.one_of(st.none(), st.integers(-30, 30)), min_size=2, max_size=200), parts=st.integers(2, 5))
def test_merged_profiles_of_few_values_are_the_profile_of_all_rows(values: list[int | None], parts: int) -> None:
    frame = pl.DataFrame(
        {
            "x": pl.Series(values, dtype=pl.Int64),
            "t": pl.Series([None if v is None else f"v{v}" for v in values], dtype=pl.String),
        }
    )
    merged, whole = merge_profiles(lots(frame, parts)), profile_frame(frame)
    for ours, all_rows in zip(merged.columns, whole.columns, strict=True):
        assert (ours.rows, ours.nulls, ours.distinct, ours.low, ours.high, ours.top) == (
            all_rows.rows,
            all_rows.nulls,
            all_rows.distinct,
            all_rows.low,
            all_rows.high,
            all_rows.top,
        )
        assert ours.bins is not None
        assert all_rows.bins is not None
        assert ours.bins.counts == all_rows.bins.counts
        assert ours.mean == pytest.approx(all_rows.mean)


def test_merged_profiles_of_many_values_are_within_a_bin() -> None:
    values = np.concatenate([RANDOM.normal(size=40_000), RANDOM.exponential(size=20_000) + 3])
    frame = pl.DataFrame({"x": values})
    merged = merge_profiles(lots(frame, 6)).columns[0]
    assert isinstance(merged.bins, NumericReference)
    assert sum(merged.bins.counts) == len(values)
    assert merged.distinct is not None
    assert abs(merged.distinct - len(values)) < 0.1 * len(values)
    assert merged.mean == pytest.approx(values.mean())
    assert merged.deviation == pytest.approx(values.std())
    below = np.cumsum(merged.bins.counts)[:-1] / len(values)
    true = np.searchsorted(np.sort(values), merged.bins.edges, side="right") / len(values)
    assert np.abs(below - true).max() < 2 / 256


def test_bins_counted_over_other_bins_keep_every_row() -> None:
    bins = profile_frame(pl.DataFrame({"x": RANDOM.normal(size=3000)})).columns[0].bins
    assert isinstance(bins, NumericReference)
    for edges in ([0.0], [-9.0, 9.0], list(np.linspace(-2, 2, 40)), []):
        counts = rebin(bins, edges)
        assert len(counts) == len(edges) + 1
        assert sum(counts) == 3000
        assert min(counts) >= 0


def test_profiles_of_unlike_types_merge() -> None:
    whole = profile_frame(pl.DataFrame({"x": [1, 2, 2]}))
    broken = profile_frame(pl.DataFrame({"x": [0.5]}))
    missing = profile_frame(pl.DataFrame({"x": pl.Series([None, None], dtype=pl.String)}))
    merged = merge_profiles([whole, broken, missing]).columns[0]
    assert (merged.type, merged.rows, merged.nulls, merged.distinct, merged.low) == ("float64", 6, 2, 3, 0.5)


def test_numbers_have_a_shape_and_quantiles() -> None:
    values = np.concatenate([RANDOM.exponential(size=150_000), [0.0, 0.0, -1.0, np.nan, np.inf]])
    found = column(pl.DataFrame({"x": values}))
    finite = values[np.isfinite(values)]
    z = (finite - finite.mean()) / finite.std()
    assert (found.zeros, found.negatives, found.not_finite) == (2, 1, 2)
    assert found.skewness == pytest.approx((z**3).mean())
    assert found.kurtosis == pytest.approx((z**4).mean() - 3)
    for quantile in found.quantiles:
        assert isinstance(quantile.value, float)
        assert abs((finite <= quantile.value).mean() - quantile.share) < 0.01


def test_quantiles_of_counted_values_are_exact() -> None:
    found = column(pl.DataFrame({"x": list(range(1, 101))}))
    assert [(each.share, each.value) for each in found.quantiles] == [
        (0.01, 1), (0.05, 5), (0.25, 25), (0.5, 50), (0.75, 75), (0.95, 95), (0.99, 99),
    ]  # fmt: skip


@pytest.mark.parametrize("parts", [2, 7])
def test_merged_profiles_have_the_quantiles_shape_and_periods_of_all_rows(parts: int) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    rows = 90_000
    frame = pl.DataFrame(
        {
            "x": np.exp(RANDOM.normal(size=rows)) - 1,
            "at": [start + timedelta(seconds=37 * i if i < rows / 2 else 37 * i + 4e6) for i in range(rows)],
            "t": [f"{i:0{i % 9}}" for i in range(rows)],
        }
    )
    merged, whole = merge_profiles(lots(frame, parts)), profile_frame(frame)
    for ours, true in zip(merged.columns, whole.columns, strict=True):
        assert (ours.timeline, ours.zeros, ours.negatives) == (true.timeline, true.zeros, true.negatives)
        if ours.length and true.length:
            assert (ours.length.counts, ours.length.empty) == (true.length.counts, true.length.empty)
    x = merged.columns[0]
    assert x.skewness == pytest.approx(whole.columns[0].skewness)
    assert x.kurtosis == pytest.approx(whole.columns[0].kurtosis)
    for quantile in x.quantiles:
        assert isinstance(quantile.value, float)
        assert abs((frame["x"] <= quantile.value).mean() - quantile.share) < 0.01  # type: ignore[operator]
    timeline = merged.columns[1].timeline
    assert timeline is not None
    assert max(gap.end_s - gap.start_s for gap in gaps(timeline)) == pytest.approx(4e6, abs=2 * timeline.step_s)


def test_batches_are_told_and_equal_tables_have_equal_profiles() -> None:
    frame = pl.DataFrame({f"x{at}": RANDOM.normal(size=50_000) for at in range(100)})
    heard: list[int] = []
    first = profile_batches(frame.iter_slices(10_000), told=heard.append)
    assert heard == [20_000, 40_000, 50_000]
    assert encode_profile(first) == encode_profile(profile_batches(frame.iter_slices(10_000)))


def test_what_many_merges_round_does_not_add_up() -> None:
    values = np.exp(RANDOM.normal(size=(400, 500)))
    parts = [profile_frame(pl.DataFrame({"x": lot})) for lot in values]
    lots_of: Lots[Profile] = Lots(merge_profiles)
    for part in parts:
        lots_of.add(part)
    x = lots_of.merged().columns[0]
    assert x.rows == values.size
    assert isinstance(x.bins, NumericReference)
    below = np.cumsum(x.bins.counts)[:-1] / values.size
    true = np.searchsorted(np.sort(values.ravel()), x.bins.edges, side="right") / values.size
    assert np.abs(below - true).max() < 4 / 256
