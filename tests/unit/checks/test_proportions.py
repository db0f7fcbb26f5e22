import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tidemill.checks.proportions import wilson


@given(st.integers(1, 2000), st.data())
def test_wilson_is_that_of_scipy(trials, data):
    successes = data.draw(st.integers(0, trials))
    expected = binomtest(successes, trials).proportion_ci(method="wilson")

    found = wilson(successes, trials)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_without_trials_anything_may_be():
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)
