"""The same value has the same bytes."""

from hypothesis import given
from hypothesis import strategies as st

from tidemill.ledger.encoding import decode_json, encode_json

TEXT = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


@given(VALUES)
def test_a_value_comes_back(value):
    assert decode_json(encode_json(value)) == value


@given(st.dictionaries(TEXT, st.dictionaries(TEXT, st.integers(0, 9)), min_size=2))
def test_the_order_of_keys_makes_no_difference(value):
    turned = {key: dict(reversed(inner.items())) for key, inner in reversed(value.items())}

    assert encode_json(turned) == encode_json(value)


def test_there_is_no_space_to_be_had():
    assert encode_json({"b": [1, 2], "a": {"d": None, "c": "é"}}) == '{"a":{"c":"é","d":null},"b":[1,2]}'.encode()
