import pytest

from tidemill.checks.bounds import Bound, parse_bound
from tidemill.checks.errors import InvalidBound


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("< 5%", Bound("<", 0.05)),
        (">=0.60", Bound(">=", 0.6)),
        ("<= 1e-3", Bound("<=", 0.001)),
        (" > -2 ", Bound(">", -2.0)),
        ("< .5", Bound("<", 0.5)),
    ],
)
def test_a_bound_is_read_as_a_person_writes_it(text, bound):
    assert parse_bound(text) == bound


@pytest.mark.parametrize("text", ["", "5%", "= 5", "< five", "< 5%%", "<> 5", "< 1e999", "< nan", "< 5\x00", "\ud800"])
def test_what_is_no_bound_is_refused_with_a_hint(text):
    with pytest.raises(InvalidBound) as raised:
        parse_bound(text)

    assert raised.value.hint


def test_a_bound_knows_its_good_side():
    assert Bound("<", 1).holds(0.5)
    assert not Bound("<", 1).holds(1)
    assert Bound("<=", 1).holds(1)
    assert Bound(">", 1).holds(2)
    assert not Bound(">=", 1).holds(0.5)
