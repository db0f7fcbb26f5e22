"""The distances, against SciPy and against each other."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from tidemill.checks.drift.chi_square import chi_square
from tidemill.checks.drift.jensen_shannon import jensen_shannon_distance, jensen_shannon_divergence, measure_effect
from tidemill.checks.drift.kolmogorov_smirnov import (
    kolmogorov_p_value,
    kolmogorov_smirnov,
    kolmogorov_smirnov_counts,
)
from tidemill.checks.drift.psi import population_stability_index
from tidemill.checks.drift.reference import numeric_reference
from tidemill.checks.drift.summary import summarise_numbers
from tidemill.checks.drift.wasserstein import wasserstein, wasserstein_counts
from tidemill.checks.errors import BinMismatch, NotEnough

counts = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=2, max_size=30).filter(
    lambda pairs: sum(one for one, _ in pairs) > 0 and sum(other for _, other in pairs) > 0
)
samples = st.lists(st.floats(-1e6, 1e6) | st.integers(-3, 3).map(float), min_size=1, max_size=80)

BINNED = [
    population_stability_index,
    jensen_shannon_divergence,
    jensen_shannon_distance,
    kolmogorov_smirnov_counts,
    lambda one, other: chi_square(one, other).statistic,
]


@pytest.mark.parametrize("distance", BINNED)
@given(counts)
def test_binned_distances_are_symmetric_never_negative_and_zero_at_equality(distance, pairs):
    one, other = zip(*pairs, strict=True)

    assert distance(one, other) == pytest.approx(distance(other, one), abs=1e-9)
    assert distance(one, other) >= 0
    assert distance(one, one) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("distance", [population_stability_index, jensen_shannon_distance])
@given(counts, st.randoms())
def test_the_order_of_bins_does_not_matter_where_bins_have_no_order(distance, pairs, random):
    shuffled = random.sample(pairs, len(pairs))

    one, other = distance(*zip(*pairs, strict=True)), distance(*zip(*shuffled, strict=True))

    assert one == pytest.approx(other, abs=1e-9)


@given(counts)
def test_jensen_shannon_is_that_of_scipy(pairs):
    one, other = zip(*pairs, strict=True)

    expected = jensenshannon(np.array(one, float), np.array(other, float), base=2)

    assert jensen_shannon_distance(one, other) == pytest.approx(np.nan_to_num(expected), abs=1e-6)


def test_distributions_without_a_common_bin_are_at_one():
    assert jensen_shannon_distance([5, 0], [0, 9]) == pytest.approx(1)


def test_the_stability_index_is_that_of_the_book():
    # Shares 0.2, 0.3, 0.5 against 0.3, 0.3, 0.4, by hand.
    expected = 0.1 * math.log(1.5) + 0.1 * math.log(5 / 4)

    assert population_stability_index([20, 30, 50], [30, 30, 40]) == pytest.approx(expected)


@given(samples, samples)
def test_the_kolmogorov_smirnov_distance_is_that_of_scipy(one, other):
    assert kolmogorov_smirnov(one, other) == pytest.approx(stats.ks_2samp(one, other).statistic, abs=1e-12)


def test_the_kolmogorov_p_value_is_that_of_scipy():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=3000), rng.normal(0.05, 1, size=2000)
    expected = stats.ks_2samp(one, other, method="asymp")

    assert kolmogorov_p_value(kolmogorov_smirnov(one, other), 3000, 2000) == pytest.approx(expected.pvalue, abs=0.02)


@given(samples, samples)
def test_the_wasserstein_distance_is_that_of_scipy(one, other):
    expected = stats.wasserstein_distance(one, other)

    assert wasserstein(one, other) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(samples, samples, st.floats(-100, 100), st.floats(0.1, 10))
def test_the_wasserstein_distance_moves_with_the_unit_and_not_with_the_origin(one, other, shift, scale):
    moved = wasserstein(np.array(one) * scale + shift, np.array(other) * scale + shift)

    assert moved == pytest.approx(scale * wasserstein(one, other), rel=1e-6, abs=1e-4)


@given(counts)
def test_chi_square_is_that_of_scipy(pairs):
    held = [pair for pair in pairs if sum(pair) > 0]
    assume(len(held) > 1)
    expected = stats.chi2_contingency(np.array(held).T, correction=False)

    found = chi_square(*zip(*pairs, strict=True))

    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert found.df == expected.dof


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5, 3.0])
def test_binned_distances_are_close_to_the_exact_ones(shift):
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=50_000), rng.normal(shift, 1.1, size=20_000)
    reference = numeric_reference("x", one)
    summary = summarise_numbers(other, reference)

    assert kolmogorov_smirnov_counts(reference.counts, summary.counts) == pytest.approx(
        kolmogorov_smirnov(one, other), abs=1 / 200
    )
    assert wasserstein_counts(reference, summary) * reference.deviation == pytest.approx(
        wasserstein(one, other), rel=0.06, abs=0.01
    )


def test_a_discrete_column_has_the_exact_wasserstein_distance():
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 9, 5000).astype(float), rng.integers(0, 7, 4000).astype(float)
    reference = numeric_reference("x", one)

    found = wasserstein_counts(reference, summarise_numbers(other, reference)) * reference.deviation

    assert found == pytest.approx(wasserstein(one, other))


def test_the_noise_of_equal_samples_is_taken_off():
    rng = np.random.default_rng(0)
    shares = np.full(20, 0.05)
    effects = [measure_effect(rng.multinomial(5000, shares), rng.multinomial(500, shares)) for _ in range(300)]
    measured = np.mean([effect.divergence.measured for effect in effects])
    debiased = np.mean([effect.divergence.measured - 19 / effect.divergence.multiple for effect in effects])

    assert abs(debiased) < 0.1 * measured


@pytest.mark.parametrize("effect", [0.05, 0.1, 0.2])
def test_the_interval_holds_the_true_effect_as_often_as_it_says(effect):
    rng = np.random.default_rng(1)
    shares = np.full(20, 0.05)
    moved = tilted(shares, effect)
    hits = 0
    for _ in range(300):
        found = measure_effect(rng.multinomial(20_000, shares), rng.multinomial(1000, moved)).interval(0.9)
        hits += found.holds(effect)

    assert hits / 300 > 0.9 - 3 * math.sqrt(0.09 / 300)


def tilted(shares, effect):
    """Return shares at a given Jensen-Shannon distance."""
    slope = np.linspace(-1, 1, len(shares))
    low, high = 0.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        moved = shares * np.exp(middle * slope)
        if jensen_shannon_distance(shares, moved) < effect:
            low = middle
        else:
            high = middle
    moved = shares * np.exp(low * slope)
    return moved / moved.sum()


def test_counts_of_other_bins_are_refused():
    with pytest.raises(BinMismatch):
        population_stability_index([1, 2], [1, 2, 3])
    with pytest.raises(BinMismatch):
        population_stability_index([1, -2], [1, 2])
    with pytest.raises(BinMismatch):
        population_stability_index([1, math.nan], [1, 2])


def test_samples_without_rows_are_not_enough():
    with pytest.raises(NotEnough):
        jensen_shannon_distance([0, 0], [1, 2])
    with pytest.raises(NotEnough):
        kolmogorov_smirnov([], [1.0])
    with pytest.raises(NotEnough):
        wasserstein([math.nan], [1.0])
