import pytest

from tidemill.checks.drift.psi import PopulationStabilityIndex
from tidemill.checks.errors import InvalidParam, UnknownCheck
from tidemill.checks.performance.slices import Slices
from tidemill.checks.registry import make_check


def test_a_check_is_made_of_its_name_and_params():
    assert make_check("psi", {"at_most": 1}) == PopulationStabilityIndex(at_most=1.0)
    assert make_check("slices", {"by": ["a", "b"], "worst": ">= 0.6"}) == Slices(by=("a", "b"), worst=">= 0.6")


@pytest.mark.parametrize(
    ("name", "params", "error", "hint"),
    [
        ("pssi", {}, UnknownCheck, "psi"),
        ("slice", {}, UnknownCheck, "slices"),
        ("psi", {"at_mots": 1}, InvalidParam, "at_most"),
        ("psi", {"at_most": "much"}, InvalidParam, "at_most"),
        ("slices", {}, InvalidParam, "by"),
        ("slices", {"by": "carrier"}, InvalidParam, "by"),
    ],
)
def test_what_does_not_fit_is_refused_naming_the_nearest(name, params, error, hint):
    with pytest.raises(error) as raised:
        make_check(name, params)

    assert hint in raised.value.hint
