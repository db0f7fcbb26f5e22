import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill.data.profile.build import decode_profile, encode_profile, profile_frame
from tidemill.data.profile.merge import merge_profiles
from tidemill.data.profile.records import Profile
from tidemill.data.profile.relate import MOST_VALUES
from tidemill.data.profile.relations import cramers_v, groups_of, relations_of, table_of, unpack

RANDOM = np.random.Generator(np.random.PCG64(2))


def frame(rows: int = 3000) -> pl.DataFrame:
    x = RANDOM.normal(size=rows)
    c = RANDOM.integers(0, 3, rows)
    return pl.DataFrame(
        {
            "x": x,
            "y": -2 * x + 0.1 * RANDOM.normal(size=rows) + 1e6,
            "z": pl.Series(RANDOM.normal(size=rows) + 3 * c).set(pl.Series(RANDOM.random(rows) < 0.2), None),
            "c": [f"c{value}" for value in c],
            "same": [f"s{value}" for value in c],
            "other": [None if value < 0.1 else str(int(value * 4)) for value in RANDOM.random(rows)],
            "month": RANDOM.integers(1, 13, rows),
            "many": [f"v{value}" for value in RANDOM.integers(0, 99, rows)],
        }
    )


def relation(profile: Profile, first: str, second: str) -> float:
    return next(each.value for each in relations_of(profile.relations, first) if each.second == second)


def test_relations_are_those_of_the_rows() -> None:
    table = frame()
    profile = decode_profile(encode_profile(profile_frame(table)))
    both = table.drop_nulls("z")
    assert relation(profile, "x", "y") == pytest.approx(np.corrcoef(table["x"], table["y"])[0, 1])
    assert relation(profile, "z", "x") == pytest.approx(np.corrcoef(both["z"], both["x"])[0, 1])
    assert relation(profile, "c", "same") == pytest.approx(1.0)
    assert relation(profile, "other", "same") < 0.06
    assert relation(profile, "c", "z") > 0.8
    assert relations_of(profile.relations)[0].value > 0.99
    assert not relations_of(profile.relations, "many")
    assert profile.relations is not None
    groups = groups_of(profile.relations, "c", "z")
    for group in groups:
        rows = both.filter(pl.col("c") == group.value)["z"]
        assert group.rows == len(rows)
        assert group.mean == pytest.approx(rows.mean())
        assert group.deviation == pytest.approx(rows.std(ddof=0))
    found = table_of(profile.relations, "same", "c")
    assert found is not None
    assert found[2].sum() == table.height
    assert (found[2] > 0).sum() == 3
    assert table_of(profile.relations, "same", "many") is None


def test_values_of_whole_numbers_stay_with_their_rows() -> None:
    table = frame()
    profile = profile_frame(table)
    assert profile.relations is not None
    for group in groups_of(profile.relations, "month", "x"):
        rows = table.filter(pl.col("month") == int(group.value))["x"]
        assert group.rows == len(rows)
        assert group.mean == pytest.approx(rows.mean())


small = st.lists(
    st.tuples(
        st.none() | st.floats(-50, 50), st.floats(0, 1e4), st.none() | st.sampled_from("abcd"), st.integers(-3, 30)
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40)
@given(st.lists(small, min_size=2, max_size=4), st.booleans())
def test_merged_relations_are_those_of_all_rows(lots: list[list[tuple]], backwards: bool) -> None:  # type: ignore[type-arg]  # noqa: FBT001 - given by hypothesis
    schema = {"x": pl.Float64, "y": pl.Float64, "c": pl.String, "n": pl.Int64}
    frames = [pl.DataFrame(lot, schema=schema, orient="row") for lot in lots]
    parts = [decode_profile(encode_profile(profile_frame(each))) for each in frames]
    ordered = parts[::-1] if backwards else parts
    merged = ordered[0]
    for part in ordered[1:]:
        merged = merge_profiles([merged, part])
    whole = profile_frame(pl.concat(frames))
    assert merged.relations is not None
    assert whole.relations is not None
    ours, true = unpack(merged.relations), unpack(whole.relations)
    assert (ours.numbers, ours.axes) == (true.numbers, true.axes)
    assert np.allclose(ours.pairs, true.pairs, rtol=1e-7, atol=1e-5)
    for pair in itertools.combinations([axis.name for axis in ours.axes], 2):
        assert (ours.tables[pair] == true.tables[pair]).all()
    for name in ours.groups:
        assert np.allclose(ours.groups[name], true.groups[name], rtol=1e-7, atol=1e-5)


def test_a_column_of_too_many_values_in_all_has_no_table_in_any_order() -> None:
    frames = [pl.DataFrame({"c": [f"{start + at}" for at in range(12)], "d": ["a", "b"] * 6}) for start in (0, 6, 12)]
    parts = [profile_frame(each) for each in frames]
    assert len({value for each in frames for value in each["c"]}) > MOST_VALUES
    for order in itertools.permutations(parts):
        merged = merge_profiles([merge_profiles(order[:2]), order[2]])
        assert merged.relations is not None
        assert [axis.name for axis in merged.relations.axes] == ["d"]


def test_chance_is_no_association() -> None:
    table = np.histogram2d(RANDOM.random(400), RANDOM.random(400), bins=10)[0].astype(np.int64)
    assert cramers_v(table) == pytest.approx(0, abs=0.15)
    assert cramers_v(np.array([[5, 5], [0, 0]])) is None


def test_odd_tables_have_no_relations_or_fewer() -> None:
    assert profile_frame(pl.DataFrame({"x": [1.0, 2.0]})).relations is None
    huge = profile_frame(pl.DataFrame({"x": [1e300, -1e300, 1.0], "y": [1e308, -1e308, 0.0], "n": [None] * 3}))
    assert all(abs(each.value) <= 1 for each in relations_of(huge.relations))
    assert relations_of(None) == []
    empty = profile_frame(pl.DataFrame(schema={"x": pl.Float64, "c": pl.String, "u": pl.UInt64}))
    assert relations_of(empty.relations) == []
