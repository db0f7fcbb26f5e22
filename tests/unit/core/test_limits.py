import pytest

from tidemill.core.limits import InvalidLimit, check_limit


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_what_can_be_given_at_once_is(limit):
    assert check_limit(limit, "alerts") == limit


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_nothing_less_than_nothing_and_too_much_are_refused(limit):
    with pytest.raises(InvalidLimit, match=f"{limit} alerts") as found:
        check_limit(limit, "alerts")
    assert found.value.hint == "Ask for 1 to 1000."
