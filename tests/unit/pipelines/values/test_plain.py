import math
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.pipelines.values.plain import NotPlain, decode_plain, encode_plain, show

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**80), 2**80),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
)
KEYS = st.one_of(st.text(), st.integers(-(2**63), 2**63), st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple), st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=20,
)


def same(left, right):
    """Compare with types: True is not 1, and a tuple is no list."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return len(left) == len(right) and all(
            same(one, other) and same(left[one], right[other]) for one, other in zip(left, right, strict=True)
        )
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


@given(VALUES)
def test_a_plain_value_comes_back_as_it_was(value):
    assert same(decode_plain(encode_plain(value)), value)


def test_what_json_would_lose_stays():
    value = {1: float("inf"), "at": datetime(2013, 1, 2, 3, tzinfo=UTC), "big": 2**200, "day": date(2013, 1, 1)}
    value |= {"set": {1, 2}, "frozen": frozenset({"a"}), "time": time(1, 2), "wait": timedelta(days=-1, microseconds=3)}

    assert decode_plain(encode_plain(value)) == value
    nan = decode_plain(encode_plain(float("nan")))
    assert isinstance(nan, float)
    assert math.isnan(nan)


def test_equal_sets_have_equal_bytes():
    assert encode_plain({"b", "a", "c"}) == encode_plain({"c", "b", "a"})


def test_numpy_numbers_become_numbers():
    numpy = pytest.importorskip("numpy")

    assert decode_plain(encode_plain({"auc": numpy.float64(0.5), "n": numpy.int64(3)})) == {"auc": 0.5, "n": 3}


class Point:
    pass


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Point(), "Point"),
        ([{"a": (Point(),)}], "Point"),
        ({(1, 2): 3}, "key of type tuple"),
        (lambda: 0, "function"),
        ("\ud800", "surrogate"),
        (3 + 4j, "complex"),
    ],
)
def test_anything_else_is_named(value, kind):
    with pytest.raises(NotPlain, match=kind):
        encode_plain(value)


def test_a_subclass_of_a_plain_type_is_not_plain():
    class Name(str):
        __slots__ = ()

    with pytest.raises(NotPlain, match="Name"):
        encode_plain(Name("x"))


def test_nesting_has_an_end():
    value: object = 0
    for _ in range(1000):
        value = [value]

    with pytest.raises(NotPlain, match="nested"):
        encode_plain(value)


def test_a_long_value_is_shown_short():
    assert show("x" * 1000).endswith("…")
    assert len(show("x" * 1000)) == 120
