import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.errors import InvalidInput
from tidemill.models.signatures import Field, Signature
from tidemill.serving.decode import Decoder

FLIGHT = Signature(
    inputs=(
        Field(name="distance", type="double"),
        Field(name="dep delay", type="double", required=False),
        Field(name="carrier", type="string"),
        Field(name="seats", type="integer"),
        Field(name="tail", type="long", required=False),
        Field(name="cancelled", type="boolean", required=False),
        Field(name="planned", type="datetime", required=False),
    ),
    outputs=(Field(name="late", type="double"),),
)
GOOD = {"distance": 100, "carrier": "UA", "seats": 12}


@pytest.fixture(scope="module")
def decoder():
    return Decoder(FLIGHT, passthrough=["flight", "note"], time="departed")


def refusal(decoder, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(InvalidInput) as caught:
        decoder.decode(raw)
    error = caught.value
    assert error.code not in {"invalid_input", "error"}
    assert error.hint
    return error


def problems(decoder, *records):
    return [(one["row"], one["field"], one["problem"]) for one in
            refusal(decoder, {"records": list(records)}).details["problems"]]  # fmt: skip


def test_rows_stand_in_the_order_of_the_signature_then_of_the_passthrough(decoder):
    row = GOOD | {"dep delay": 5.5, "flight": 7, "departed": "2013-03-01T05:17:00Z", "cancelled": False}
    found = decoder.decode(json.dumps({"records": [row]}).encode())
    assert decoder.names[7:] == ("flight", "note", "departed")
    assert found.rows == [(100.0, 5.5, "UA", 12, None, False, None, 7, None, "2013-03-01T05:17:00Z")]
    assert isinstance(found.rows[0][0], float)


def test_columns_are_kept_as_columns(decoder):
    found = decoder.decode(b'{"columns": {"distance": [1, 2], "carrier": ["a", "b"], "seats": [1, 2]}}')
    assert (found.count, found.rows) == (2, None)
    assert found.columns[0] == [1.0, 2.0]
    assert found.columns[1] == [None, None]


def test_each_problem_names_row_and_field(decoder):
    rows = [GOOD] * 7 + [GOOD | {"distance": "abc"}, GOOD | {"seats": 1.5}]
    assert problems(decoder, *rows) == [
        (7, "distance", "expected a number, found the text 'abc'"),
        (8, "seats", "expected a whole number of 32 bits, found the number 1.5"),
    ]


def test_the_message_names_the_first_problem(decoder):
    error = refusal(decoder, {"records": [GOOD, GOOD | {"distance": None}]})
    assert error.code == "invalid_rows"
    assert error.message == "Row 1, field 'distance': expected a value, found null"


def test_an_unknown_column_is_refused_with_the_nearest_name(decoder):
    row = {"distnace": 1, "carrier": "UA", "seats": 1}
    assert problems(decoder, row) == [
        (0, "distnace", "unknown column; did you mean 'distance'?"),
        (0, "distance", "is missing"),
    ]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("distance", True, "found true"),
        ("distance", [1], "found a list"),
        ("distance", {}, "found an object"),
        ("carrier", 7, "expected text, found the number 7"),
        ("seats", 2**31, "expected a whole number of 32 bits"),
        ("tail", 2**63, "expected a whole number"),
        ("cancelled", 1, "expected true or false"),
        ("planned", "yesterday", "expected a time as ISO 8601 text"),
        ("departed", "1 May", "expected a time as ISO 8601 text"),
        ("departed", 7, "expected a time as ISO 8601 text"),
        ("flight", [1], "expected text, a number"),
        ("carrier", "a\x00b", "U+0000"),
        ("note", "\ud800", "half of a surrogate pair"),
    ],
)
def test_a_wrong_value_says_what_was_expected(decoder, field, value, says):
    ((row, name, problem),) = problems(decoder, GOOD, GOOD | {field: value})
    assert (row, name) == (1, field)
    assert says in problem


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400])
def test_a_number_that_is_none_is_refused_in_its_cell(decoder, word):
    raw = b'{"records": [{"distance": %b, "carrier": "UA", "seats": 1}]}' % word.encode()
    error = refusal(decoder, raw)
    (problem,) = error.details["problems"]
    assert (problem["row"], problem["field"]) == (0, "distance")
    assert "JSON numbers cannot hold" in problem["problem"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed_json"),
        (b"   ", "malformed_json"),
        (b"{", "malformed_json"),
        (b"\xff\xfe", "malformed_json"),
        (b'{"records": [{"carrier": "\xff"}]}', "malformed_json"),
        (b'{"records": [1,]}', "malformed_json"),
        (b'{"records": []} x', "malformed_json"),
        (b"null", "invalid_body"),
        (b"[]", "invalid_body"),
        (b"7", "invalid_body"),
        (b"{}", "invalid_body"),
        (b'{"record": []}', "invalid_body"),
        (b'{"records": {}}', "invalid_body"),
        (b'{"records": [], "columns": {}}', "invalid_body"),
        (b'{"columns": {"distance": [1], "carrier": ["a", "b"], "seats": [1]}}', "invalid_body"),
        (b'{"records": [{}], "ids": [7]}', "invalid_body"),
        (b'{"records": []}', "empty_request"),
        (b'{"columns": {"distance": [], "carrier": [], "seats": []}}', "empty_request"),
        (b'{"records": [7]}', "invalid_rows"),
        (b'{"records": [null]}', "invalid_rows"),
        (b'{"columns": {}}', "invalid_rows"),
        (b'{"columns": {"distance": 1, "carrier": ["a"], "seats": [1]}}', "invalid_rows"),
        (b"[" * 100_000, "json_too_deep"),
        (b'{"records": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "json_too_deep"),
        (b'{"records": [{"distance": ' + b'{"a":' * 100_000, "json_too_deep"),
        (b'{"x' + b"\\u0000" + b'": 1}', "invalid_body"),
    ],
)
def test_a_body_of_another_shape_is_refused_with_its_code(decoder, raw, code):
    assert refusal(decoder, raw).code == code


@pytest.mark.parametrize(
    "raw",
    [
        b'{"records": [{"distance": 1, "distance": 2, "carrier": "UA", "seats": 1}]}',
        b'{"records": [{"distance": 1, "carrier": "U\\"A", "carrier": "UA", "seats": 1}]}',
        b'{"records": [{"distance": 1, "dist\\u0061nce": 1, "carrier": "UA", "seats": 1}]}',
        b'{"records": [{"distance": 1, "tail": 1, "tail": null, "carrier": "\\\\", "seats": 1}]}',
        b'{"records": [], "records": [{"distance": 1, "carrier": "UA", "seats": 1}]}',
        b'{"columns": {"distance": [1], "distance": [1], "carrier": ["UA"], "seats": [1]}}',
    ],
)
def test_a_doubled_key_is_refused(decoder, raw):
    assert refusal(decoder, raw).code == "duplicate_key"


@given(
    carriers=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), min_size=1),
    ascii_only=st.booleans(),
    data=st.data(),
)
def test_any_text_comes_through_as_it_was_sent(carriers, ascii_only, data):
    decoder = Decoder(FLIGHT, passthrough=["flight", "note"])
    rows = []
    for carrier in carriers:
        row = GOOD | {"carrier": carrier}
        if data.draw(st.booleans()):
            row["note"] = data.draw(st.none() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from(['"', '\\"', "\\"]))
        rows.append(row)
    body = {"records": rows, "ids": [str(at) for at in range(len(rows))]}
    found = decoder.decode(json.dumps(body, ensure_ascii=ascii_only).encode())
    assert [row[2] for row in found.rows or ()] == carriers
    assert [row[8] for row in found.rows or ()] == [row.get("note") for row in rows]


SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text()
KEYS = st.sampled_from(["records", "columns", "ids", "distance", "seats", "carrier"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_whatever_the_body_it_is_read_or_refused(raw):
    with contextlib.suppress(InvalidInput):
        assert Decoder(FLIGHT).decode(raw).count


@pytest.mark.parametrize(
    "ids", [["a"], ["a", "a"], ["a", ""], ["a", "b c"], ["a", "x" * 65], ["a", '"'], ["a", "b", "c"]]
)
def test_ids_that_cannot_be_used_are_refused(decoder, ids):
    assert refusal(decoder, {"records": [GOOD, GOOD], "ids": ids}).code == "invalid_prediction_ids"


def test_at_most_twenty_problems_are_listed(decoder):
    assert len(problems(decoder, *[{}] * 100)) == 20


def test_a_large_body_gets_the_first_problem(decoder):
    rows = [GOOD | {"carrier": "x" * 1000}] * 1100 + [GOOD | {"distance": "far"}]
    ((row, field, problem),) = problems(decoder, *rows)
    assert (row, field) == (1100, "distance")
    assert "str" in problem
