"""Measures of agreement, against values worked out elsewhere."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.data.labels.agreement import (
    alpha_interval,
    alpha_nominal,
    cohen_kappa,
    confusion,
    raw_agreement,
)

# The reliability data of Krippendorff (2011), section C: four observers, twelve units, gaps.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
UNITS = [[value for value in unit if value is not None] for unit in zip(*OBSERVERS, strict=True)]


def test_alpha_of_the_published_example():
    assert alpha_nominal(UNITS) == pytest.approx(0.743, abs=0.0005)
    assert alpha_interval(UNITS) == pytest.approx(0.849, abs=0.0005)


def test_kappa_of_the_published_table():
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_full_agreement_is_one_and_no_variation_says_nothing():
    assert alpha_nominal([["a", "a"], ["b", "b"]]) == 1
    assert alpha_nominal([["a", "a"], ["a", "a"]]) is None
    assert alpha_interval([[2.0, 2.0], [2.0, 2.0]]) is None
    assert cohen_kappa(["a"], ["a"]) is None
    assert alpha_nominal([["a"], []]) is None
    assert raw_agreement([["a"]], lambda pair: pair[0] != pair[1]) is None


def test_alpha_far_from_zero_is_that_near_it():
    near = [[1.0, 2.0], [3.0, 3.5], [7.0, 6.0]]
    far = [[value + 1e9 for value in unit] for unit in near]
    assert alpha_interval(far) == pytest.approx(alpha_interval(near), rel=1e-6)


def test_answers_by_chance_are_near_zero():
    chance = random.Random(1)
    units = [[chance.choice("abc"), chance.choice("abc")] for _ in range(20_000)]
    assert alpha_nominal(units) == pytest.approx(0, abs=0.02)
    assert cohen_kappa([one for one, _ in units], [other for _, other in units]) == pytest.approx(0, abs=0.02)


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=4), max_size=12))
def test_alpha_is_one_at_most_and_does_not_know_who_said_what(units):
    found = alpha_nominal(units)
    assert found is None or found <= 1 + 1e-9
    assert found == pytest.approx(alpha_nominal([unit[::-1] for unit in units[::-1]]))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("ab")), min_size=1))
def test_kappa_of_two_values_on_all_rows_is_close_to_alpha_or_undefined(pairs):
    kappa = cohen_kappa([one for one, _ in pairs], [other for _, other in pairs])
    assert kappa is None or -1 - 1e-9 <= kappa <= 1 + 1e-9


def test_a_table_of_answers_against_decisions():
    assert confusion(["a", "b", "b"], ["a", "a", "b"], ["a", "b"]) == ((1, 1), (0, 1))
