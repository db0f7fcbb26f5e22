import numpy as np
import polars as pl
import pytest

from tidemill.data.profile.build import decode_profile, encode_profile, profile_frame
from tidemill.data.profile.curves import BINS
from tidemill.data.profile.merge import merge_profiles
from tidemill.data.profile.relations import unpack


def made(rows: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    distance = rng.gamma(2.0, 400.0, rows)
    late = rng.random(rows) < 1 / (1 + np.exp((900 - distance) / 300))
    delay = np.where(rng.random(rows) < 0.1, np.nan, distance / 50 + rng.normal(0, 3, rows))
    places = [f"A{place:02}" for place in np.minimum(rng.geometric(0.08, rows), 60)]
    frame = pl.DataFrame({"distance": distance, "late": late, "delay": delay, "place": places})
    return frame.with_columns(pl.col("delay").fill_nan(None))


def test_the_sums_are_those_of_the_rows():
    frame = made(2000)

    relations = profile_frame(frame).relations
    assert relations is not None
    sums = unpack(relations)
    cells = sums.curves["distance"]

    assert list(sums.curves) == ["distance", "delay", "place"]
    assert cells.edges is not None
    assert len(cells.edges) == BINS
    places = np.searchsorted(cells.edges, frame["distance"].to_numpy())
    table = (
        frame.with_columns(bin=places)
        .group_by("bin")
        .agg(rows=pl.len(), known=pl.col("delay").count(), total=pl.col("delay").sum(), late=pl.col("late").sum())
        .sort("bin")
    )
    at = sums.numbers.index("delay")
    true = 1 + 2 * len(sums.numbers) + sums.axes[0].values.index("true")
    assert cells.sums[:, 0].tolist() == table["rows"].to_list()
    assert cells.sums[:, 1 + at].tolist() == table["known"].to_list()
    assert cells.sums[:, 1 + len(sums.numbers) + at] == pytest.approx(table["total"].to_numpy())
    assert cells.sums[:, true].tolist() == table["late"].to_list()


def test_a_text_has_its_frequent_values_and_one_bin_for_all_others():
    frame = made(2000).with_columns(place=pl.when(pl.col("place") == "A03").then(None).otherwise("place"))

    relations = profile_frame(frame).relations
    assert relations is not None
    cells = unpack(relations).curves["place"]

    counts = frame["place"].drop_nulls().value_counts().sort("count", "place", descending=[True, False])
    assert list(cells.values) == counts["place"].head(BINS).to_list()
    assert cells.sums[:-1, 0].tolist() == counts["count"].head(BINS).to_list()
    assert cells.sums[:, 0].sum() == frame["place"].count()


def test_lots_that_do_not_overlap_merge_exactly():
    frame = made(4000).sort("distance")

    merged = merge_profiles([profile_frame(frame.head(2000)), profile_frame(frame.tail(2000))]).relations
    assert merged is not None
    sums = unpack(merged)
    cells = sums.curves["distance"]

    assert cells.edges is not None
    places = np.searchsorted(cells.edges, frame["distance"].to_numpy())
    rows = np.bincount(places, minlength=len(cells.edges))
    assert cells.sums[:, 0] == pytest.approx(rows)
    totals = np.bincount(places, weights=frame["delay"].fill_null(0).to_numpy())
    assert cells.sums[:, 1 + len(sums.numbers) + sums.numbers.index("delay")] == pytest.approx(totals)


def test_lots_that_overlap_merge_within_a_bin_and_lose_no_row():
    lots = [made(3000, seed) for seed in range(6)]

    merged = merge_profiles([profile_frame(lot) for lot in lots]).relations
    whole = profile_frame(pl.concat(lots)).relations
    assert merged is not None
    assert whole is not None
    one, two = unpack(merged), unpack(whole)

    assert one.curves["distance"].sums.sum(axis=0) == pytest.approx(two.curves["distance"].sums.sum(axis=0))
    at = one.numbers.index("delay")
    shown = []
    for sums in (one, two):
        cells = sums.curves["distance"]
        assert cells.edges is not None
        shown.append((cells.edges, cells.sums[:, 1 + len(sums.numbers) + at] / cells.sums[:, 1 + at]))
    middles = [np.interp(np.linspace(300, 1500, 9), *each) for each in shown]
    assert middles[0] == pytest.approx(middles[1], abs=2.0)


def test_numbers_of_few_values_stay_apart_when_they_merge():
    lots = [pl.DataFrame({"dose": [0.5, 1.5, 2.5, 2.5], "heals": heals}) for heals in ([0.0, 1.0, 1.0, 3.0], [2.0] * 4)]

    merged = merge_profiles([profile_frame(lot) for lot in [*lots, lots[0].with_columns(dose=pl.lit(9.5))]]).relations
    assert merged is not None
    cells = unpack(merged).curves["dose"]

    assert cells.edges is not None
    assert cells.edges.tolist() == [0.5, 1.5, 2.5, 9.5]
    assert cells.sums[:, 0].tolist() == [2, 2, 4, 4]


def test_a_profile_without_curves_is_still_read_and_merged():
    new = profile_frame(made(200))
    old = encode_profile(new).replace(b"tidemill.profile.2", b"tidemill.profile.1")
    start, end = old.index(b',"curves":['), old.index(b"]", old.rindex(b'"sums"')) + 1

    found = decode_profile(old[:start] + old[end:])

    assert found.relations is not None
    assert found.relations.curves == ()
    merged = merge_profiles([found, new])
    assert merged.relations is not None
    assert merged.relations.curves == ()
    assert merged.relations.groups


def test_columns_of_few_values_in_one_lot_and_many_in_others_have_bins():
    many = pl.DataFrame({"hour": range(48), "t": [f"{at % 40}" for at in range(48)], "y": [1.5, 2.5] * 24})
    few = pl.DataFrame({"hour": [3, 3, 9], "t": ["7", "8", "8"], "y": [4.0, 8.0, 3.5]})
    other = few.with_columns(hour=pl.Series(range(30, 33)), t=pl.Series(["a", "b", "c"]))

    for lots in ([many, few], [few, many], [few, other, many]):
        merged = merge_profiles([profile_frame(lot) for lot in lots]).relations
        assert merged is not None
        sums = unpack(merged)
        whole = pl.concat(lots)
        assert sums.curves["hour"].sums[:, 0].sum() == pytest.approx(whole.height)
        total = 1 + len(sums.numbers) + sums.numbers.index("y")
        assert sums.curves["hour"].sums[:, total].sum() == pytest.approx(whole["y"].sum())
        assert sums.curves["t"].sums[:, total].sum() == pytest.approx(whole["y"].sum())
        assert sums.curves["t"].values[0] in {"7", "8"}


def test_lots_without_a_value_add_nothing():
    frame = pl.DataFrame({"a": [0.5, 1.25, 7.0], "t": ["x", "x", "y"], "b": [1.5, 2.5, 3.5]})
    texts = pl.DataFrame({"t": [f"{at}" for at in range(40)], "a": [0.5] * 40, "b": [2.5] * 40})
    nulls = frame.with_columns(a=pl.lit(None, pl.Float64))

    merged = merge_profiles([profile_frame(lot) for lot in (nulls, frame, nulls, texts)]).relations
    assert merged is not None
    cells = unpack(merged).curves["a"]

    assert cells.sums[:, 0].tolist() == [41, 1, 1]


@pytest.mark.parametrize("values", [[1e308, -1e308, 1e308, 5.0] * 8, [float("inf"), 1.0, 2.0, float("nan")] * 8])
def test_vast_and_strange_numbers_break_nothing(values):
    frame = pl.DataFrame({"a": values, "b": [float(at) + 0.5 for at in range(len(values))]})

    merged = merge_profiles([profile_frame(frame), profile_frame(frame.with_columns(pl.col("a") + 1))])

    assert merged.relations is not None
    assert len(unpack(merged.relations).curves) == 2
