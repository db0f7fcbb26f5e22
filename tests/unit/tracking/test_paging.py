"""Pages follow one another without a gap or an overlap."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.errors import InvalidInput
from tidemill.tracking.paging import InvalidPageToken, decode_token, encode_token, page_of


@given(total=st.integers(0, 50), size=st.integers(1, 12))
def test_pages_together_are_the_list(total, size):
    everything = list(range(total))
    seen, token = [], ""
    while True:
        page, token = page_of(
            lambda limit, offset: everything[offset : offset + limit], max_results=size, most=50, page_token=token
        )
        seen += page
        assert len(page) == size or not token
        if not token:
            break
    assert seen == everything


@pytest.mark.parametrize("size", [0, -1, 51])
def test_a_page_size_out_of_range_is_refused(size):
    with pytest.raises(InvalidInput, match="max_results"):
        page_of(lambda *_: [], max_results=size, most=50, page_token="")


@given(st.integers(0, 2**53))
def test_a_token_means_its_offset(offset):
    assert decode_token(encode_token(offset)) == offset


FORGED = ["x", "é", "MTA=", "e30=", encode_token(1)[:-2] + "!!"]


@pytest.mark.parametrize(
    "token", [*FORGED, *(base64.b64encode(each).decode() for each in (b'{"offset":-1}', b'{"offset":1e9}', b"[1]"))]
)
def test_a_token_that_was_not_made_here_is_refused(token):
    with pytest.raises(InvalidPageToken):
        decode_token(token)


@given(st.text(min_size=1))
def test_any_text_is_a_token_or_refused(text):
    with contextlib.suppress(InvalidPageToken):
        assert decode_token(text) >= 0


def test_a_token_of_one_search_is_none_of_another():
    _, token = page_of(lambda limit, _: [0] * limit, max_results=1, most=5, page_token="", search="a")
    assert page_of(lambda limit, _: [0] * limit, max_results=1, most=5, page_token=token, search="a")[0] == [0]
    for search in ("b", ""):
        with pytest.raises(InvalidPageToken, match="another search"):
            page_of(lambda limit, _: [0] * limit, max_results=1, most=5, page_token=token, search=search)
