import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.data.profile.moments import Moments, moments_of

numbers = st.lists(st.floats(-1e3, 1e3).filter(lambda x: x == 0 or abs(x) > 1e-3), min_size=1, max_size=60)


def exact(values: np.ndarray) -> tuple[float, float, float, float]:
    apart = values - values.mean()
    return (values.mean(), (apart**2).sum(), (apart**3).sum(), (apart**4).sum())


@given(st.lists(numbers, min_size=1, max_size=5))
def test_moments_add_up_in_any_order(lots: list[list[float]]) -> None:
    parts = [moments_of(np.array(lot)) for lot in lots]
    forwards, backwards = Moments(), Moments()
    for part in parts:
        forwards += part
    for part in reversed(parts):
        backwards = part + backwards
    values = np.concatenate(lots)
    scale = max(float(np.abs(values).max()), 1.0)
    for merged in (forwards, backwards):
        assert merged.count == len(values)
        found = (merged.mean, merged.squares, merged.cubes, merged.fourths)
        for power, (ours, true) in enumerate(zip(found, exact(values), strict=True), start=1):
            assert ours == pytest.approx(true, rel=1e-9, abs=1e-9 * scale**power * len(values))


def test_skewness_and_kurtosis_are_those_of_the_definition() -> None:
    values = np.random.Generator(np.random.PCG64(3)).exponential(size=100_000)
    found = moments_of(values)
    z = (values - values.mean()) / values.std()
    assert found.skewness == pytest.approx((z**3).mean())
    assert found.kurtosis == pytest.approx((z**4).mean() - 3)
    again = Moments.of(found.count, found.mean, found.deviation, found.skewness, found.kurtosis)
    assert again.cubes == pytest.approx(found.cubes)
    assert again.fourths == pytest.approx(found.fourths)


def test_one_number_and_far_numbers_have_no_shape() -> None:
    assert moments_of(np.array([4.0, 4.0])).skewness is None
    assert moments_of(np.array([1.7e308, -1.7e308])).kurtosis is None
    assert Moments().deviation == 0.0
