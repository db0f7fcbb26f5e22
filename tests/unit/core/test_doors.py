"""A package loads what of it is asked for."""

from fractions import Fraction

import pytest

from tidemill.core.doors import front_door


def test_a_front_door_loads_what_is_asked_for():
    find = front_door("here", {"Fraction": "fractions"})
    assert find("Fraction") is Fraction
    with pytest.raises(AttributeError, match=r"module .here. has no attribute .Other."):
        find("Other")
