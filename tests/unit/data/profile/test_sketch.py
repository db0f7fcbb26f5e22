import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.data.profile import sketch

RANDOM = np.random.Generator(np.random.PCG64(4))


@pytest.mark.parametrize("different", [10, 1000, 12_000, 100_000, 1_500_000])
def test_an_estimate_is_within_the_stated_error(different: int) -> None:
    values = RANDOM.random(different)
    held = sketch.registers(values, sketch.hash_numbers)
    assert abs(sketch.estimate(held) - different) <= max(2, 0.06 * different)  # three deviations of 2 percent
    assert (sketch.registers(sketch.hash_numbers(values)) == held).all()


@given(st.lists(st.lists(st.floats(-9, 9), max_size=50), min_size=1, max_size=5))
def test_registers_of_lots_merge_to_those_of_all_rows(lots: list[list[float]]) -> None:
    parts = [sketch.registers(np.array(lot), sketch.hash_numbers) for lot in lots]
    whole = sketch.registers(np.concatenate([np.array(lot) for lot in lots]), sketch.hash_numbers)
    assert (np.maximum.reduce(parts) == whole).all()


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=60))
def test_a_register_holds_the_longest_run_of_zeros(hashes: list[int]) -> None:
    expected = np.zeros(4096, dtype=np.uint8)
    for each in hashes:
        rest = format((each << 12) & (2**64 - 1) | 1 << 11, "064b")
        expected[each >> 52] = max(expected[each >> 52], rest.index("1") + 1)
    assert (sketch.registers(np.array(hashes, dtype=np.uint64)) == expected).all()


@pytest.mark.parametrize("different", [0, 1, 500, 1300, 1600, 50_000])
def test_registers_survive_being_written(different: int) -> None:
    held = sketch.registers(RANDOM.random(different), sketch.hash_numbers)
    packed = sketch.pack(held, "a kind")
    unpacked = sketch.unpack(packed)
    assert unpacked is not None
    assert unpacked[0] == "a kind"
    assert (unpacked[1] == held).all()
    assert len(packed) < 5 * different + 20 or different > 1000
    assert sketch.unpack("") is None
