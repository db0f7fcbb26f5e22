"""Requests in the JSON form of protocol buffers, and MLflow's words for what is wrong with them."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from tidemill.server.faces.mlflow.requests import InvalidParameter, NotJson, from_body, from_query


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request, for a test."""

    name: str
    step: int = 0
    value: float = 0.0
    tags: list[str] = []


def test_whole_numbers_may_be_text_and_numbers_beyond_json_are():
    asked = from_body(b'{"name": "a", "step": "12", "value": "-Infinity", "new_field": {}}', Asked)
    assert asked == Asked(name="a", step=12, value=-math.inf)
    assert math.isnan(from_body(b'{"name": "a", "value": "NaN"}', Asked).value)


def test_a_null_is_a_field_left_out():
    assert from_body(b'{"name": "a", "step": null, "tags": null}', Asked) == Asked(name="a")


def test_a_query_gives_lists_by_repetition():
    asked = from_query(QueryParams("name=a&tags=x&tags=y&step=3&unknown=1"), Asked)
    assert asked == Asked(name="a", step=3, tags=["x", "y"])


@pytest.mark.parametrize("body", [b"", b"{}", b'{"name": ""}', b'{"name": null}'])
def test_a_missing_field_is_named(body):
    with pytest.raises(InvalidParameter, match=r"^Missing value for required parameter 'name'"):
        from_body(body, Asked)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"name": 123}', "Invalid value 123 for parameter 'name' supplied. Hint: Value was of type 'int'"),
        (b'{"name": "a", "step": "x"}', "Invalid value 'x' for parameter 'step' supplied"),
        (b'{"name": "a", "step": 1.5}', "Invalid value 1.5 for parameter 'step' supplied"),
        (b'{"name": "a", "value": 1e999}', "Number out of range"),
        (b'{"name": "a", "tags": [1]}', "Invalid value for parameter 'tags"),
        (b'{"name"', "The body is not JSON"),
        (b"[1]", "not an object"),
        (b'{"name": "\xff"}', "The body is not JSON"),
        (b'{"name":' + b"[" * 100_000, "The body is not JSON"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(body, said):
    with pytest.raises((InvalidParameter, NotJson)) as caught:
        from_body(body, Asked)
    assert said in caught.value.message


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(body):
    try:
        from_body(body, Asked)
    except (InvalidParameter, NotJson) as error:
        assert error.message  # noqa: PT017 - both ways are right
