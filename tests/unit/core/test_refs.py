"""A reference is a kind and an id, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.refs import KINDS, InvalidRef, Ref


@given(st.sampled_from(sorted(KINDS)), st.text(min_size=1))
def test_a_reference_comes_back_from_its_text(kind, identifier):
    assert Ref.parse(str(Ref(kind, identifier))) == Ref(kind, identifier)


@pytest.mark.parametrize("text", ["", "run", "run:", ":x", "king:x", "Run:x", "\0:x"])
def test_anything_else_is_no_reference(text):
    with pytest.raises(InvalidRef) as caught:
        Ref.parse(text)
    assert caught.value.hint


def test_a_kind_that_does_not_exist_cannot_be_made():
    with pytest.raises(InvalidRef, match="king"):
        Ref("king", "x")
