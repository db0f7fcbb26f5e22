import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tidemill.data.profile.lengths import STARTS, lengths_of, merge_lengths

many = st.lists(st.integers(0, 50) | st.integers(0, 1 << 31), min_size=1, max_size=40)


@given(st.lists(many, min_size=1, max_size=4))
def test_lengths_of_lots_add_up(lots: list[list[int]]) -> None:
    whole = lengths_of(np.concatenate(lots))
    parts = [(length, len(lot)) for lot in lots if (length := lengths_of(np.array(lot)))]
    merged = merge_lengths(parts)
    assert whole is not None
    assert merged is not None
    assert (merged.counts, merged.shortest, merged.longest, merged.empty) == (
        whole.counts,
        whole.shortest,
        whole.longest,
        whole.empty,
    )
    assert sum(whole.counts) == sum(map(len, lots))
    assert STARTS[len(whole.counts) - 1] <= whole.longest


def test_cells_grow_and_nothing_has_no_length() -> None:
    assert list(STARTS) == sorted(set(STARTS))
    assert lengths_of(np.array([], dtype=np.uint32)) is None
    assert merge_lengths([]) is None
