import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.data.profile.kll import Ranks, merge_ranks, pack_ranks, quantiles, ranks_of, share_below, unpack_ranks

RANDOM = np.random.Generator(np.random.PCG64(11))
STATED = 0.01
"""What docs/reference/profiles.md promises of the rank of a quantile."""


def of(values: np.ndarray, size: int = 256) -> Ranks:
    different, counts = np.unique(values, return_counts=True)
    return ranks_of(different, counts.astype(np.int64), size)


def furthest(ranks: Ranks, values: np.ndarray) -> float:
    ordered = np.sort(values)
    asked = np.unique(ordered[np.linspace(0, len(ordered) - 1, 500).astype(int)])
    true = np.searchsorted(ordered, asked, side="right") / len(ordered)
    return float(np.abs(share_below(ranks, asked) - true).max())


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=120))
def test_few_values_are_kept_as_they_are(values: list[float]) -> None:
    array = np.array(values)
    ranks = of(array)
    assert ranks.count == len(values)
    assert furthest(ranks, array) == 0
    assert quantiles(ranks, [0.0, 1.0]) == [array.min(), array.max()]


@pytest.mark.parametrize("way", ["one by one", "in pairs", "all at once", "backwards"])
@pytest.mark.parametrize("kind", ["same", "in order", "in turn", "long tail", "few"])
def test_merging_many_lots_in_any_way_stays_within_the_stated_error(kind: str, way: str) -> None:
    make = {
        "same": lambda _: RANDOM.normal(size=5000),
        "in order": lambda at: np.arange(5000.0) + at * 5000,
        "in turn": lambda at: np.arange(5000.0) * 40 + at,
        "long tail": lambda at: np.exp(5 * RANDOM.normal(size=5000 + 100 * at)),
        "few": lambda at: RANDOM.integers(0, 300 + at, 5000).astype(float),
    }[kind]
    lots = [make(at) for at in range(40)]
    parts = [of(lot) for lot in lots]
    if way == "all at once":
        merged = merge_ranks(parts)
    elif way == "in pairs":
        while len(parts) > 1:
            parts = [merge_ranks(parts[at : at + 2]) for at in range(0, len(parts), 2)]
        merged = parts[0]
    else:
        ordered = parts[::-1] if way == "backwards" else parts
        merged = ordered[0]
        for part in ordered[1:]:
            merged = merge_ranks([merged, part])
    values = np.concatenate(lots)
    assert merged.count == len(values)
    assert sum(map(len, merged.levels)) < 3 * 256 + 8 * len(merged.levels)
    assert furthest(merged, values) <= STATED


@given(
    lots=st.lists(st.lists(st.floats(-100, 100), min_size=1, max_size=300), min_size=3, max_size=3),
    size=st.sampled_from([16, 64]),
)
def test_merging_is_associative_in_what_it_stands_for(lots: list[list[float]], size: int) -> None:
    a, b, c = (of(np.array(lot), size) for lot in lots)
    left, right = merge_ranks([merge_ranks([a, b]), c]), merge_ranks([a, merge_ranks([b, c])])
    values = np.concatenate(lots)
    assert left.count == right.count == len(values)
    for merged in (left, right):
        assert furthest(merged, values) <= 8 / size


def test_a_sketch_survives_being_written() -> None:
    ranks = of(RANDOM.normal(size=50_000))
    again = unpack_ranks(pack_ranks(ranks))
    assert again is not None
    assert again.size == ranks.size
    assert all((ours == theirs).all() for ours, theirs in zip(ranks.levels, again.levels, strict=True))
    assert unpack_ranks("") is None
    assert pack_ranks(of(np.array([]))).startswith("256:")
    assert unpack_ranks(pack_ranks(of(np.array([])))) == Ranks(size=256, levels=())
