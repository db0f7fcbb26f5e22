from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from tidemill.checks.errors import InvalidParam
from tidemill.checks.multiplicity import benjamini_hochberg, holm, level_per_window, parse_alarm_budget

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_a_budget_becomes_the_level_of_a_window():
    assert level_per_window("1 per 90d", timedelta(days=1)) == pytest.approx(1 / 90)
    assert level_per_window("2 per 24h", timedelta(hours=1)) == pytest.approx(2 / 24)


def test_a_level_never_becomes_a_coin():
    assert level_per_window("5 per 1d", timedelta(days=1)) == 0.5


@pytest.mark.parametrize("text", ["", "1", "one per 90d", "0 per 90d", "1 per", "1 per 90", "1 per 0d", "-1 per 1d"])
def test_what_is_no_budget_is_refused_with_a_hint(text):
    with pytest.raises(InvalidParam) as raised:
        parse_alarm_budget(text)

    assert raised.value.hint


def test_a_window_without_length_is_refused():
    with pytest.raises(InvalidParam):
        level_per_window("1 per 90d", timedelta(0))


@given(p_lists)
def test_holm_lies_between_the_p_value_and_bonferroni_and_keeps_the_order(p_values):
    adjusted = holm(p_values)

    for p_value, one in zip(p_values, adjusted, strict=True):
        assert p_value <= one <= min(1, p_value * len(p_values)) + 1e-12
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [adjusted[index] for index in order] == sorted(adjusted)


@given(p_lists)
def test_benjamini_hochberg_is_that_of_scipy(p_values):
    assert benjamini_hochberg(p_values) == pytest.approx(false_discovery_control(p_values).tolist())
