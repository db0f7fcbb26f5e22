"""A digest is 64 lowercase hexadecimal digits and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.digests import InvalidDigest, parse_digest


@given(st.text("0123456789abcdef", min_size=64, max_size=64))
def test_a_digest_is_taken_as_it_is(text):
    assert parse_digest(text) == text


@pytest.mark.parametrize(
    "text", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "../" + "a" * 61, "\u0661" * 64]
)
def test_anything_else_is_refused(text):
    with pytest.raises(InvalidDigest):
        parse_digest(text)


@given(st.text())
def test_no_text_makes_it_fail_otherwise(text):
    with pytest.raises(InvalidDigest) as caught:
        parse_digest(text)
    assert caught.value.message.isprintable()
