import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tidemill.checks.distributions import (
    chi_square_sf,
    kolmogorov_sf,
    noncentral_chi_square_quantile,
    noncentral_chi_square_sf,
    noncentrality_at,
    normal_quantile,
    normal_sf,
    two_sided,
)


@given(st.floats(-30, 30))
def test_the_normal_tail_is_that_of_scipy(value):
    assert normal_sf(value) == pytest.approx(stats.norm.sf(value), rel=1e-10, abs=1e-300)


@given(st.floats(1e-9, 1 - 1e-9))
def test_the_normal_quantile_is_that_of_scipy(chance):
    assert normal_quantile(chance) == pytest.approx(stats.norm.ppf(chance), rel=1e-7, abs=1e-7)


def test_quantiles_at_the_ends_are_infinite():
    assert normal_quantile(0) == -math.inf
    assert normal_quantile(1) == math.inf
    assert two_sided(0.95) == pytest.approx(1.959964)


@given(st.floats(0, 5000), st.floats(0.5, 3000))
def test_the_chi_square_tail_is_that_of_scipy(value, df):
    assert chi_square_sf(value, df) == pytest.approx(stats.chi2.sf(value, df), rel=1e-8, abs=1e-12)


def test_the_chi_square_tail_holds_at_the_ends():
    assert chi_square_sf(-1, 3) == 1
    assert chi_square_sf(math.inf, 3) == 0
    assert chi_square_sf(1, 0) == 0
    assert chi_square_sf(10_500, 10_000) == pytest.approx(stats.chi2.sf(10_500, 10_000), rel=1e-8)


@given(st.floats(0.0, 5))
def test_the_kolmogorov_tail_is_that_of_scipy(value):
    assert kolmogorov_sf(value) == pytest.approx(stats.kstwobign.sf(value), rel=1e-7, abs=1e-10)


@pytest.mark.parametrize("df", [1, 2, 5, 20, 40, 255])
@pytest.mark.parametrize("noncentrality", [0.5, 5.0, 50.0, 2000.0])
def test_the_noncentral_tail_is_within_three_percent_of_scipy(df, noncentrality):
    for tail in (0.9, 0.5, 0.1, 1e-2, 1e-4, 1e-8):
        value = stats.ncx2.isf(tail, df, noncentrality)

        assert noncentral_chi_square_sf(value, df, noncentrality) == pytest.approx(tail, rel=0.03)


def test_the_noncentral_tail_at_its_mean_has_no_gap():
    around = [noncentral_chi_square_sf(70 + step * 1e-6, 20, 50) for step in range(-50, 51)]

    assert max(around) - min(around) < 1e-4


@given(st.floats(1, 500), st.integers(1, 60), st.floats(0.01, 0.99))
def test_the_noncentrality_gives_back_its_chance(value, df, chance):
    found = noncentrality_at(value, df, chance)

    assert found == 0 or noncentral_chi_square_sf(value, df, found) == pytest.approx(chance, abs=1e-4)


def test_the_noncentral_quantile_is_that_of_scipy():
    assert noncentral_chi_square_quantile(1e-4, 20, 55) == pytest.approx(stats.ncx2.isf(1e-4, 20, 55), rel=0.01)
